"""Learning from strokes: what is painted, patches of it, the network that learns. Knows no registry and no window."""
