"""What the receiver must know, sent robustly."""

from linksim.blocks.header.decoder import HeaderDecoder
from linksim.blocks.header.encoder import HeaderEncoder
from linksim.blocks.header.ideal import IdealHeader
from linksim.blocks.header.none import NoHeader
from linksim.blocks.header.short import ShortHeaderDecoder, ShortHeaderEncoder

__all__ = ["HeaderDecoder", "HeaderEncoder", "IdealHeader", "NoHeader", "ShortHeaderDecoder", "ShortHeaderEncoder"]
