"""What a picture says, sent instead of the picture: whether a judge finds in it what was there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from linksim.benches.bench import Bench, Part
from linksim.benches.vlm_csc.figures import draw
from linksim.benches.vlm_csc.points import (
    CHUNK,
    CODED_PICTURES,
    DESCRIBING,
    PICTURE_LINKS,
    PICTURES,
    SAME_USES,
    SNRS_DB,
    USES,
    USES_SNR_DB,
    describing_link,
    picture_link,
    sets,
)
from linksim.benches.vlm_csc.tables import page
from linksim.benches.vlm_csc.wishes import GENERATORS, generating_link
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class VLMCSCBench(Bench):
    """Captions of test pictures over AWGN, and picture codecs at several numbers of channel uses.

    Args:
        captions: a folder with folders of captioned pictures, each with train.json and test.json, which have labels.
    """

    captions: Path | None = None

    about: ClassVar[str] = "pictures by what they say: VLM-CSC beside picture codecs, by a judge of the class"

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [] if self.captions is None else [self.captions]

    def parts(self) -> Iterator[Part]:
        """See `Bench`."""
        if self.captions is None:
            raise ParameterError("give --captions, a folder of folders with train.json and test.json")
        make = partial(Sweep, chunk=CHUNK, seed=self.seed, device=self.device, curve="snr_db")
        names = [folder.name for folder in sets(str(self.captions))]
        where: dict[str, list[Any]] = {"folder": [str(self.captions)], "name": names}
        described = {**where, "system": list(DESCRIBING), "snr_db": list(SNRS_DB)}
        yield Part("described", {}, make(describing_link, stop=f"frames={PICTURES}", grid=described))
        coded = {**where, "system": list(PICTURE_LINKS), "uses": list(USES), "snr_db": [USES_SNR_DB]}
        yield Part("coded", {}, make(picture_link, stop=f"frames={CODED_PICTURES}", grid=coded))
        same = {**coded, "uses": [SAME_USES], "snr_db": list(SNRS_DB)}
        yield Part("coded_snr", {}, make(picture_link, stop=f"frames={CODED_PICTURES}", grid=same))
        wished = {**where, "generator": list(GENERATORS)}
        yield Part("wished", {}, make(generating_link, stop=f"frames={PICTURES}", grid=wished, curve="generator"))

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        return page(tables)

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield from draw(self.out, tables)
