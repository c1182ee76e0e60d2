"""Trained weights that come with the package; each has a card beside it."""
