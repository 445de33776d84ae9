"""The window: the only package that imports napari, Qt, magicgui and superqt. Computes nothing itself."""
