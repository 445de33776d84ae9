"""Running a network on whole images: devices, tiles, weights. Trains nothing."""
