"""The page of `linksim bench generative`."""

import math
from typing import TYPE_CHECKING

from linksim.benches.generative.points import (
    AVIF,
    CAPTIONED,
    CBRS,
    EDITED,
    FIRST,
    HOSONUMA25,
    LOST_CAPTION,
    MIDDLE,
    NAM24,
    OTHER_CAPTION,
    PICTURES,
    SA_OOSC,
    SGDJSCC,
    SNRS_DB,
    SWINJSCC,
    SYSTEMS,
    where,
)
from linksim.benches.tables import look_up, markdown, paired_gain

if TYPE_CHECKING:
    import pandas as pd

METRICS = {
    "psnr": ("PSNR of the whole picture, dB", "higher is better", 2),
    "salient_psnr": ("PSNR of the salient pixels, dB", "higher is better", 2),
    "hed": ("perceptual distance on HED's features (`HEDDistance`)", "lower is better", 3),
    "brisque": ("BRISQUE, LIVE's model", "lower is better", 1),
    "niqe": ("NIQE, fitted on BSDS500 here", "lower is better", 2),
    "feature_cosine": ("cosine of EfficientNet-Lite1's features", "higher is better", 3),
    "disappeared": ("share of the classes seen in the original that are not seen again", "lower is better", 2),
    "appeared": ("share of the classes seen that the original does not have", "lower is better", 2),
    "cbr_total": ("channel bandwidth ratio of everything that was sent", "the same for all", 4),
}
SHARES = ("disappeared", "appeared")
"""Of classes: there is none where no class is seen in any picture."""
CHANNEL_NAMES = {"awgn": "AWGN", "rayleigh": "slow Rayleigh fading, one fade a picture, known at the receiver"}
HEAD = f"""# Structure first, the rest made: GenED-SC

Made by `linksim bench generative` from the shipped weights: {PICTURES} test pictures with a map of what is salient,
95 % intervals over pictures. All systems see the same pictures. Everything that a system sends, header included, fits
in the same channel bandwidth ratio (CBR). SNRs are Es/N0 per complex use. A lost header is a mid-grey picture.

Over fading the first stage, SwinJSCC, SA-OOSC and AVIF see the same fades. The systems that make a picture from what
such a link gives see the same fades as each other, but not those of the first four. There compare within the two
groups.

"{FIRST}" is what was received. "{EDITED}" is a picture that a network at the receiver made of it: it may show what was
not there. "{SWINJSCC}" gives all patches the same rate; it was trained on for these SNRs, on the pictures of the first
stage and for as long. "{SGDJSCC}" sends a latent that is the same at every SNR, and takes out the noise by one step of
a small diffusion model. "{SA_OOSC}" shares the rate by content, and does not know what is salient. "{AVIF}" follows the
SNR by modulation and code rate, and shows nothing where a frame is lost. "{CAPTIONED}" spends a part of the same ratio
on a caption that a person wrote. "{HOSONUMA25}" sends a painted picture of 64 pixels and that caption, and draws the
rest. "{NAM24}" takes few uses, whatever the ratio, and shows the picture of a stored set (the training pictures) whose
caption is nearest: the right kind of scene, another picture.

No system here was trained with one of the networks and models that judge. **BRISQUE and NIQE never stand alone**: they
see whether a picture looks like a photograph, not whether it is the one that was sent. "{HOSONUMA25}" is the proof. A
class is seen where EfficientNet-Lite1 gives one of ImageNet's 1,000 a probability of 0.1 and more; what it sees stands
in for a detector, whose weights come from elsewhere. No figure here can be compared with LPIPS or CLIP-Score: their
networks come from model hubs.

"""


def page(table: "pd.DataFrame", cases: "pd.DataFrame", covered: tuple[float, float]) -> str:
    """All of it but the figure."""
    parts = [_first_stage(cases, covered), _edited(table, cases), _rivals(cases), _captions(cases)]
    parts += [_section(table, channel, cbr) for channel, cbr in where(FIRST)]
    return HEAD + "\n".join(parts)


def named(cbr: float) -> str:
    """A rate as a fraction."""
    return f"1/{round(1 / cbr)}"


def _first_stage(cases: "pd.DataFrame", covered: tuple[float, float]) -> str:
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    rows: list[list[str]] = []
    for channel, cbr in where(FIRST):
        for metric in ("salient_psnr", "psnr"):
            cells = [_gain(cases, metric, FIRST, SWINJSCC, channel, cbr, snr) for snr in SNRS_DB]
            rows.append([f"{_titled(channel, cbr)}, {'salient' if metric != 'psnr' else 'whole'}", *cells])
    share, patches = covered
    return (
        f"## What the first stage gains over SwinJSCC\n\nPSNR in dB, mean over pictures of the difference. The "
        f"foreground covers {share:.0%} of the salient pixels with {patches:.0%} of the patches; which patches, the "
        f"header tells, and it is paid for.\n\n{markdown(head, rows)}"
    )


