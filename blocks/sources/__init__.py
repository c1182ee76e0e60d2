"""Where data begins."""

from linksim.blocks.sources.bit_source import BitSource
from linksim.blocks.sources.picture_source import PictureSource, list_pictures, read_picture

__all__ = ["BitSource", "PictureSource", "list_pictures", "read_picture"]
