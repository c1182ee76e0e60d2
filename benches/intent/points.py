"""What `linksim bench intent` simulates: masked test pictures, and the systems that send them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from torch import Tensor

from linksim import Block, Flowgraph
from linksim.blocks import AWGN, HEDDistance, MaskedRate, Rayleigh
from linksim.blocks.sources.masked_crops import largest_region
from linksim.blocks.sources.segmented_pictures import SegmentedPicture, segmented_pictures
from linksim.errors import ParameterError
from linksim.flowgraphs import uidsc
from linksim.flowgraphs.parts import Codec, DeepJSCCCNNCodec, DeepJSCCCodec, PictureCodec, SwinJSCCCodec

LEAST_SHARE, MOST_SHARE = 0.05, 0.6
"""Of a picture's pixels: regions of other sizes are left out."""
SNRS_DB = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
CHANNELS: Mapping[str, Callable[[], Block]] = {"awgn": AWGN, "rayleigh": Rayleigh}
PICTURES = 40
PERCEPTUAL_POINTS = (("awgn", 0.0), ("awgn", 10.0), ("rayleigh", 5.0))
"""Where the perceptual distance is taken, which needs a large network."""
OURS, TOLD, PUBLISHED = "UIDSC", "UIDSC, patches told", "DeepJSCC as published"
DEEPJSCC, GREY, SWINJSCC = "DeepJSCC", "DeepJSCC, grey background", "SwinJSCC, grey background"
SA_OOSC = "SA-OOSC, patches told"
SYSTEMS: Mapping[str, Callable[..., Flowgraph]] = {
    OURS: uidsc,
    TOLD: lambda **parts: uidsc(rate=MaskedRate(), **parts),
    SA_OOSC: lambda **parts: uidsc(codec=Codec(importance_gain_db=0.0), rate=MaskedRate(), **parts),
    PUBLISHED: lambda **parts: _rival(DeepJSCCCNNCodec, **parts),
    DEEPJSCC: lambda **parts: _rival(DeepJSCCCodec, **parts),
    GREY: lambda **parts: _rival(DeepJSCCCodec, fill=0.5, **parts),
    SWINJSCC: lambda **parts: _rival(SwinJSCCCodec, fill=0.5, **parts),
}


class MaskedTestPictures(Sequence[Mapping[str, Tensor]]):
    """The first test pictures whose largest object covers 5 to 60 % of them, whole patches cut out of the middle.

    Raises `ParameterError` where a folder has no such picture.
    """

    def __init__(self, folder: str, count: int = PICTURES) -> None:
        self.folder, self.most = folder, count
        if not self._chosen():
            raise ParameterError(f"'{folder}' has no test pictures with an object of 5 to 60 % of the picture")

    def _chosen(self) -> Sequence[SegmentedPicture]:
        return _chosen(self.folder, self.most)

    def __len__(self) -> int:
        return len(self._chosen())

    def __getitem__(self, index: int) -> Mapping[str, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        picture = self._chosen()[index]
        image, mask = picture.image(), largest_region(picture)
        height, width = (size // 16 * 16 for size in mask.shape)
        top, left = (mask.shape[0] - height) // 2, (mask.shape[1] - width) // 2
        inside = slice(top, top + height), slice(left, left + width)
        return {"image": image[None, :, *inside], "mask": mask[None, *inside]}


@cache
def _chosen(folder: str, count: int) -> Sequence[SegmentedPicture]:
    found: list[SegmentedPicture] = []
    for picture in segmented_pictures(Path(folder), "val"):
        if picture.objects and LEAST_SHARE <= float(largest_region(picture).float().mean()) <= MOST_SHARE:
            found.append(picture)
        if len(found) == count:
            break
    return found


def intent_link(system: str, channel: str) -> Flowgraph:
    """A system of `SYSTEMS` over a channel of `CHANNELS`."""
    return SYSTEMS[system](channel=CHANNELS[channel]())


def perceptual_link(system: str, channel: str) -> Flowgraph:
    """The same, with the perceptual distance of the whole masked picture, `hed`, and of its region, `region_hed`."""
    fg = intent_link(system, channel)
    fg.hed, fg.region_hed = HEDDistance(), HEDDistance()
    for block in (fg.hed, fg.region_hed):
        fg.connect(fg.link["image"], block["image"])
        fg.connect(fg.black, block["original"])
    fg.connect(fg["mask"], fg.region_hed["mask"])
    fg.connect(fg.hed, fg["hed"])
    fg.connect(fg.region_hed, fg["region_hed"])
    return fg


def _rival(codec: Callable[[], PictureCodec], **parts: object) -> Flowgraph:
    return partial(uidsc, codec=codec())(**parts)  # pyright: ignore[reportArgumentType]
