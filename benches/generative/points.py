"""What `linksim bench generative` simulates: test pictures with maps of what is salient, and systems that send them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import (
    AWGN,
    BRISQUE,
    NIQE,
    PSNR,
    FeatureCosine,
    FixedRate,
    ForegroundRate,
    HEDDistance,
    LagrangianRateAllocator,
    Rayleigh,
    RegionPSNR,
)
from linksim.blocks.sources.salient_crops import SalientPicture, salient_pictures
from linksim.errors import ParameterError
from linksim.flowgraphs import gened_sc, sa_oosc, separation
from linksim.flowgraphs.gened_sc import first_stage
from linksim.flowgraphs.parts import GenEDCodec, SwinJSCCCodec
from linksim.types import Mask

LEAST_SHARE, MOST_SHARE = 0.03, 0.6
"""Of a picture's pixels that are salient: pictures with other shares are left out."""
PICTURES = 40
SNRS_DB = (1.0, 4.0, 7.0, 10.0)
CBRS = (1 / 48, 1 / 24, 1 / 12)
MIDDLE = 1 / 24
CHANNELS: Mapping[str, Callable[[], Block]] = {"awgn": AWGN, "rayleigh": Rayleigh}
FIRST, EDITED = "GenED-SC, first stage", "GenED-SC, edited"
SWINJSCC, SA_OOSC, AVIF = "SwinJSCC", "SA-OOSC", "AVIF + LDPC"
NOISY = "swinjscc_noisy"
"""SwinJSCC's weights that were trained on for these SNRs, on the first stage's pictures and for as long."""
SYSTEMS: Mapping[str, Callable[[float, Block], Flowgraph]] = {
    FIRST: lambda cbr, channel: first_stage(GenEDCodec(), ForegroundRate(target_cbr_total=cbr), None, channel),
    EDITED: lambda cbr, channel: gened_sc(rate=ForegroundRate(target_cbr_total=cbr), channel=channel),
    SWINJSCC: lambda cbr, channel: first_stage(SwinJSCCCodec(NOISY), FixedRate(target_cbr_total=cbr), None, channel),
    SA_OOSC: lambda cbr, channel: sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=cbr), channel=channel),
    AVIF: lambda cbr, channel: separation(codec="avif", target_cbr_total=cbr, channel=channel),
}


class SalientTestPictures(Sequence[Mapping[str, Tensor]]):
    """The first test pictures of which 3 to 60 % are salient, whole patches cut out of the middle.

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

    def __getitem__(self, index: int) -> Mapping[str, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        picture = self._chosen()[index]
        image, mask = picture.image(), picture.mask()
        height, width = (size // 16 * 16 for size in mask.shape)
        top, left = (mask.shape[0] - height) // 2, (mask.shape[1] - width) // 2
        inside = slice(top, top + height), slice(left, left + width)
        return {"image": image[None, :, *inside], "mask": mask[None, *inside]}


@cache
def _chosen(folder: str, count: int) -> Sequence[SalientPicture]:
    found: list[SalientPicture] = []
    for picture in salient_pictures([str(Path(folder))], split="val"):
        if LEAST_SHARE <= float(picture.mask().float().mean()) <= MOST_SHARE:
            found.append(picture)
        if len(found) == count:
            break
    return found


def generative_link(system: str, channel: str, cbr: float) -> Flowgraph:
    """A system of `SYSTEMS` over a channel of `CHANNELS`, everything it sends within `cbr`, and its scores.

    Inputs: image, mask, the salient pixels, snr_db. Outputs: psnr, salient_psnr, hed, brisque, niqe, feature_cosine,
    cbr_total.
    """
    fg = Flowgraph("judged", inputs={"image": Image, "mask": Mask, "snr_db": Decibels})
    fg.system = SYSTEMS[system](cbr, CHANNELS[channel]())
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.system[name])
    fg.psnr, fg.region, fg.hed = PSNR(), RegionPSNR(), HEDDistance()
    fg.brisque, fg.niqe, fg.feature_cosine = BRISQUE(), NIQE(), FeatureCosine()
    for name in ("psnr", "region", "hed", "brisque", "niqe", "feature_cosine"):
        block: Block = getattr(fg, name)
        fg.connect(fg.system["image"], block["image"])
        if "original" in block.input_ports:
            fg.connect(fg["image"], block["original"])
        if name != "region":
            fg.connect(block, fg[name])
    fg.connect(fg["mask"], fg.region["mask"])
    fg.connect(fg.region["region"], fg["salient_psnr"])
    fg.connect(fg.system["cbr_total"], fg["cbr_total"])
    return fg


@torch.no_grad()
def coverage(pictures: SalientTestPictures, snr_db: float = 10.0) -> tuple[float, float]:
    """Means over the pictures of the share of the salient pixels that the foreground covers, and of the patches that
    are foreground."""
    link = first_stage(GenEDCodec(), ForegroundRate(), None, None).eval()
    found: list[tuple[float, float]] = []
    for number in range(len(pictures)):
        case = pictures[number]
        probe = "transmitter.vectorizer.foreground"
        foreground = link.run(image=case["image"], snr_db=snr_db, seed=1, probe=[probe])[probe] > 0.5
        inside, mask = foreground.repeat_interleave(16, 1).repeat_interleave(16, 2), case["mask"]
        found.append((float((inside & mask).sum() / mask.sum()), float(foreground.float().mean())))
    covered, share = (sum(values) / len(values) for values in zip(*found, strict=True))
    return covered, share
