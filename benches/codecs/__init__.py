"""SA-OOSC's codec beside OOSC, NTSCC, DeepJSCC, SwinJSCC, and a digital link with the same importance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, ClassVar

from linksim.benches.bench import Part
from linksim.benches.codecs import figures
from linksim.benches.codecs.imported import checked_names, imported_report
from linksim.benches.codecs.points import (
    DESIGN_SNR_DB,
    MIDDLE_RATE,
    OOSC,
    RATES,
    SNRS_DB,
    SYSTEMS,
    WITHOUT_IMPORTANCE,
    kodak_link,
    kodak_points,
    scene_link,
    scene_points,
)
from linksim.benches.codecs.tables import kodak_report, scene_report
from linksim.benches.limits import limit_rows
from linksim.benches.pictures import PictureBench
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd

HEAD = """# SA-OOSC's codec beside OOSC, NTSCC, DeepJSCC, SwinJSCC and AVIF

Made by `linksim bench codecs` from the shipped weights. In brackets 95 % over pictures. All systems see the same
pictures, noise and fades, and pay for all that the receiver needs: `cbr` is the payload alone, as papers count it,
`cbr_total` everything. How long each was trained stands on its card in blocks/weights. DeepJSCC's weights are for AWGN
at 10 dB, the others for 0 to 20 dB with a quarter of the pictures over known slow Rayleigh fading.

"""


@dataclass(frozen=True, kw_only=True)
class CodecsBench(PictureBench):
    """Quality by importance on street scenes, and by rate and SNR on Kodak.

    Args:
        also: files of `linksim import`, whose codecs stand beside the others on Kodak.
    """

    also: tuple[str, ...] = ()

    about: ClassVar[str] = "SA-OOSC beside OOSC, NTSCC, DeepJSCC, SwinJSCC and AVIF with the same importance"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The system is no axis of a grid, so that all systems see the same noise and the same fades."""
        self.check_given()
        if self.also and not self.kodak:
            raise ParameterError("--also needs --kodak: imported codecs are compared on photographs")
        imported = checked_names(self.also)
        make = partial(Sweep, seed=self.seed, device=self.device)
        if self.scenes:
            plain = PictureCases.scenes(self.scenes)
            detected = PictureCases.scenes(self.scenes, detections=True)
            for system, channel in product(SYSTEMS, ("awgn", "rayleigh")):
                cases, points = detected if system == OOSC else plain, scene_points(system, channel)
                if points:
                    sweep = make(partial(scene_link, system), grid=points, cases=cases)
                    yield Part("scenes", {"system": system}, sweep)
        if self.kodak:
            pictures = PictureCases(self.kodak)
            for system, channel in product(WITHOUT_IMPORTANCE, ("awgn", "rayleigh", "real rayleigh")):
                sweep = make(partial(kodak_link, system), grid=kodak_points(channel), cases=pictures)
                yield Part("kodak", {"system": system}, sweep)
            for codec, channel in product(imported, ("awgn", "rayleigh", "real rayleigh")):
                yield Part(
                    "kodak", {"system": codec.name}, make(codec.link, grid=codec.points(channel), cases=pictures)
                )

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        sections: list[str] = []
        if "scenes" in tables:
            sections.append(scene_report(tables["scenes"], self._limits("scenes", [(PAPER_CBR, DESIGN_SNR_DB)])))
        if "kodak" in tables:
            by_rate = self._limits("kodak", [(rate, DESIGN_SNR_DB) for rate in RATES.values()])
            by_snr = self._limits("kodak", [(RATES[MIDDLE_RATE], snr_db) for snr_db in SNRS_DB])
            sections.append(kodak_report(tables["kodak"], by_rate, by_snr))
            sections.append(imported_report(tables["kodak"]))
        return HEAD + "\n".join(sections)

    def _limits(self, name: str, points: Sequence[tuple[float, float]]) -> Mapping[str, Sequence[float]]:
        """The limits of Gaussian KLT coefficients for this bench's scenes or photographs."""
        if name == "scenes":
            cases = PictureCases.scenes(self.needed_scenes())
        else:
            assert self.kodak is not None
            cases = PictureCases(self.kodak)
        return limit_rows((cases[number]["image"][0] for number in range(len(cases))), points)

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        if "scenes" in tables:
            yield figures.levels(tables["scenes"], self.out)
            yield figures.levels_against_snr(tables["scenes"], self.out)
            assert self.scenes is not None
            yield from figures.one_scene(self.scenes, self.out, self.seed)
        if "kodak" in tables:
            yield figures.kodak(tables["kodak"], self.out)
