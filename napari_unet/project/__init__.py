"""A session on disk: images by reference, strokes, models and results in a folder. Knows neither Qt nor napari."""
