"""Weights that the authors of a paper published, as files that linksim's own links take."""

from linksim.published.imported import KINDS, Imported, import_weights

__all__ = ["KINDS", "Imported", "import_weights"]