def _edited(table: "pd.DataFrame", cases: "pd.DataFrame") -> str:
    rows: list[list[str]] = []
    for metric in ("psnr", "hed", "brisque", "niqe", "feature_cosine"):
        title, direction, digits = METRICS[metric]
        cells: list[str] = []
        for rival in (FIRST, SWINJSCC):
            gains = [
                paired_gain(cases, metric, _at(EDITED, "awgn", cbr, snr), _at(rival, "awgn", cbr, snr)).mean
                for cbr in CBRS
                for snr in SNRS_DB
            ]
            mean = sum(gains) / len(gains)
            worst = min(gains) if direction == "higher is better" else max(gains)
            cells += ["-" if math.isnan(mean) else f"{mean:+.{digits}f}", f"{worst:+.{digits}f}"]
        rows.append([f"{title}; {direction}", *cells])
    head = ["", "over the first stage, mean", "worst point", "over SwinJSCC, mean", "worst point"]
    return (
        f"## What editing does\n\nAWGN, differences of {EDITED}, means over {len(CBRS) * len(SNRS_DB)} points of rate "
        f"and SNR:\n\n{markdown(head, rows)}\nOver {SWINJSCC} the perceptual distance changes by "
        f"{_percent(table, 'hed')}, BRISQUE by {_percent(table, 'brisque')}. With GPT-4o as editor the paper has -41 % "
        f"of BRISQUE, of another implementation.\n"
    )


def _percent(table: "pd.DataFrame", metric: str) -> str:
    """By how much the mean over all points of AWGN differs."""
    ours, theirs = (
        sum(look_up(table, metric, **_at(system, "awgn", cbr, snr)).mean for cbr in CBRS for snr in SNRS_DB)
        for system in (EDITED, SWINJSCC)
    )
    return f"{ours / theirs - 1:+.1%}"


def _rivals(cases: "pd.DataFrame") -> str:
    rows: list[list[str]] = []
    for metric in ("hed", "psnr"):
        for rival in (SGDJSCC, HOSONUMA25, NAM24):
            for cbr in (each for channel, each in where(rival) if channel == "awgn"):
                cells = [_gain(cases, metric, EDITED, rival, "awgn", cbr, snr) for snr in SNRS_DB]
                rows.append([f"{METRICS[metric][0]}; {rival}, CBR {named(cbr)}", *cells])
    head = [f"{EDITED}, less ...", *(f"{snr:g} dB" for snr in SNRS_DB)]
    return (
        f"## Beside other generative links\n\nAWGN, mean over pictures of the difference; of the distance, less is "
        f"better.\n\n{markdown(head, rows)}"
    )


def _captions(cases: "pd.DataFrame") -> str:
    rows: list[list[str]] = []
    for rival in (EDITED, OTHER_CAPTION, LOST_CAPTION):
        for metric in ("psnr", "hed", "brisque", "feature_cosine"):
            title, direction, digits = METRICS[metric]
            cells: list[str] = []
            for snr in SNRS_DB:
                ours, theirs = (_at(system, "awgn", MIDDLE, snr) for system in (CAPTIONED, rival))
                gain = paired_gain(cases, metric, ours, theirs)
                cells.append(f"{gain.mean:+.{digits}f} ({gain.low:+.{digits}f} to {gain.high:+.{digits}f})")
            rows.append([f"{rival}: {title}; {direction}", *cells])
    head = ["the right caption, less ...", *(f"{snr:g} dB" for snr in SNRS_DB)]
    return (
        f"## What a caption does\n\nAWGN, CBR {named(MIDDLE)}, everything within it, mean over pictures of the "
        f"difference. The mode of the last rows is the paper's, and loses captions at low SNRs; then the editor has "
        f"none.\n\n{markdown(head, rows)}"
    )


def _section(table: "pd.DataFrame", channel: str, cbr: float) -> str:
    parts = [f"## {CHANNEL_NAMES[channel]}, CBR {named(cbr)}\n"]
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    for metric, (title, direction, digits) in METRICS.items():
        rows: list[list[str]] = []
        for system in (each for each in SYSTEMS if (channel, cbr) in where(each)):
            found = [look_up(table, metric, **_at(system, channel, cbr, snr)) for snr in SNRS_DB]
            rows.append([system, *(_shown(each.mean, each.low, each.high, metric, digits) for each in found)])
        parts.append(f"{title[0].upper()}{title[1:]}; {direction}:\n\n{markdown(head, rows)}")
    return "\n".join(parts)


def _shown(mean: float, low: float, high: float, metric: str, digits: int) -> str:
    if metric == "cbr_total":
        return f"{mean:.{digits}f}"
    if metric in SHARES and math.isnan(mean):
        return "-"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _gain(cases: "pd.DataFrame", metric: str, ours: str, theirs: str, channel: str, cbr: float, snr: float) -> str:
    gain = paired_gain(cases, metric, _at(ours, channel, cbr, snr), _at(theirs, channel, cbr, snr))
    return f"{gain.mean:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"


def _at(system: str, channel: str, cbr: float, snr_db: float) -> dict[str, object]:
    return {"system": system, "channel": channel, "cbr": cbr, "snr_db": snr_db}


def _titled(channel: str, cbr: float) -> str:
    return f"{'AWGN' if channel == 'awgn' else 'Rayleigh'} {named(cbr)}"
