"""What a 5G-like channel costs: SA-OOSC over OFDM and TDL-A, with an estimated channel and a known one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from linksim import Flowgraph
from linksim.benches.bench import Part
from linksim.benches.pictures import SceneBench
from linksim.benches.tables import look_up, markdown
from linksim.blocks import OFDMChannel
from linksim.blocks.sionna.ofdm_channel import Estimation
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import sa_oosc
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd

SPEEDS_KMH = (3.0, 100.0)
SNRS_DB = (5.0, 10.0, 15.0)
ESTIMATIONS: Mapping[Estimation, str] = {"perfect": "perfect", "lmmse": "LMMSE", "ls": "LS"}
HEAD = """# SA-OOSC over OFDM

Made by `linksim bench ofdm`. Street scenes over TDL-A of 30 ns at 3.5 GHz, a payload of CBR 0.0201; pilots, guard and
prefix come on top. PSNR of non-background patches in dB, mean over the pictures, each with a fade of its own that is
the same for all estimators; what LMMSE and least squares (LS) lose to a channel that is known.

"""


def link(estimation: Estimation, speed_kmh: float) -> Flowgraph:
    """SA-OOSC's link over the channel at a speed, which an estimator knows."""
    return sa_oosc(channel=OFDMChannel(speed=speed_kmh / 3.6, estimation=estimation))


@dataclass(frozen=True, kw_only=True)
class OFDMBench(SceneBench):
    """The cost of channel estimation by speed and SNR."""

    about: ClassVar[str] = "SA-OOSC over OFDM and TDL-A: what estimating the channel costs"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The estimator is no axis of a grid, so that all see the same noise and the same fades."""
        scenes = self.needed_scenes()
        cases = PictureCases.scenes(scenes)
        grid = {"speed_kmh": list(SPEEDS_KMH), "snr_db": list(SNRS_DB)}
        for estimation in ESTIMATIONS:
            sweep = Sweep(Estimated(estimation), grid=grid, cases=cases, seed=self.seed, device=self.device)
            yield Part("scenes", {"estimation": estimation}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        rows: list[list[object]] = []
        for speed in SPEEDS_KMH:
            for snr_db in SNRS_DB:
                point = {"speed_kmh": speed, "snr_db": snr_db}
                found = [_at(tables["scenes"], "patch_psnr.nonbackground", name, point) for name in ESTIMATIONS]
                lost = [f"{_at(tables['scenes'], 'erased', name, point):.0%}" for name in ESTIMATIONS]
                losses = [f"{found[0] - other:.2f}" for other in found[1:]]
                rows.append([f"{speed:g} km/h, {snr_db:g} dB", f"{found[0]:.2f}", *losses, ", ".join(lost)])
        head = ["", "channel known", "LMMSE loses", "LS loses", "pictures lost (known, LMMSE, LS)"]
        return HEAD + markdown(head, rows)


@dataclass(frozen=True)
class Estimated:
    """Makes links with one estimator."""

    estimation: Estimation

    def __call__(self, speed_kmh: float) -> Flowgraph:
        return link(self.estimation, speed_kmh)


def _at(table: "pd.DataFrame", metric: str, estimation: str, point: Mapping[str, float]) -> float:
    return look_up(table, metric, estimation=estimation, **point).mean
