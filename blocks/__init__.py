"""The catalogue of blocks, one folder per stage of the link."""

from linksim.blocks.channels import AWGN, MixedFading, Rayleigh, Rician
from linksim.blocks.equalizers import MMSEEqualizer, ZeroForcingEqualizer
from linksim.blocks.framing import ErasureConcealment, FrameBuilder, FrameSplitter
from linksim.blocks.header import HeaderDecoder, HeaderEncoder, IdealHeader
from linksim.blocks.importance import PatchImportance
from linksim.blocks.jscc import (
    Deserializer,
    JSCCDecoder,
    JSCCEncoder,
    LinearJSCCDecoder,
    LinearJSCCDistortion,
    LinearJSCCEncoder,
    PowerNormalizer,
    Serializer,
)
from linksim.blocks.losses import BitsPerPixel, HVLoss, SystemLoss, WeightedDistortion
from linksim.blocks.metrics import PSNR, SAD, BitErrors, CBRLedger, Delivered, FrameErrors, HeaderErrors, PatchPSNR
from linksim.blocks.modulation import BPSKDemapper, BPSKMapper, QPSKDemapper, QPSKMapper
from linksim.blocks.picture_codecs import PictureDecoder, PictureEncoder
from linksim.blocks.rate import RandomRateAllocator, RateAllocator
from linksim.blocks.semantics import (
    ClassImportance,
    DrawnImportance,
    ImportanceAnnotator,
    ImportanceStudent,
    ObjectDetector,
    RuleImportance,
)
from linksim.blocks.sionna import (
    LDPCDecoder,
    LDPCEncoder,
    OFDMChannel,
    PolarDecoder,
    PolarEncoder,
    QAMDemapper,
    QAMMapper,
    SionnaBlock,
)
from linksim.blocks.sources import BitSource, PictureSource
from linksim.blocks.tensorflow import KerasBlock
from linksim.blocks.tokens import Detokenizer, Tokenizer
from linksim.blocks.transport import (
    ControlDecoder,
    ControlEncoder,
    IdealTransport,
    LinkAdaptation,
    TransportDecoder,
    TransportEncoder,
)
from linksim.blocks.vectorizer import HVDevectorizer, HVVectorizer, KLTDevectorizer, KLTVectorizer

__all__ = [
    "AWGN",
    "PSNR",
    "SAD",
    "BPSKDemapper",
    "BPSKMapper",
    "BitErrors",
    "BitSource",
    "BitsPerPixel",
    "CBRLedger",
    "ClassImportance",
    "ControlDecoder",
    "ControlEncoder",
    "Delivered",
    "Deserializer",
    "Detokenizer",
    "DrawnImportance",
    "ErasureConcealment",
    "FrameBuilder",
    "FrameErrors",
    "FrameSplitter",
    "HVDevectorizer",
    "HVLoss",
    "HVVectorizer",
    "HeaderDecoder",
    "HeaderEncoder",
    "HeaderErrors",
    "IdealHeader",
    "IdealTransport",
    "ImportanceAnnotator",
    "ImportanceStudent",
    "JSCCDecoder",
    "JSCCEncoder",
    "KLTDevectorizer",
    "KLTVectorizer",
    "KerasBlock",
    "LDPCDecoder",
    "LDPCEncoder",
    "LinearJSCCDecoder",
    "LinearJSCCDistortion",
    "LinearJSCCEncoder",
    "LinkAdaptation",
    "MMSEEqualizer",
    "MixedFading",
    "OFDMChannel",
    "ObjectDetector",
    "PatchImportance",
    "PatchPSNR",
    "PictureDecoder",
    "PictureEncoder",
    "PictureSource",
    "PolarDecoder",
    "PolarEncoder",
    "PowerNormalizer",
    "QAMDemapper",
    "QAMMapper",
    "QPSKDemapper",
    "QPSKMapper",
    "RandomRateAllocator",
    "RateAllocator",
    "Rayleigh",
    "Rician",
    "RuleImportance",
    "Serializer",
    "SionnaBlock",
    "SystemLoss",
    "Tokenizer",
    "TransportDecoder",
    "TransportEncoder",
    "WeightedDistortion",
    "ZeroForcingEqualizer",
]
