"""The foundation: arrays, strokes, tiles, training. Imports no shelf, no session and no GUI package."""
