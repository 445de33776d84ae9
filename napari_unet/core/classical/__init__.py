"""What the classical methods share: even light, looks of a class, regions, the search for knobs. Runs no network."""
