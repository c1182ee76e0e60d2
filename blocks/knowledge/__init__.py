"""Knowledge bases: what a picture says in words, and a picture that fits the words."""

from linksim.blocks.knowledge.caption_decoder import CaptionDecoder
from linksim.blocks.knowledge.captioned_picture_source import CaptionedPictureSource
from linksim.blocks.knowledge.captioner import Captioner
from linksim.blocks.knowledge.picture_features import PictureFeatureExtractor
from linksim.blocks.knowledge.picture_flow import PictureFlow
from linksim.blocks.knowledge.picture_generator import PictureGenerator

__all__ = [
    "CaptionDecoder",
    "CaptionedPictureSource",
    "Captioner",
    "PictureFeatureExtractor",
    "PictureFlow",
    "PictureGenerator",
]
