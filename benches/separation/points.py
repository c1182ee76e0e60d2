"""What `linksim bench separation` simulates: the systems, the links, the points."""

from collections.abc import Mapping
from dataclasses import dataclass

from linksim import Block, Flowgraph
from linksim.benches.judged import judged
from linksim.blocks import AWGN, InstantaneousSNR, LagrangianRateAllocator, RateAllocator, Rayleigh
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs import sa_oosc, separation
from linksim.flowgraphs.parts import Codec

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
FADING_SNRS_DB = (5.0, 10.0, 15.0)
DESIGN_SNR_DB = 10.0
FADES = 2
"""Fades per picture and SNR."""
KODAK_CBR = 1 / 16
SA_OOSC = "SA-OOSC"
CODECS = {"AVIF": "avif", "HEIF": "heif", "WebP": "webp", "JPEG 2000": "jpeg2000", "JPEG": "jpeg"}


@dataclass(frozen=True)
class Digital:
    """A digital link.

    `follows`: "SNR", its scheme is chosen for the SNR of each frame; "capacity", the same with a code that reaches
    capacity; "nothing", the scheme is the one for 10 dB, whatever the SNR.
    """

    codec: str = "avif"
    region_gain: float = 1.0
    follows: str = "SNR"


SCENE_SYSTEMS: Mapping[str, Digital | None] = {
    SA_OOSC: None,
    "AVIF": Digital(),
    "AVIF, regions twice": Digital(region_gain=2.0),
    "AVIF, regions four times": Digital(region_gain=4.0),
    "AVIF, regions twice, at capacity": Digital(region_gain=2.0, follows="capacity"),
    "AVIF, regions twice, fixed for 10 dB": Digital(region_gain=2.0, follows="nothing"),
    **{name: Digital(codec) for name, codec in CODECS.items() if codec != "avif"},
}
"""On street scenes. "Regions" spend so many times the bytes per pixel on tiles with anything important."""
KODAK_SYSTEMS: Mapping[str, Digital | None] = {
    SA_OOSC: None,
    **{name: Digital(codec) for name, codec in CODECS.items()},
    "AVIF, at capacity": Digital(follows="capacity"),
    "AVIF, fixed for 10 dB": Digital(follows="nothing"),
}
SYSTEMS: Mapping[str, Mapping[str, Digital | None]] = {"scenes": SCENE_SYSTEMS, "kodak": KODAK_SYSTEMS}


def snrs_of(digital: Digital | None, channel: str) -> tuple[float, ...]:
    """Where a system is measured. What only marks a place, other codecs, other regions and capacity, stays on AWGN."""
    if digital is not None and digital.codec != "avif":
        return (DESIGN_SNR_DB,) if channel == "awgn" else ()
    if channel == "awgn":
        return SNRS_DB
    marks = digital is not None and (digital.follows == "capacity" or digital.region_gain > 2)
    return () if marks else FADING_SNRS_DB


def link(pictures: str, system: str, channel: str) -> Flowgraph:
    """A system within the CBR of these pictures, everything counted.

    On slow Rayleigh fading the receiver knows the channel. The transmitter of a digital link that follows the SNR knows
    every frame's fade too; the other transmitters know the mean SNR.
    """
    digital = SYSTEMS[pictures][system]
    cbr = PAPER_CBR if pictures == "scenes" else KODAK_CBR
    fading = channel == "rayleigh"
    if digital is None:
        return judged(_learned(pictures, cbr, Rayleigh() if fading else AWGN()))
    known_fade = fading and digital.follows != "nothing"
    inner = separation(
        codec=digital.codec,
        region_gain=digital.region_gain,
        target_cbr_total=cbr,
        ideal=digital.follows == "capacity",
        design_snr_db=DESIGN_SNR_DB if digital.follows == "nothing" else None,
        channel=Rayleigh() if fading and not known_fade else AWGN(),
    )
    return judged(inner, fade=InstantaneousSNR() if known_fade else None)


def _learned(pictures: str, cbr: float, channel: Block) -> Flowgraph:
    """SA-OOSC; without importance, the codec without its boost and the rate by entropy."""
    if pictures == "scenes":
        return sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=cbr), channel=channel)
    rate = RateAllocator(target_cbr_total=cbr, alpha=0.0)
    return sa_oosc(codec=Codec(importance_gain_db=0.0), rate=rate, channel=channel)
