"""The semantic encoder of sentences."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.text.tokenizer import DEFAULT_WORDS, check_places
from linksim.blocks.text.transformer import TransformerLayer, positions
from linksim.blocks.text.word_list import read_word_list
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Decibels, TextFeatures, Words
from linksim.weights import load_part

WIDTH, LAYERS = 128, 3
"""Of VLM-CSC (section V-A)."""
WordCounts = Int[Tensor, "batch"]


class EncodedSentence(NamedTuple):
    """One vector for each word, zero past the sentence's length in words."""

    features: TextFeatures
    length: WordCounts


class SemanticTextEncoder(Block):
    """A transformer over the words of a sentence, with NAM after each layer.

    Untrained it gives each word a fixed random vector: a random code, which the untrained decoder reads.

    Args:
        word_list: see `WordTokenizer`.
        layers: transformer layers, of 8 heads.
        noise_attention: whether NAM stands after each layer.
        weights: a shipped name ("europarl", "captions") or the path of a .safetensors file; None leaves it untrained.

    Shapes: words [batch, words]; snr_db [batch], the mean SNR; out.features [batch, words, 128]; out.length [batch].
    Gradients pass to the weights.
    Source: VLM-CSC (arXiv 2407.00020), section III-B; DeepSC, IEEE Trans. Signal Process. 2021, section IV.

    Raises:
        ParameterError: there is no such list, or a word is not in it.
        WeightsError: the weights are unknown or do not fit.

    >>> words = Words(torch.tensor([[5, 9, 4]]), torch.tensor([3]))
    >>> SemanticTextEncoder()(words=words, snr_db=torch.tensor([5.0])).features.shape
    torch.Size([1, 3, 128])
    """

    def __init__(
        self,
        *,
        word_list: str = DEFAULT_WORDS,
        layers: int = LAYERS,
        noise_attention: bool = True,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        require(0 < layers <= 12, "layers", "in 1..12", layers)
        with seeded_initialization():
            self.embedding = nn.Embedding.from_pretrained(word_codebook(len(read_word_list(word_list))), freeze=False)
            self.places = positions(WIDTH)
            self.layers = nn.ModuleList(TransformerLayer(WIDTH, noise_attention=noise_attention) for _ in range(layers))
        load_part(self, weights, "semantic_text_encoder")

    @single_precision
    def forward(self, words: Words, snr_db: Decibels) -> EncodedSentence:
        check_places(words, self.embedding.num_embeddings)
        features = self.embedding(words.indices)
        allowed = attended(words.mask)
        for layer in self.layers:
            features = layer(features, self.places[: features.shape[1]], allowed, snr_db)
        return EncodedSentence(features * words.mask[..., None], words.length)


def attended(mask: Tensor) -> Tensor:
    """Which words attention may look at, bool [batch, 1, 1, words]; never none, so the first of an empty sentence."""
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return (mask | first)[:, None, None]


def word_codebook(words: int) -> Tensor:
    """A vector for each word, [words, 128]: complex numbers of modulus 1 and random phase, the same at both ends.

    All words have the same energy in any number of uses, so that the likeliest word is the one of the largest scalar
    product. Source: Shannon 1948, random coding.
    """
    generator = torch.Generator().manual_seed(0)
    phase = 2 * torch.pi * torch.rand(words, WIDTH // 2, generator=generator)
    return torch.view_as_real(torch.polar(torch.ones_like(phase), phase)).flatten(1)
