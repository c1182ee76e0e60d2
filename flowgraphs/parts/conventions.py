"""What a link's SNR and power mean, and what its receiver is given for nothing: ours, or as others published."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from linksim.blocks.channels.nominal_snr import PER_REAL_DIMENSION_DB
from linksim.errors import ParameterError, nearest
from linksim.flowgraphs.parts.header import Header, NoHeader, RobustHeader


@dataclass(frozen=True)
class Conventions:
    """How results were counted that are to be compared with.

    `snr_offset_db`: Es/N0 above the SNR that the link is told. `power_over`: what has mean power 1, see
    `PowerNormalizer`. `free_header`: whether the receiver knows for nothing what a header tells, unless the link is
    given a header.
    """

    snr_offset_db: float = 0.0
    power_over: str = "picture"
    free_header: bool = False

    @property
    def header(self) -> Header:
        """The one that a link has unless it is given another."""
        return NoHeader() if self.free_header else RobustHeader()


OURS = Conventions()
AS_PUBLISHED: Mapping[str, Conventions] = MappingProxyType(
    {
        "deepjscc": Conventions(snr_offset_db=PER_REAL_DIMENSION_DB, free_header=True),
        "swinjscc": Conventions(power_over="batch", free_header=True),
        "ntscc": Conventions(power_over="batch", free_header=True),
    }
)
"""By the codec's authors: github.com/chunbaobao/Deep-JSCC-PyTorch, github.com/semcomm/SwinJSCC and
github.com/wsxtyrdd/NTSCC_JSAC22."""


def conventions_of(codec: str, name: str) -> Conventions:
    """By name, "ours" or "as published"; of the latter those of the codec. Raises `ParameterError` for another name."""
    known = {"ours": OURS, "as published": AS_PUBLISHED[codec]}
    if name not in known:
        raise ParameterError(f"no conventions '{name}'; {nearest(name, known)}")
    return known[name]
