"""The catalogue of blocks, one folder per stage of the link."""

from linksim.blocks.channels import AWGN, Rayleigh, Rician
from linksim.blocks.equalizers import MMSEEqualizer, ZeroForcingEqualizer
from linksim.blocks.framing import ErasureConcealment, FrameBuilder, FrameSplitter
from linksim.blocks.header import HeaderDecoder, HeaderEncoder, IdealHeader
from linksim.blocks.importance import PatchImportance
from linksim.blocks.jscc import (
    Deserializer,
    LinearJSCCDecoder,
    LinearJSCCDistortion,
    LinearJSCCEncoder,
    PowerNormalizer,
    Serializer,
)
from linksim.blocks.metrics import PSNR, SAD, BitErrors, CBRLedger, FrameErrors, HeaderErrors, PatchPSNR
from linksim.blocks.modulation import BPSKDemapper, BPSKMapper, QPSKDemapper, QPSKMapper
from linksim.blocks.rate import RateAllocator
from linksim.blocks.sources import BitSource, PictureSource
from linksim.blocks.tokens import Detokenizer, Tokenizer
from linksim.blocks.vectorizer import KLTDevectorizer, KLTVectorizer

__all__ = [
    "AWGN",
    "PSNR",
    "SAD",
    "BPSKDemapper",
    "BPSKMapper",
    "BitErrors",
    "BitSource",
    "CBRLedger",
    "Deserializer",
    "Detokenizer",
    "ErasureConcealment",
    "FrameBuilder",
    "FrameErrors",
    "FrameSplitter",
    "HeaderDecoder",
    "HeaderEncoder",
    "HeaderErrors",
    "IdealHeader",
    "KLTDevectorizer",
    "KLTVectorizer",
    "LinearJSCCDecoder",
    "LinearJSCCDistortion",
    "LinearJSCCEncoder",
    "MMSEEqualizer",
    "PatchImportance",
    "PatchPSNR",
    "PictureSource",
    "PowerNormalizer",
    "QPSKDemapper",
    "QPSKMapper",
    "RateAllocator",
    "Rayleigh",
    "Rician",
    "Serializer",
    "Tokenizer",
    "ZeroForcingEqualizer",
]
