"""What SA-OOSC gives the objects that a sentence asks for."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from linksim.flowgraphs import sa_oosc, separation
from linksim.montecarlo import Sweep
from linksim.types import Text

if TYPE_CHECKING:
    import pandas as pd

SNR_DB = 10.0
SENTENCES = ("the pedestrians", "the traffic lights", "pedestrians and traffic lights", "the nearest car")
REGION_GAIN = 4.0
"""How many times as many bytes a patch of a region gets, by the rival."""
ASKED, NOTHING, RIVAL = "asked for", "nothing asked for", "AVIF + LDPC, asked for"


def _steered() -> Flowgraph:
    return sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=PAPER_CBR))


def _digital() -> Flowgraph:
    return separation(codec="avif", target_cbr_total=PAPER_CBR, region_gain=REGION_GAIN)


WAYS: Mapping[str, tuple[Callable[[], Flowgraph], bool]] = {
    ASKED: (_steered, True), NOTHING: (_steered, False), RIVAL: (_digital, True),
}  # fmt: skip
"""The link, and whether it is told what is asked for."""
METRICS = {"region_psnr": "PSNR of what is asked for", "psnr": "PSNR of the whole picture"}
HEAD = f"""# Steered by a sentence

Made by `linksim bench steering`: street scenes of the part `val`, SA-OOSC, AWGN {SNR_DB:g} dB, CBR {PAPER_CBR} with
everything counted. `IntentMask` finds what a sentence asks for among the given detections; the patches that it touches
are of high importance, all others background. Beside it the same link without importance, the same noise; and the
digital rival, AVIF with {REGION_GAIN:g} times as many bytes for the same patches and LDPC, which has to know the SNR.
PSNR in dB of the boxes of what is asked for, without the scenes that have no such objects, and of the whole picture,
over all scenes; gains picture by picture with 95 % intervals over pictures.

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


def steered_link(way: str) -> Flowgraph:
    """A link of `WAYS`, judged by the region that a sentence asks for.

    Inputs: image, detections, intent, snr_db. Outputs: psnr, region_psnr, cbr_total.
    """
    fg = Flowgraph("steered", inputs={"image": Image, "detections": Detections, "intent": Text, "snr_db": Decibels})
    fg.intent_mask = IntentMask(otherwise="nothing")
    make, steered = WAYS[way]
    fg.link = make()
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
            for way in WAYS:
                link = partial(steered_link, way)
                sweep = Sweep(link, grid={"snr_db": [SNR_DB]}, cases=cases, seed=self.seed, device=self.device)
                yield Part("scenes", {"sentence": sentence, "way": way}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        table, cases = tables["scenes"], tables[by_case("scenes")]
        rows: list[list[Any]] = []
        for sentence in SENTENCES:
            at = {way: {"sentence": sentence, "way": way} for way in WAYS}
            row: list[Any] = [sentence]
            for metric in METRICS:
                plain = look_up(table, metric, **at[NOTHING]).mean
                row.append("-" if math.isnan(plain) else f"{plain:.2f}")
                row += [paired_gain(cases, metric, at[ASKED], at[other]) for other in (NOTHING, RIVAL)]
            row.append(", ".join(f"{look_up(table, 'cbr_total', **each).mean:.4f}" for each in at.values()))
            rows.append(row)
        columns = ("nothing asked", "gain over that", "gain over AVIF + LDPC")
        head = [f"{label}, {what}" for label in METRICS.values() for what in columns]
        return HEAD + markdown(["sentence", *head, "CBR in all: asked, not, AVIF"], rows)
