"""Errors, quality and cost, one value per frame; and the distance of sets of pictures."""

from linksim.blocks.metrics.bandwidth_ratio import BandwidthRatio
from linksim.blocks.metrics.bit_errors import BitErrors, FrameErrors
from linksim.blocks.metrics.bleu import BLEU
from linksim.blocks.metrics.brisque import BRISQUE
from linksim.blocks.metrics.burst_errors import ErrorVectorMagnitude, LostBursts
from linksim.blocks.metrics.cbr_ledger import CBRLedger, SideInformationLedger, TotalUses
from linksim.blocks.metrics.clip_score import CLIPScore
from linksim.blocks.metrics.contextual_similarity import ContextualSimilarity
from linksim.blocks.metrics.delivered import Delivered
from linksim.blocks.metrics.dists import DISTS
from linksim.blocks.metrics.entropy_scores import EntropyScores
from linksim.blocks.metrics.feature_cosine import FeatureCosine
from linksim.blocks.metrics.frechet_distance import FeatureMoments, feature_moments, frechet_distance
from linksim.blocks.metrics.header_errors import HeaderErrors
from linksim.blocks.metrics.hed_distance import HEDDistance
from linksim.blocks.metrics.lpips import LPIPS
from linksim.blocks.metrics.ms_ssim import MSSSIM
from linksim.blocks.metrics.niqe import NIQE
from linksim.blocks.metrics.object_consistency import ObjectConsistency
from linksim.blocks.metrics.patch_psnr import PatchPSNR
from linksim.blocks.metrics.psnr import PSNR
from linksim.blocks.metrics.region_psnr import RegionPSNR
from linksim.blocks.metrics.sad import SAD
from linksim.blocks.metrics.sentence_similarity import SentenceSimilarity
from linksim.blocks.metrics.ssim import SSIM
from linksim.blocks.metrics.use_ledger import UseLedger
from linksim.blocks.metrics.word_errors import SentenceErrors, WordErrors

__all__ = [
    "BLEU",
    "BRISQUE",
    "DISTS",
    "LPIPS",
    "MSSSIM",
    "NIQE",
    "PSNR",
    "SAD",
    "SSIM",
    "BandwidthRatio",
    "BitErrors",
    "CBRLedger",
    "CLIPScore",
    "ContextualSimilarity",
    "Delivered",
    "EntropyScores",
    "ErrorVectorMagnitude",
    "FeatureCosine",
    "FeatureMoments",
    "FrameErrors",
    "HEDDistance",
    "HeaderErrors",
    "LostBursts",
    "ObjectConsistency",
    "PatchPSNR",
    "RegionPSNR",
    "SentenceErrors",
    "SentenceSimilarity",
    "SideInformationLedger",
    "TotalUses",
    "UseLedger",
    "WordErrors",
    "feature_moments",
    "frechet_distance",
]
