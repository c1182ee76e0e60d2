"""What SA-OOSC gives the objects that a sentence asks for."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from linksim import Decibels, Detections, Flowgraph, Image
from linksim.benches.bench import Part, by_case
from linksim.benches.pictures import SceneBench
from linksim.benches.tables import look_up, markdown, paired_gain
from linksim.blocks import PSNR, IntentMask, LagrangianRateAllocator, MaskImportance, RegionPSNR
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import sa_oosc
from linksim.montecarlo import Sweep
from linksim.types import Text

if TYPE_CHECKING:
    import pandas as pd

SNR_DB = 10.0
SENTENCES = ("the pedestrians", "the traffic lights", "pedestrians and traffic lights", "the nearest car")
WAYS = {"asked for": True, "nothing asked for": False}
METRICS = {"region_psnr": "PSNR of what is asked for", "psnr": "PSNR of the whole picture"}
HEAD = f"""# Steered by a sentence

Made by `linksim bench steering`: street scenes of the part `val`, SA-OOSC, AWGN {SNR_DB:g} dB, CBR {PAPER_CBR} with
everything counted. `IntentMask` finds what a sentence asks for among the given detections; the patches that it touches
are of high importance, all others background. Beside it the same link without importance, the same noise. PSNR in dB
of the boxes of what is asked for, without the scenes that have no such objects, and of the whole picture, over all
scenes; gains picture by picture with 95 % intervals over pictures.

"""


class AskedScenes(Sequence[Mapping[str, Any]]):
    """Street scenes of the part `val` with their detections and a sentence. Raises `FileError` where there are none."""

    def __init__(self, folder: str, sentence: str) -> None:
        self.folder, self.sentence = folder, sentence
        self._cases = PictureCases.scenes(folder, detections=True)

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> Mapping[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        case = self._cases[index]
        return {"image": case["image"], "detections": case["detections"], "intent": Text.of([self.sentence])}


def steered_link(steered: bool) -> Flowgraph:
    """SA-OOSC with what a sentence asks for as importance, or with none; both judged by the same region.

    Inputs: image, detections, intent, snr_db. Outputs: psnr, region_psnr, cbr_total.
    """
    fg = Flowgraph("steered", inputs={"image": Image, "detections": Detections, "intent": Text, "snr_db": Decibels})
    fg.intent_mask = IntentMask(otherwise="nothing")
    fg.link = sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=PAPER_CBR))
    fg.region, fg.whole = RegionPSNR(), PSNR()
    for name in ("image", "detections", "intent"):
        fg.connect(fg[name], fg.intent_mask[name])
    fg.connect(fg["image"], fg.link["image"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    if steered:
        fg.importance = MaskImportance()
        fg.connect(fg.intent_mask["mask"], fg.importance["mask"])
        fg.connect(fg.importance, fg.link["known_importance"])
    for block in (fg.region, fg.whole):
        fg.connect(fg.link["image"], block["image"])
        fg.connect(fg["image"], block["original"])
    fg.connect(fg.intent_mask["mask"], fg.region["mask"])
    fg.connect(fg.region["region"], fg["region_psnr"])
    fg.connect(fg.whole, fg["psnr"])
    fg.connect(fg.link["cbr_total"], fg["cbr_total"])
    return fg


@dataclass(frozen=True, kw_only=True)
class SteeringBench(SceneBench):
    """SA-OOSC with an intent as importance."""

    about: ClassVar[str] = "what SA-OOSC gives the objects that a sentence asks for"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The way is no axis of a grid, so that both see the same noise."""
        for sentence in SENTENCES:
            cases = AskedScenes(str(self.needed_scenes()), sentence)
            for way, steered in WAYS.items():
                link = partial(steered_link, steered)
                sweep = Sweep(link, grid={"snr_db": [SNR_DB]}, cases=cases, seed=self.seed, device=self.device)
                yield Part("scenes", {"sentence": sentence, "way": way}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        table, cases = tables["scenes"], tables[by_case("scenes")]
        rows: list[list[Any]] = []
        for sentence in SENTENCES:
            ours, theirs = ({"sentence": sentence, "way": way} for way in WAYS)
            row: list[Any] = [sentence]
            for metric in METRICS:
                plain = look_up(table, metric, **theirs).mean
                row += ["-" if math.isnan(plain) else f"{plain:.2f}", paired_gain(cases, metric, ours, theirs)]
            cbr = [look_up(table, "cbr_total", **each).mean for each in (ours, theirs)]
            rows.append([*row, " and ".join(f"{each:.4f}" for each in cbr)])
        head = [f"{label}, {what}" for label in METRICS.values() for what in ("nothing asked", "gain")]
        return HEAD + markdown(["sentence", *head, "CBR in all, asked and not"], rows)
