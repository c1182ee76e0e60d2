"""Codecs as their authors published them, which load the authors' own weights."""

from linksim.blocks.jscc.published.rate_adaptive import RateAdaptiveSwinJSCCDecoder, RateAdaptiveSwinJSCCEncoder
from linksim.blocks.jscc.published.swinjscc import PublishedSwinJSCCDecoder, PublishedSwinJSCCEncoder

__all__ = [
    "PublishedSwinJSCCDecoder",
    "PublishedSwinJSCCEncoder",
    "RateAdaptiveSwinJSCCDecoder",
    "RateAdaptiveSwinJSCCEncoder",
]
