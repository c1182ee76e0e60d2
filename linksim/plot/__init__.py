"""Figures in one style. Panels take axes and return them."""

from linksim.plot.panels import constellation, error_map, importance_map, picture, rate_map
from linksim.plot.report import contact_sheet, report

__all__ = ["constellation", "contact_sheet", "error_map", "importance_map", "picture", "rate_map", "report"]
