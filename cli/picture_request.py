"""What `linksim transmit` is asked for where a link has a command of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from linksim import Result, __version__
from linksim.errors import ParameterError
from linksim.types import LEDGER_PARTS


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """A picture, and how it is to be sent; a subclass names its link, and the shipped weights that it takes."""

    link: ClassVar[str]
    shipped: ClassVar[str]

    picture: Path
    out: Path
    weights: str | None
    channel: str
    snr_db: float
    seed: int
    device: str

    @property
    def codec_weights(self) -> str:
        """The weights that were asked for, else the shipped ones."""
        return self.weights or self.shipped

    def refuse(self, options: Mapping[str, Any]) -> None:
        """Raise `ParameterError` where an option that is set means nothing to this link."""
        for name, value in options.items():
            if value not in (None, 0):
                raise ParameterError(f"--{name} means nothing to the link '{self.link}'; leave it out")

    def settings(self, original: Tensor, run: Result, seconds: float) -> dict[str, Any]:
        """The part of result.json that says what was sent and how; original [3, height, width]."""
        return {
            "link": self.link,
            "weights": self.codec_weights,
            "channel": self.channel,
            "csi": run["link.channel.out"].csi,
            "snr_db": self.snr_db,
            "seed": self.seed,
            "picture": self.picture.name,
            "height": original.shape[1],
            "width": original.shape[2],
            "seconds": round(seconds, 3),
            "linksim": __version__,
        }


def spent(run: Result) -> dict[str, Any]:
    """The part of result.json that says what a link with a ledger has spent."""
    ledger = run["ledger"]
    return {
        "cbr": round(float(run["cbr"].value[0]), 6),
        "cbr_total": round(float(run["cbr_total"].value[0]), 6),
        "ledger": {name: int(getattr(ledger, name)[0]) for name in LEDGER_PARTS},
    }
