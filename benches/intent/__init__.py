"""The part of a picture that is asked for: UIDSC beside codecs that know neither mask nor SNR."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from linksim.benches.bench import Bench, Part, by_case
from linksim.benches.intent.figures import draw
from linksim.benches.intent.points import (
    CHANNELS,
    PERCEPTUAL_POINTS,
    PICTURES,
    SNRS_DB,
    SYSTEMS,
    MaskedTestPictures,
    intent_link,
    perceptual_link,
)
from linksim.benches.intent.tables import page
from linksim.blocks.metrics.hed_distance import hed_network
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class IntentBench(Bench):
    """Masked test pictures at CBR 1/12 over AWGN and slow Rayleigh fading.

    Args:
        masked: a folder with annotations.json, images and masks, see `segmented_pictures`; its split "val" is sent.
    """

    masked: Path | None = None

    about: ClassVar[str] = "the region that is asked for: UIDSC beside DeepJSCC and SwinJSCC"

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [] if self.masked is None else [self.masked]

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The system is no axis of a grid, so that all systems see the same noise and the same fades."""
        if self.masked is None:
            raise ParameterError("give --masked, a folder with annotations.json, images and masks")
        # Whether the perceptual distance can be had is known before an hour of sweeps.
        hed_network(self.device)
        pictures = MaskedTestPictures(str(self.masked), PICTURES)
        for system in SYSTEMS:
            grid = {"channel": list(CHANNELS), "snr_db": list(SNRS_DB)}
            sweep = Sweep(partial(intent_link, system), grid=grid, cases=pictures, seed=self.seed, device=self.device)
            yield Part("intent", {"system": system}, sweep)
        for system in SYSTEMS:
            for channel, snr_db in PERCEPTUAL_POINTS:
                link = partial(perceptual_link, system, channel)
                sweep = Sweep(link, grid={"snr_db": [snr_db]}, cases=pictures, seed=self.seed, device=self.device)
                yield Part("perceptual", {"system": system, "channel": channel}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        return page(tables["intent"], tables[by_case("intent")], tables["perceptual"])

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield draw(self.out, tables["intent"])
