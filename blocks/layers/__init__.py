"""A picture in layers that are protected apart: importance levels over a small base."""

from linksim.blocks.layers.adaptation import LayerAdaptation
from linksim.blocks.layers.control import LayerControlDecoder, LayerControlEncoder
from linksim.blocks.layers.picture_decoder import LayeredPictureDecoder
from linksim.blocks.layers.picture_encoder import LayeredPictureEncoder
from linksim.blocks.layers.transport import LayerTransportDecoder, LayerTransportEncoder

__all__ = [
    "LayerAdaptation",
    "LayerControlDecoder",
    "LayerControlEncoder",
    "LayerTransportDecoder",
    "LayerTransportEncoder",
    "LayeredPictureDecoder",
    "LayeredPictureEncoder",
]
