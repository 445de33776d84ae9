"""Models of other programs: ONNX files, packages of bioimage.io, and models that are asked with points.

Runs graphs, and no code that came with them; weights are given to the package that the user has installed for them.
"""
