"""Generative communication: the structure by a codec, the rest by a sentence and a model that finishes the picture."""

from linksim.blocks.generative.background import BackgroundDecoder, BackgroundEncoder, BranchFusion
from linksim.blocks.generative.candidate_editor import CandidateEditor
from linksim.blocks.generative.codec import GenEDDecoder, GenEDEncoder, GenEDRouter
from linksim.blocks.generative.edge_map import EdgeMap
from linksim.blocks.generative.foreground import ForegroundDecoder, ForegroundEncoder
from linksim.blocks.generative.latent_denoiser import LatentDenoiser
from linksim.blocks.generative.latent_diffusion import LatentDiffusionDecoder, LatentDiffusionEncoder
from linksim.blocks.generative.picture_editor import PictureEditor
from linksim.blocks.generative.semantic_importance import SemanticImportancePredictor
from linksim.blocks.generative.semantic_score_map import SemanticScoreMap
from linksim.blocks.generative.sgdjscc import SGDJSCCDecoder, SGDJSCCEncoder

__all__ = [
    "BackgroundDecoder",
    "BackgroundEncoder",
    "BranchFusion",
    "CandidateEditor",
    "EdgeMap",
    "ForegroundDecoder",
    "ForegroundEncoder",
    "GenEDDecoder",
    "GenEDEncoder",
    "GenEDRouter",
    "LatentDenoiser",
    "LatentDiffusionDecoder",
    "LatentDiffusionEncoder",
    "PictureEditor",
    "SGDJSCCDecoder",
    "SGDJSCCEncoder",
    "SemanticImportancePredictor",
    "SemanticScoreMap",
]
