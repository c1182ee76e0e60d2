"""Generative communication: GenED-SC beside codecs that only rebuild."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from linksim.benches.bench import Bench, Part, by_case
from linksim.benches.generative.figures import draw, draw_rates
from linksim.benches.generative.points import (
    PICTURES,
    SNRS_DB,
    SYSTEMS,
    SalientTestPictures,
    coverage,
    generative_link,
    where,
)
from linksim.benches.generative.tables import page
from linksim.blocks.metrics.hed_distance import hed_network
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class GenerativeBench(Bench):
    """Test pictures at CBR 1/48 to 1/12 over AWGN, and at 1/24 over slow Rayleigh fading.

    Args:
        masked: a folder with annotations.json, images, masks and salient, see `salient_pictures`; its split "val" is
            sent.
    """

    masked: Path | None = None

    about: ClassVar[str] = (
        "GenED-SC beside other generative links, SwinJSCC, SA-OOSC and AVIF with LDPC, by PSNR and by how pictures look"
    )

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [] if self.masked is None else [self.masked]

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The system is no axis of a grid, so that systems of one form see the same noise and the same
        fades; what stands around a link changes its random numbers."""
        pictures = self._pictures()
        # Whether the perceptual distance can be had is known before an hour of sweeps.
        hed_network(self.device)
        for system in SYSTEMS:
            for channel, cbr in where(system):
                link = partial(generative_link, system, channel, cbr, str(self.masked))
                sweep = Sweep(link, grid={"snr_db": list(SNRS_DB)}, cases=pictures, seed=self.seed, device=self.device)
                yield Part("generative", {"system": system, "channel": channel, "cbr": cbr}, sweep)

    def _pictures(self) -> SalientTestPictures:
        if self.masked is None:
            raise ParameterError("give --masked, a folder with annotations.json, images, masks and salient")
        return SalientTestPictures(str(self.masked), PICTURES)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        return page(tables["generative"], tables[by_case("generative")], coverage(self._pictures()))

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield draw(self.out, tables["generative"])
        yield draw_rates(self.out, tables["generative"])
