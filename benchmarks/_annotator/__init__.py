"""A simulated person who paints, the methods that learn meanwhile, and the curves that come of it."""
