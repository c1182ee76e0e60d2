"""Sentences over noise: a learned codec beside source code, channel code and QAM."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from linksim.benches.bench import Bench, Part
from linksim.benches.text.figures import draw
from linksim.benches.text.points import (
    CAPTION_SYSTEMS,
    CHUNK,
    SENTENCES,
    SNRS_DB,
    SYSTEMS,
    caption_link,
    sentence_link,
)
from linksim.benches.text.tables import HEAD, captions_page, sentences_page
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TextBench(Bench):
    """Sentences of Europarl, and captions, over AWGN and slow Rayleigh fading.

    Args:
        text: a file of sentences that the codec `europarl` was not trained on.
        captions: a folder with folders of captions, each with train.json and test.json; the codec `captions` sends
            those of the tests.
    """

    text: Path | None = None
    captions: Path | None = None

    about: ClassVar[str] = "sentences: a learned codec beside word codes with a polar code and QAM"

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [] if self.captions is None else [self.captions]

    def parts(self) -> Iterator[Part]:
        """See `Bench`."""
        if self.text is None and self.captions is None:
            raise ParameterError("give --text, a file of sentences, or --captions, a folder of captions, or both")
        make = partial(
            Sweep, stop=f"frames={SENTENCES}", chunk=CHUNK, seed=self.seed, device=self.device, curve="snr_db"
        )
        for channel, snrs in SNRS_DB.items():
            grid: dict[str, list[Any]] = {"channel": [channel], "snr_db": list(snrs)}
            if self.text:
                own: dict[str, list[Any]] = {"file": [str(self.text)], "system": list(SYSTEMS)}
                yield Part("sentences", {}, make(sentence_link, grid={**own, **grid}))
            if self.captions:
                where: dict[str, list[Any]] = {"folder": [str(self.captions)], "seen": [True, False],
                                               "system": list(CAPTION_SYSTEMS)}  # fmt: skip
                yield Part("captions", {}, make(caption_link, grid={**where, **grid}))

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        pages = {"sentences": sentences_page, "captions": captions_page}
        return HEAD + "\n".join(pages[name](tables[name]) for name in pages if name in tables)

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield from draw(self.out, tables)
