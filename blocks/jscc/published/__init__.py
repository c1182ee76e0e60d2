"""Codecs as their authors published them, which load the authors' own weights."""

from linksim.blocks.jscc.published.ntscc import (
    PublishedNTSCCDecoder,
    PublishedNTSCCDevectorizer,
    PublishedNTSCCEncoder,
    PublishedNTSCCVectorizer,
)
from linksim.blocks.jscc.published.rate_adaptive import RateAdaptiveSwinJSCCDecoder, RateAdaptiveSwinJSCCEncoder
from linksim.blocks.jscc.published.swinjscc import PublishedSwinJSCCDecoder, PublishedSwinJSCCEncoder

__all__ = [
    "PublishedNTSCCDecoder",
    "PublishedNTSCCDevectorizer",
    "PublishedNTSCCEncoder",
    "PublishedNTSCCVectorizer",
    "PublishedSwinJSCCDecoder",
    "PublishedSwinJSCCEncoder",
    "RateAdaptiveSwinJSCCDecoder",
    "RateAdaptiveSwinJSCCEncoder",
]
