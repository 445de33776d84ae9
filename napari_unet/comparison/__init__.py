"""One comparison of methods: contenders, their runs, folds of strokes, evaluation. Reads no files, draws nothing."""
