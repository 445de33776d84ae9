"""The foundation: images, strokes, classes, knobs and the verbs of a method. Imports no shelf, session or GUI package.

``learning`` trains a network on strokes, ``predicting`` runs one on whole images, ``classical`` is what the classical
methods share, ``instant`` answers at every stroke.
"""
