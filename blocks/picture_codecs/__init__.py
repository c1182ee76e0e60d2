"""Picture codecs: a picture as bits, and back."""

from linksim.blocks.picture_codecs.enhancer import PictureEnhancer
from linksim.blocks.picture_codecs.picture_coder import PictureDecoder, PictureEncoder

__all__ = ["PictureDecoder", "PictureEncoder", "PictureEnhancer"]
