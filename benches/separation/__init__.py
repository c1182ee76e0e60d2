"""SA-OOSC beside digital links of the same channel uses, with the same importance and without."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from linksim.benches.bench import Part
from linksim.benches.pictures import PictureBench
from linksim.benches.separation.figures import curves
from linksim.benches.separation.points import FADES, SYSTEMS, link, snrs_of
from linksim.benches.separation.tables import page
from linksim.blocks.sources import PictureCases
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class SeparationBench(PictureBench):
    """Quality against SNR on AWGN and on slow Rayleigh fading."""

    about: ClassVar[str] = "SA-OOSC beside picture codecs with 5G LDPC and QAM, by SNR and channel"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The system is no axis of a grid, so that all systems see the same noise."""
        self.check_given()
        cases: dict[str, PictureCases] = {}
        if self.scenes:
            cases["scenes"] = PictureCases.scenes(self.scenes)
        if self.kodak:
            cases["kodak"] = PictureCases(self.kodak)
        for name, pictures in cases.items():
            for system, digital in SYSTEMS[name].items():
                for channel in ("awgn", "rayleigh"):
                    points = [{"channel": channel, "snr_db": snr_db} for snr_db in snrs_of(digital, channel)]
                    if not points:
                        continue
                    frames = len(pictures) * (FADES if channel == "rayleigh" else 1)
                    source = partial(link, name, system)
                    sweep = Sweep(source, grid=points, cases=pictures, stop=f"psnr:frames={frames}", seed=self.seed,
                                  device=self.device)  # fmt: skip
                    yield Part(name, {"system": system}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        return page(tables)

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        for name in SYSTEMS:
            if name in tables:
                yield curves(tables[name], name, self.out)
