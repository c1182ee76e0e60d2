"""Digital transport of bits: link adaptation, channel coding, modulation, control information."""
