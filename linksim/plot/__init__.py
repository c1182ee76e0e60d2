"""Figures in one style. Panels take axes and return them."""

from linksim.plot.curves import Curve, curves, quality, reconstructions, stacked_cbr, waterfall
from linksim.plot.description import description_report
from linksim.plot.generated import generated_report
from linksim.plot.intent import intent_report
from linksim.plot.panels import constellation, error_map, importance_map, picture, rate_map
from linksim.plot.report import contact_sheet, report
from linksim.plot.style import save_figure, styled
from linksim.plot.waveforms import eye_diagram, spectrum

__all__ = [
    "Curve",
    "constellation",
    "contact_sheet",
    "curves",
    "description_report",
    "error_map",
    "eye_diagram",
    "generated_report",
    "importance_map",
    "intent_report",
    "picture",
    "quality",
    "rate_map",
    "reconstructions",
    "report",
    "save_figure",
    "spectrum",
    "stacked_cbr",
    "styled",
    "waterfall",
]
