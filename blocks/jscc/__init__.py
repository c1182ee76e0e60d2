"""Joint source-channel coding of the latent."""

from linksim.blocks.jscc.deepjscc import DeepJSCCDecoder, DeepJSCCEncoder
from linksim.blocks.jscc.latent_search import LatentSearch
from linksim.blocks.jscc.linear import LinearJSCCDecoder, LinearJSCCEncoder
from linksim.blocks.jscc.linear_distortion import LinearJSCCDistortion
from linksim.blocks.jscc.neural import JSCCDecoder, JSCCEncoder
from linksim.blocks.jscc.power_normalizer import PowerNormalizer
from linksim.blocks.jscc.serializer import Deserializer, Serializer
from linksim.blocks.jscc.swinjscc import SwinJSCCDecoder, SwinJSCCEncoder

__all__ = [
    "DeepJSCCDecoder",
    "DeepJSCCEncoder",
    "Deserializer",
    "JSCCDecoder",
    "JSCCEncoder",
    "LatentSearch",
    "LinearJSCCDecoder",
    "LinearJSCCDistortion",
    "LinearJSCCEncoder",
    "PowerNormalizer",
    "Serializer",
    "SwinJSCCDecoder",
    "SwinJSCCEncoder",
]
