"""The semantic decoder of sentences."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.text.beam import search
from linksim.blocks.text.semantic_encoder import LAYERS, WIDTH, WordCounts, attended, word_codebook
from linksim.blocks.text.tokenizer import DEFAULT_WORDS
from linksim.blocks.text.transformer import CrossingLayer, TransformerLayer, positions, zero_linear
from linksim.blocks.text.word_list import PADDING, START, read_word_list
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Decibels, TextFeatures, Words, sent_mask
from linksim.weights import load_part


class DecodedSentence(NamedTuple):
    """The words, and the probability that the decoder gives each of them."""

    words: Words
    confidence: Float[Tensor, "batch words"]


class SemanticTextDecoder(Block):
    """The words of a sentence from what the channel decoder made of each.

    All layers but the last look at the whole sentence; the last one decides word by word, from the words decided
    before. The sentence's length is known from the header, and what was received for a word stands at its place.

    Args:
        word_list, layers, noise_attention, weights: as of `SemanticTextEncoder`.
        beam: sentences that are followed at the same time; 1 is greedy.

    Shapes: features [batch, words, 128]; length [batch] in words; snr_db [batch], as the receiver sees it; out.words
    [batch, words]; out.confidence [batch, words] in 0..1, 0 past the length. No gradient; `logits` passes them.
    Source: VLM-CSC (arXiv 2407.00020), section III-B; DeepSC, IEEE Trans. Signal Process. 2021, section IV.

    Raises:
        ParameterError: there is no such list, or `layers` or `beam` is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> features, length, snr_db = torch.zeros(1, 3, 128), torch.tensor([3]), torch.tensor([5.0])
    >>> SemanticTextDecoder(word_list="captions")(features=features, length=length, snr_db=snr_db).words.indices.shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        *,
        word_list: str = DEFAULT_WORDS,
        layers: int = LAYERS,
        beam: int = 1,
        noise_attention: bool = True,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        require(0 < layers <= 12, "layers", "in 1..12", layers)
        require(0 < beam <= 32, "beam", "in 1..32", beam)
        self.beam = beam
        count = len(read_word_list(word_list))
        with seeded_initialization():
            self.places = positions(WIDTH)
            self.whole = nn.ModuleList(
                TransformerLayer(WIDTH, noise_attention=noise_attention) for _ in range(layers - 1)
            )
            self.previous = zero_linear(WIDTH, WIDTH)
            self.last = CrossingLayer(WIDTH, noise_attention=noise_attention)
            self.embedding = nn.Embedding.from_pretrained(word_codebook(count), freeze=False)
            self.bias = nn.Parameter(torch.zeros(count))
        load_part(self, weights, "semantic_text_decoder")

    @single_precision
    def forward(self, features: TextFeatures, length: WordCounts, snr_db: Decibels) -> DecodedSentence:
        with torch.no_grad():
            memory, allowed = self._memory(features, length, snr_db)
            indices, confidence = search(
                lambda before, rows: self._next(memory[rows], allowed[rows], before, snr_db[rows]),
                length,
                memory.shape[1],
                self.beam,
            )
        mask = allowed[:, 0, 0] & (length > 0)[:, None]
        words = Words(torch.where(mask, indices, PADDING), length)
        return DecodedSentence(words, torch.where(mask, confidence, 0.0))

    def logits(self, features: Tensor, words: Words, snr_db: Tensor) -> Tensor:
        """Of each word where those before it are known, [batch, words, word list]: for training."""
        memory, allowed = self._memory(features, words.length, snr_db)
        indices = words.indices[:, : memory.shape[1]]
        return self._seen(memory, allowed, _shifted(indices), snr_db)

    def _memory(self, features: Tensor, length: Tensor, snr_db: Tensor) -> tuple[Tensor, Tensor]:
        allowed = attended(sent_mask(length, features.shape[1]))
        for layer in self.whole:
            features = layer(features, self.places[: features.shape[1]], allowed, snr_db)
        return features, allowed

    def _next(self, memory: Tensor, allowed: Tensor, before: Tensor, snr_db: Tensor) -> Tensor:
        """Logarithms of the probabilities of the word after those `before`, [rows, word list]."""
        start = before.new_full((len(before), 1), START)
        seen = self._seen(memory, allowed, torch.cat([start, before], 1), snr_db)
        return seen[:, -1].float().log_softmax(-1)

    def _seen(self, memory: Tensor, allowed: Tensor, previous: Tensor, snr_db: Tensor) -> Tensor:
        some, places = previous.shape[1], self.places[: memory.shape[1]]
        features = memory[:, :some] + self.previous(self.embedding(previous))
        features = self.last.crossed(features, memory, places, allowed, snr_db)
        # Neither the padding nor the start is ever a word.
        barred = self.bias.new_zeros(len(self.bias)).index_fill(
            0, torch.tensor([PADDING, START], device=self.bias.device), -1e4
        )
        # Half precision is too coarse for the large logits of a clean channel.
        with torch.autocast(features.device.type, enabled=False):
            return features.float() @ self.embedding.weight.T + self.bias + barred


def _shifted(indices: Tensor) -> Tensor:
    """What stands before each word."""
    return torch.cat([indices.new_full((len(indices), 1), START), indices[:, :-1]], 1)
