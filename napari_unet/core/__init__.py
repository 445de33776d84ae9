"""The types everybody needs: images, strokes, classes, parameters, methods. Imports nothing else of the project.

``learning`` trains a network on strokes, ``predicting`` runs one on whole images, ``classical`` is what the classical
methods share, ``instant`` answers at every stroke.
"""
