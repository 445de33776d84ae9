"""Hostile input for everything that reads: made from a seed, run under a watch, counted. Knows no test framework.

``PYTHONPATH=tests python -m fuzzing --inputs 10000`` prints the table; every input can be made again from its reader,
its number and the seed.
"""
