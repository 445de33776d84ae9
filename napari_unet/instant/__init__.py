"""An answer at every stroke: kept features and a linear head on them. Trains no network."""
