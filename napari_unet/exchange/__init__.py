"""Models that leave: ONNX, torch.export, packages of bioimage.io. Trains nothing, and knows no window."""
