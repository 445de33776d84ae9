"""What ``benchmarks/objects.py`` is made of: answers that are kept, agreement of objects, a simulated hand."""
