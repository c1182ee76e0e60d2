"""The codec of sentences, trained over a sequence of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks import Rayleigh, TextSource, WordTokenizer
from linksim.blocks.text.source import read_sentences, split_sentences
from linksim.errors import require
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.recipes.text_link import HOLD_OUT, TextRecipe
from linksim.flowgraphs.recipes.weight_anchor import learned, write_anchor
from linksim.flowgraphs.text_link import text_link
from linksim.training import Learner, Recipe
from linksim.types import Text

SCORED, SCORE_SEED, CHUNK, FISHER_SENTENCES = 300, 7, 500, 300
MEMORY = "memory.txt"


@dataclass(frozen=True, kw_only=True)
class TextTasks(Learner[str]):
    """Files of sentences, one task after the other. The score is BLEU-1 over slow Rayleigh fading, the header included.

    Args:
        files: by the name of each task, the file to train on and the one to score.
        word_list, uses_per_word, batch: see `TextRecipe`.
        snr_db: the mean SNR at which a codec is scored.

    Source: VLM-CSC (arXiv 2407.00020), section V-C.

    Raises `ParameterError` where there is no task.
    """

    files: Mapping[str, tuple[str, str]]
    word_list: str = "captions"
    uses_per_word: int = 2
    batch: int = 64
    snr_db: float = 5.0

    def __post_init__(self) -> None:
        require(len(self.files) > 0, "files", "one task at least", self.files)

    @property
    def tasks(self) -> Sequence[str]:
        """See `Learner`."""
        return list(self.files)

    def recipe(self, tasks: Sequence[str], start: Path | None, remembered: Sequence[str], folder: Path) -> Recipe:
        """See `Learner`; the memory is a file beside the run, from which half of each batch is drawn."""
        text = [self.files[task][0] for task in tasks]
        if remembered:
            memory = folder / MEMORY
            memory.write_text("\n".join(remembered) + "\n", encoding="utf-8")
            text.append(str(memory))
        return TextRecipe(
            text=tuple(text),
            start=None if start is None else str(start),
            word_list=self.word_list,
            uses_per_word=self.uses_per_word,
            batch=self.batch,
            snr_db=(0.0, 10.0),
            fading_share=0.5,
        )

    def anchored(self, recipe: Recipe, anchor: Path) -> Recipe:
        """See `Learner`."""
        assert isinstance(recipe, TextRecipe)
        return replace(recipe, anchor=str(anchor))

    def anchor(self, weights: Path, task: str, earlier: Path | None, path: Path) -> None:
        """See `Learner`; the importance of a weight is the mean over sentences of the task of its squared gradient, the
        diagonal of the empirical Fisher information."""
        snr_db = (self.snr_db, self.snr_db)
        recipe = TextRecipe(
            text=(self.files[task][0],), start=str(weights), word_list=self.word_list, snr_db=snr_db, fading_share=0.5
        )
        graph, parts = recipe.whole().seed(SCORE_SEED), recipe.codec.parts
        fisher = {name: torch.zeros_like(weight) for name, weight in learned(parts)}
        for _ in range(FISHER_SENTENCES):
            graph.zero_grad()
            graph(batch=1)["loss"].value.sum().backward()
            for name, weight in learned(parts):
                if weight.grad is not None:
                    fisher[name] += weight.grad.square() / FISHER_SENTENCES
        write_anchor(path, parts, fisher, earlier)

    @torch.no_grad()
    def samples(self, weights: Path, task: str) -> tuple[Sequence[str], Tensor]:
        """See `Learner`; the features are the mean over the words of those of the semantic encoder."""
        sentences = split_sentences(read_sentences(self.files[task][0]), HOLD_OUT)[0]
        encoder, tokenizer = TextCodec(str(weights), word_list=self.word_list).encoder.eval(), self._tokenizer()
        found: list[Tensor] = []
        for at in range(0, len(sentences), CHUNK):
            words = tokenizer(text=Text.of(sentences[at : at + CHUNK])).words
            snr_db = torch.full(words.length.shape, self.snr_db)
            found.append(encoder(words=words, snr_db=snr_db).features.sum(1) / words.length[:, None])
        return sentences, torch.cat(found)

    def score(self, weights: Path, task: str) -> float:
        """See `Learner`."""
        codec = TextCodec(str(weights), word_list=self.word_list)
        source = TextSource(files=(self.files[task][1],), shuffle=True)
        run = text_link(codec=codec, channel=Rayleigh(), source=source).run(
            batch=SCORED, snr_db=self.snr_db, seed=SCORE_SEED
        )
        return float(run["bleu_1"].value.mean())

    def _tokenizer(self) -> WordTokenizer:
        return WordTokenizer(word_list=self.word_list)
