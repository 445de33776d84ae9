"""What the classical methods share: uneven light, appearance of a class, regions, parameter search."""
