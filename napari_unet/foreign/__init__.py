"""Models of other programs: ONNX files and packages of bioimage.io. Runs their graph, and no code that came with it."""
