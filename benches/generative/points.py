"""What `linksim bench generative` simulates: test pictures with maps of what is salient, and systems that send them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from linksim import Block, Decibels, Flowgraph, Image
from linksim.benches.generative.judge import FeatureSimilarity, SeenClasses
from linksim.blocks import (
    AWGN,
    BRISQUE,
    NIQE,
    PSNR,
    FixedRate,
    ForegroundRate,
    HEDDistance,
    LagrangianRateAllocator,
    ObjectConsistency,
    PictureGenerator,
    Rayleigh,
    RegionPSNR,
)
from linksim.blocks.sources.salient_crops import SalientPicture, salient_pictures
from linksim.errors import ParameterError
from linksim.flowgraphs import caption_stream, gened_sc, hosonuma25, sa_oosc, separation, sgdjscc
from linksim.flowgraphs.gened_sc import first_stage
from linksim.flowgraphs.nam24 import words_stream
from linksim.flowgraphs.parts import GenEDCodec, SwinJSCCCodec
from linksim.flowgraphs.parts.caption import another
from linksim.flowgraphs.vlm_csc import described_picture
from linksim.types import Mask, Text

LEAST_SHARE, MOST_SHARE = 0.03, 0.6
"""Of a picture's pixels that are salient: pictures with other shares are left out."""
PICTURES = 30
SNRS_DB = (1.0, 4.0, 7.0, 10.0)
CBRS = (1 / 48, 1 / 24, 1 / 12)
MIDDLE = 1 / 24
CHANNELS: Mapping[str, Callable[[], Block]] = {"awgn": AWGN, "rayleigh": Rayleigh}
FIRST, EDITED = "GenED-SC, first stage", "GenED-SC, edited"
CAPTIONED, OTHER_CAPTION, LOST_CAPTION = (f"{EDITED} with {what}" for what in (
    "a caption", "another picture's caption", "a caption by 16-QAM at rate 1/2"))  # fmt: skip
SWINJSCC, SA_OOSC, AVIF = "SwinJSCC", "SA-OOSC", "AVIF + LDPC"
SGDJSCC, LATENT = "SGDJSCC, edges and a caption", "SGDJSCC, the latent alone"
HOSONUMA25, NAM24 = "Hosonuma25, regions and a caption", "Nam24, words alone"
NOISY = "swinjscc_noisy"
"""SwinJSCC's weights that were trained on for these SNRs, on the first stage's pictures and for as long."""
FALLBACK = "a picture"
"""What is said of a picture that has no caption."""


@dataclass(frozen=True)
class Asked:
    """What a system is made for: everything that it sends over 3*height*width, the channel, and a folder of pictures
    with captions that the receiver may know."""

    cbr: float
    channel: Block
    folder: str


SYSTEMS: Mapping[str, Callable[[Asked], Flowgraph]] = {
    FIRST: lambda on: first_stage(GenEDCodec(), ForegroundRate(target_cbr_total=on.cbr), None, on.channel),
    EDITED: lambda on: gened_sc(rate=ForegroundRate(target_cbr_total=on.cbr), channel=on.channel),
    CAPTIONED: lambda on: _captioned(on, "adapted"),
    OTHER_CAPTION: lambda on: _captioned(on, "adapted"),
    LOST_CAPTION: lambda on: _captioned(on, "paper"),
    SWINJSCC: lambda on: first_stage(SwinJSCCCodec(NOISY), FixedRate(target_cbr_total=on.cbr), None, on.channel),
    SA_OOSC: lambda on: sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=on.cbr), channel=on.channel),
    AVIF: lambda on: separation(codec="avif", target_cbr_total=on.cbr, channel=on.channel),
    SGDJSCC: lambda on: sgdjscc(
        target_cbr_total=on.cbr, channel=on.channel, caption_link=caption_stream(channel=another(on.channel))
    ),
    LATENT: lambda on: sgdjscc(target_cbr_total=on.cbr, channel=on.channel, edges=False),
    HOSONUMA25: lambda on: hosonuma25(
        target_cbr_total=on.cbr, channel=on.channel, caption_link=caption_stream(channel=another(on.channel))
    ),
    NAM24: lambda on: described_picture(
        "nam24", None, words_stream(on.channel), PictureGenerator(backend="retrieval", model=on.folder)
    ),
}
CAPTION_TESTS = (OTHER_CAPTION, LOST_CAPTION)


def _captioned(on: Asked, mode: str) -> Flowgraph:
    stream = caption_stream(mode=mode, channel=another(on.channel))
    return gened_sc(rate=ForegroundRate(target_cbr_total=on.cbr), channel=on.channel, caption_link=stream)


def where(system: str) -> Sequence[tuple[str, float]]:
    """The channels and rates at which a system is simulated. Words alone take what they take."""
    middle = [("awgn", MIDDLE)]
    if system in (*CAPTION_TESTS, LATENT):
        return middle
    fading = [(channel, MIDDLE) for channel in CHANNELS if channel != "awgn"]
    return middle + fading if system == NAM24 else [*(("awgn", cbr) for cbr in CBRS), *fading]


