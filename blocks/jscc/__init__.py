"""Joint source-channel coding of the latent."""

from linksim.blocks.jscc.channel_state import ChannelStateEmbedding
from linksim.blocks.jscc.deepjscc import DeepJSCCDecoder, DeepJSCCEncoder
from linksim.blocks.jscc.deepjscc_cnn import DeepJSCCCNNDecoder, DeepJSCCCNNEncoder
from linksim.blocks.jscc.latent_search import LatentSearch
from linksim.blocks.jscc.linear import LinearJSCCDecoder, LinearJSCCEncoder
from linksim.blocks.jscc.linear_distortion import LinearJSCCDistortion
from linksim.blocks.jscc.mask_attention import MaskGuidedAttention
from linksim.blocks.jscc.neural import JSCCDecoder, JSCCEncoder
from linksim.blocks.jscc.power_normalizer import PowerNormalizer
from linksim.blocks.jscc.published import (
    PublishedNTSCCDecoder,
    PublishedNTSCCDevectorizer,
    PublishedNTSCCEncoder,
    PublishedNTSCCVectorizer,
    PublishedSwinJSCCDecoder,
    PublishedSwinJSCCEncoder,
    RateAdaptiveSwinJSCCDecoder,
    RateAdaptiveSwinJSCCEncoder,
)
from linksim.blocks.jscc.serializer import Deserializer, Serializer
from linksim.blocks.jscc.swinjscc import SwinJSCCDecoder, SwinJSCCEncoder
from linksim.blocks.jscc.uidsc import UIDSCDecoder, UIDSCEncoder

__all__ = [
    "ChannelStateEmbedding",
    "DeepJSCCCNNDecoder",
    "DeepJSCCCNNEncoder",
    "DeepJSCCDecoder",
    "DeepJSCCEncoder",
    "Deserializer",
    "JSCCDecoder",
    "JSCCEncoder",
    "LatentSearch",
    "LinearJSCCDecoder",
    "LinearJSCCDistortion",
    "LinearJSCCEncoder",
    "MaskGuidedAttention",
    "PowerNormalizer",
    "PublishedNTSCCDecoder",
    "PublishedNTSCCDevectorizer",
    "PublishedNTSCCEncoder",
    "PublishedNTSCCVectorizer",
    "PublishedSwinJSCCDecoder",
    "PublishedSwinJSCCEncoder",
    "RateAdaptiveSwinJSCCDecoder",
    "RateAdaptiveSwinJSCCEncoder",
    "Serializer",
    "SwinJSCCDecoder",
    "SwinJSCCEncoder",
    "UIDSCDecoder",
    "UIDSCEncoder",
]
