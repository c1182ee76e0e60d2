"""What `linksim transmit` is asked for, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linksim import Block, Flowgraph
from linksim.cli.importance import ImportanceSource
from linksim.cli.links import link_name, make_channel, make_link
from linksim.errors import ParameterError
from linksim.files import check_folder
from linksim.flowgraphs import DIGITAL_LINKS

REPORT, PICTURE, RESULT = "report.png", "reconstruction.png", "result.json"
PROBES = ("importance.out", "channel.out")
ANALOG_PROBES = ("rate.lengths", "equalizer.out")
DIGITAL_PROBES = ("splitter.out", "adaptation.scheme", "adaptation.budget", "transport_decoder.good")
LAYER_PROBES = ("splitter.out", "adaptation.layer_scheme", "encoder.layer_uses", "transport_decoder.layer_good")
LAYERED = "semantic_separation"


@dataclass(frozen=True)
class Transmission:
    """What the user asked for."""

    picture: Path
    out: Path
    link: str
    weights: str | None
    importance: ImportanceSource
    channel: str
    snr_db: float
    goals: Mapping[str, float | None]
    alpha: float | None
    effort: int
    seed: int
    device: str

    def build(self) -> Flowgraph:
        """The flowgraph. Raises `ParameterError` where a name is unknown, or an option means nothing to the link."""
        link, channel = link_name(self.link), make_channel(self.channel)
        goals = {name: goal for name, goal in self.goals.items() if goal is not None}
        if len(goals) > 1:
            raise ParameterError("give one of --cbr, --cbr-total and --psnr, not several")
        if self.digital:
            return self._build_digital(link, channel, goals)
        return make_link(link, channel, goals, weights=self.weights, alpha=self.alpha, effort=self.effort)

    def check(self) -> None:
        """Refuse, before any work, an output that cannot be written or is read. Raises `ParameterError`."""
        weights = Path(self.weights) if self.weights and self.weights.endswith(".safetensors") else None
        read = [self.picture, self.importance.boxes, self.importance.labels, weights]
        check_folder("--out", self.out, (REPORT, PICTURE, RESULT), read)

    @property
    def digital(self) -> bool:
        """Whether a picture codec and a channel code carry the picture."""
        return link_name(self.link) in DIGITAL_LINKS

    @property
    def probes(self) -> tuple[str, ...]:
        """What the report shows besides the outputs."""
        own = DIGITAL_PROBES if self.digital else ANALOG_PROBES
        return PROBES + (LAYER_PROBES if self.layered else own)

    @property
    def layered(self) -> bool:
        """Whether a digital link sends layers with schemes of their own."""
        return link_name(self.link) == LAYERED

    def _build_digital(self, link: str, channel: Block, goals: Mapping[str, Any]) -> Flowgraph:
        if goals.keys() - {"target_cbr_total"}:
            raise ParameterError(
                f"the link '{link}' is given its rate by --cbr-total, everything it sends: how much of that is payload "
                "follows from the picture"
            )
        for name, value in (("weights", self.weights), ("alpha", self.alpha), ("effort", self.effort or None)):
            if value is not None:
                raise ParameterError(f"--{name} is not for the link '{link}', which has none")
        return DIGITAL_LINKS[link](**goals, channel=channel)
