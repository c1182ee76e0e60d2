"""What links are made of: the codec, the header, and the flowgraphs of transmitter and receiver."""

from linksim.flowgraphs.parts.codec import (
    Codec,
    DeepJSCCCNNCodec,
    DeepJSCCCodec,
    GenEDCodec,
    KLTCodec,
    LatentDiffusionCodec,
    PictureCodec,
    PublishedNTSCCCodec,
    PublishedSwinJSCCCodec,
    SGDJSCCCodec,
    SwinJSCCCodec,
    UIDSCCodec,
    published_codec,
)
from linksim.flowgraphs.parts.conventions import Conventions
from linksim.flowgraphs.parts.header import Header, IdealHeader, NoHeader, RobustHeader
from linksim.flowgraphs.parts.picture_link import PICTURE_INPUTS, picture_link
from linksim.flowgraphs.parts.system import PictureSystem

__all__ = [
    "PICTURE_INPUTS",
    "Codec",
    "Conventions",
    "DeepJSCCCNNCodec",
    "DeepJSCCCodec",
    "GenEDCodec",
    "Header",
    "IdealHeader",
    "KLTCodec",
    "LatentDiffusionCodec",
    "NoHeader",
    "PictureCodec",
    "PictureSystem",
    "PublishedNTSCCCodec",
    "PublishedSwinJSCCCodec",
    "RobustHeader",
    "SGDJSCCCodec",
    "SwinJSCCCodec",
    "UIDSCCodec",
    "picture_link",
    "published_codec",
]
