"""What ``benchmarks/trust.py`` is made of."""
