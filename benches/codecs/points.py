"""What `linksim bench codecs` simulates: the systems, the links, the points."""

from collections.abc import Callable
from typing import Any

from linksim import Block, Flowgraph
from linksim.blocks import AWGN, MSSSIM, AmplitudeFading, FixedRate, LagrangianRateAllocator, RateAllocator, Rayleigh
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs import deepjscc, ntscc, oosc, sa_oosc, semantic_separation, separation, swinjscc
from linksim.flowgraphs.parts import Codec
from linksim.flowgraphs.semantic_separation import FOR_10_DB

SA_OOSC, HIGH_FIRST, ALPHA_RULE, OOSC = "SA-OOSC", "SA-OOSC, high first", "SA-OOSC, alpha 16", "OOSC"
NTSCC, DEEPJSCC, SWINJSCC = "NTSCC", "DeepJSCC", "SwinJSCC"
RIVAL = "AVIF + LDPC, regions twice"
REGION_GAINS = {"AVIF + LDPC": 1.0, RIVAL: 2.0, "AVIF + LDPC, regions four times": 4.0}
"""Digital links that know the SNR, by how many times the bytes per pixel go to what matters."""
LAYERS, DESIGNED = "layers", "layers, designed for 10 dB"
"""`semantic_separation`, knowing the SNR, and without feedback."""
SYSTEMS = (SA_OOSC, HIGH_FIRST, ALPHA_RULE, OOSC, NTSCC, DEEPJSCC, SWINJSCC, *REGION_GAINS, LAYERS, DESIGNED)
JOINT = (SA_OOSC, OOSC, NTSCC, DEEPJSCC, SWINJSCC)
"""Joint source-channel coding, one system for all SNRs."""
CURVES = (*JOINT, RIVAL, LAYERS, DESIGNED)
"""Those that are measured at every SNR; the others on AWGN at 10 dB alone."""
FADING = (*JOINT, DESIGNED)
"""Those that are measured over fading: no transmitter knows a fade."""
WITHOUT_IMPORTANCE = (SA_OOSC, NTSCC, DEEPJSCC, SWINJSCC)
"""Where there are no objects OOSC is SA-OOSC."""
CHANNELS: dict[str, Callable[[], Block]] = {"awgn": AWGN, "rayleigh": Rayleigh, "real rayleigh": AmplitudeFading}
WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    SA_OOSC: (1.0, 2.0, 4.0, 8.0),
    OOSC: (1.0, 2.0, 4.0, 8.0),
    HIGH_FIRST: (1.0, 1.0, 1.0, 8.0),
}
"""Of background, low, medium and high patches in the rate: the paper's, and what serves highly important ones alone."""
ALPHA, MAP_SMOOTHING = 16.0, 0.5
DESIGN_SNR_DB = 10.0
SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)
SCENE_SNRS_DB = (1.0, 7.0, 10.0, 13.0)
FADING_SNRS_DB = (3.0, 10.0)
REAL_FADING_SNRS_DB = (10.0,)
RATES = {"1/48": 1 / 48, "1/24": 1 / 24, "1/16": 1 / 16, "1/12": 1 / 12}
MIDDLE_RATE = "1/16"


def scene_link(system: str, channel: str) -> Flowgraph:
    """A system for street scenes, everything that it sends within CBR 0.0201."""
    common: dict[str, Any] = {"channel": CHANNELS[channel]()}
    goal: dict[str, Any] = {"target_cbr_total": PAPER_CBR}
    if system in (LAYERS, DESIGNED):
        protection = FOR_10_DB if system == DESIGNED else None
        return semantic_separation(protection=protection, channel=common["channel"], **goal)
    if system in REGION_GAINS:
        return separation(codec="avif", region_gain=REGION_GAINS[system], channel=common["channel"], **goal)
    if system in WEIGHTS:
        link = oosc if system == OOSC else sa_oosc
        return link(rate=LagrangianRateAllocator(importance_weights=WEIGHTS[system], **goal), **common)
    if system == ALPHA_RULE:
        codec = Codec(importance_gain_db=0.0)
        return sa_oosc(codec=codec, rate=RateAllocator(alpha=ALPHA, map_smoothing=MAP_SMOOTHING, **goal), **common)
    if system == NTSCC:
        return ntscc(rate=RateAllocator(map_smoothing=MAP_SMOOTHING, **goal), **common)
    return {DEEPJSCC: deepjscc, SWINJSCC: swinjscc}[system](rate=FixedRate(**goal), **common)


def kodak_link(system: str, channel: str, rate: str) -> Flowgraph:
    """A system for photographs without importance, its payload at a rate as papers count it; MS-SSIM on AWGN."""
    common: dict[str, Any] = {
        "channel": CHANNELS[channel](),
        "metrics": [MSSSIM()] if channel == "awgn" else [],
    }
    goal: dict[str, Any] = {"target_cbr": RATES[rate]}
    if system == SA_OOSC:
        return sa_oosc(codec=Codec(importance_gain_db=0.0), rate=RateAllocator(alpha=0.0, **goal), **common)
    if system == NTSCC:
        return ntscc(rate=RateAllocator(**goal), **common)
    return {DEEPJSCC: deepjscc, SWINJSCC: swinjscc}[system](rate=FixedRate(**goal), **common)


def scene_points(system: str, channel: str) -> list[dict[str, Any]]:
    """The SNRs of a system on a channel."""
    if channel == "awgn":
        snrs = SCENE_SNRS_DB if system in CURVES else (DESIGN_SNR_DB,)
    else:
        snrs = FADING_SNRS_DB if system in FADING else ()
    return [{"channel": channel, "snr_db": snr} for snr in snrs]


def kodak_points(channel: str) -> list[dict[str, Any]]:
    """Rates at 10 dB and SNRs at 1/16 on AWGN; SNRs at 1/16 elsewhere."""
    cases = [(MIDDLE_RATE, snr_db) for snr_db in _snrs_of(channel)]
    if channel == "awgn":
        cases += [(rate, DESIGN_SNR_DB) for rate in RATES if rate != MIDDLE_RATE]
    return [{"channel": channel, "rate": rate, "snr_db": snr_db} for rate, snr_db in cases]


def _snrs_of(channel: str) -> tuple[float, ...]:
    return {"awgn": SNRS_DB, "rayleigh": FADING_SNRS_DB, "real rayleigh": REAL_FADING_SNRS_DB}[channel]
