"""Digital transport of bits: link adaptation, channel coding, modulation, control information."""

from linksim.blocks.transport.control import ControlDecoder, ControlEncoder
from linksim.blocks.transport.link_adaptation import LinkAdaptation
from linksim.blocks.transport.short_transport import ShortTransportDecoder, ShortTransportEncoder
from linksim.blocks.transport.transport_coder import CapacityAchievingTransport, TransportDecoder, TransportEncoder

__all__ = [
    "CapacityAchievingTransport",
    "ControlDecoder",
    "ControlEncoder",
    "LinkAdaptation",
    "ShortTransportDecoder",
    "ShortTransportEncoder",
    "TransportDecoder",
    "TransportEncoder",
]
