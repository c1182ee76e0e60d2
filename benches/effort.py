"""What the transmitter's search gives, and what it takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from linksim import Flowgraph
from linksim.benches.bench import Part, by_case
from linksim.benches.judged import judged
from linksim.benches.pictures import SceneBench
from linksim.benches.separation.tables import LEVELS
from linksim.benches.tables import markdown, paired_gain
from linksim.blocks import LagrangianRateAllocator
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import sa_oosc
from linksim.flowgraphs.parts import Codec
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd

SNR_DB = 10.0
EFFORTS = (0, 10, 30, 100)
HEAD = f"""# Effort at the transmitter

Made by `linksim bench effort`: street scenes of the part `val`, SA-OOSC, AWGN {SNR_DB:g} dB, CBR {PAPER_CBR} with
everything counted. The search moves the latent by so many steps of gradient descent through the receiver's networks.
The noise of the search is not that of the channel. Gains over no search, picture by picture, in dB, with 95 %
intervals over pictures; time as a multiple of that without search, measured in the same run.

"""


def searching_link(effort: int) -> Flowgraph:
    """SA-OOSC whose transmitter searches for so many steps."""
    return judged(sa_oosc(codec=Codec(effort=effort), rate=LagrangianRateAllocator(target_cbr_total=PAPER_CBR)))


@dataclass(frozen=True, kw_only=True)
class EffortBench(SceneBench):
    """Gain in dB by steps of `LatentSearch`."""

    about: ClassVar[str] = "what SA-OOSC gains by a search at the transmitter, and the time it takes"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The effort is no axis of a grid, so that all efforts see the same noise."""
        cases = PictureCases.scenes(self.needed_scenes())
        # The first sweep loads libraries too, which counts least in the longest.
        for effort in reversed(EFFORTS):
            sweep = Sweep(partial(searching_link, effort), grid={"snr_db": [SNR_DB]}, cases=cases,
                          stop=f"psnr:frames={len(cases)}", seed=self.seed, device=self.device)  # fmt: skip
            yield Part("scenes", {"effort": str(effort)}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        table, cases = tables["scenes"], tables[by_case("scenes")]
        seconds = {effort: _seconds(table, effort) for effort in EFFORTS}
        none = {"effort": str(EFFORTS[0])}
        rows = [
            [
                effort,
                f"{seconds[effort] / seconds[EFFORTS[0]]:.1f}",
                *(paired_gain(cases, metric, {"effort": str(effort)}, none) for metric in LEVELS.values()),
            ]
            for effort in EFFORTS[1:]
        ]
        return HEAD + markdown(["steps", "time", *LEVELS], rows)


def _seconds(table: "pd.DataFrame", effort: int) -> float:
    """What the frames of an effort took."""
    rows = table.loc[(table["effort"] == str(effort)) & (table["metric"] == "psnr"), "seconds"]
    return float(rows.to_numpy()[0])