class SalientTestPictures(Sequence[Mapping[str, Tensor | Text]]):
    """The first test pictures of which 3 to 60 % are salient, whole patches cut out of the middle, each with a caption
    and that of the picture before.

    Raises `FileError` or `ParameterError` where a folder has no such picture.
    """

    def __init__(self, folder: str, count: int = PICTURES) -> None:
        self.folder, self.most = folder, count
        if not self._chosen():
            raise ParameterError(f"'{folder}' has no test pictures of which 3 to 60 % are salient")

    def _chosen(self) -> Sequence[SalientPicture]:
        return _chosen(self.folder, self.most)

    def __len__(self) -> int:
        return len(self._chosen())

    def __getitem__(self, index: int) -> Mapping[str, Tensor | Text]:  # pyright: ignore[reportIncompatibleMethodOverride]
        picture = self._chosen()[index]
        image, mask = picture.image(), picture.mask()
        height, width = (size // 16 * 16 for size in mask.shape)
        top, left = (mask.shape[0] - height) // 2, (mask.shape[1] - width) // 2
        inside = slice(top, top + height), slice(left, left + width)
        before = self._chosen()[index - 1]
        said = {"text": _caption(picture), "other_text": _caption(before)}
        return {"image": image[None, :, *inside], "mask": mask[None, *inside], **said}


def _caption(picture: SalientPicture) -> Text:
    return Text.of([picture.captions[0] if picture.captions else FALLBACK])


Wanted: TypeAlias = Float[Tensor, "batch 3 wanted_height wanted_width"]


class _Fitted(Block):
    """A picture scaled to the size of another, as metrics need it."""

    def forward(self, image: Image, original: Wanted) -> Wanted:
        size = original.shape[2:]
        if image.shape[2:] == size:
            return image
        return functional.interpolate(image, size, mode="bicubic", antialias=True).clamp(0, 1)


@cache
def _chosen(folder: str, count: int) -> Sequence[SalientPicture]:
    found: list[SalientPicture] = []
    for picture in salient_pictures([str(Path(folder))], split="val"):
        if LEAST_SHARE <= float(picture.mask().float().mean()) <= MOST_SHARE:
            found.append(picture)
        if len(found) == count:
            break
    return found


def generative_link(system: str, channel: str, cbr: float, folder: str) -> Flowgraph:
    """A system of `SYSTEMS` over a channel of `CHANNELS`, everything it sends within `cbr`, and its scores. `folder`:
    see `Asked`.

    Inputs: image, mask, the salient pixels, snr_db, text, other_text. Outputs: psnr, salient_psnr, hed, brisque, niqe,
    feature_cosine, disappeared, appeared, cbr_total.
    """
    types = {"image": Image, "mask": Mask, "snr_db": Decibels, "text": Text, "other_text": Text}
    fg = Flowgraph("judged", inputs=types)
    fg.system, fg.fitted = SYSTEMS[system](Asked(cbr, CHANNELS[channel](), folder)), _Fitted()
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.system[name])
    if "text" in fg.system.input_ports:
        fg.connect(fg["other_text" if system == OTHER_CAPTION else "text"], fg.system["text"])
    fg.connect(fg.system["image"], fg.fitted["image"])
    fg.connect(fg["image"], fg.fitted["original"])
    _add_metrics(fg)
    fg.connect(fg.system["cbr_total"], fg["cbr_total"])
    return fg


def _add_metrics(fg: Flowgraph) -> None:
    fg.psnr, fg.region, fg.hed = PSNR(), RegionPSNR(), HEDDistance()
    fg.brisque, fg.niqe, fg.feature_cosine = BRISQUE(), NIQE(), FeatureSimilarity()
    for name in ("psnr", "region", "hed", "brisque", "niqe", "feature_cosine"):
        block: Block = getattr(fg, name)
        fg.connect(fg.fitted, block["image"])
        if "original" in block.input_ports:
            fg.connect(fg["image"], block["original"])
        if name != "region":
            fg.connect(block, fg[name])
    fg.connect(fg["mask"], fg.region["mask"])
    fg.connect(fg.region["region"], fg["salient_psnr"])
    _add_classes(fg)


def _add_classes(fg: Flowgraph) -> None:
    fg.seen, fg.seen_original, fg.classes = SeenClasses(), SeenClasses(), ObjectConsistency()
    for seen, source, name in ((fg.seen, fg.fitted["out"], "found"), (fg.seen_original, fg["image"], "original")):
        fg.connect(source, seen["image"])
        fg.connect(seen, fg.classes[name])
    for name in ("disappeared", "appeared"):
        fg.connect(fg.classes[name], fg[name])


@torch.no_grad()
def coverage(pictures: SalientTestPictures, snr_db: float = 10.0) -> tuple[float, float]:
    """Means over the pictures of the share of the salient pixels that the foreground covers, and of the patches that
    are foreground."""
    link = first_stage(GenEDCodec(), ForegroundRate(), None, None).eval()
    found: list[tuple[float, float]] = []
    for number in range(len(pictures)):
        case: Mapping[str, Any] = pictures[number]
        probe = "transmitter.vectorizer.foreground"
        foreground = link.run(image=case["image"], snr_db=snr_db, seed=1, probe=[probe])[probe] > 0.5
        inside, mask = foreground.repeat_interleave(16, 1).repeat_interleave(16, 2), case["mask"]
        found.append((float((inside & mask).sum() / mask.sum()), float(foreground.float().mean())))
    covered, share = (sum(values) / len(values) for values in zip(*found, strict=True))
    return covered, share
