"""Words for what a network sees in a picture."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.knowledge.picture_features import CHANNELS, PLACES
from linksim.blocks.knowledge.picture_flow import KNOWN_WORDS
from linksim.blocks.text.tokenizer import MAX_WORDS
from linksim.blocks.text.word_list import PADDING, START, UNKNOWN, read_word_list
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import PictureFeatures, Words
from linksim.weights import load_part

WIDTH, HEADS, LAYERS, FEEDFORWARD = 128, 4, 2, 512
DROPOUT = 0.2
END = PADDING
"""What follows the last word."""


@contextmanager
def _evaluating(module: nn.Module) -> Generator[None]:
    """Inside, dropout does nothing."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)


class CaptionDecoder(Block):
    """A small transformer that writes a sentence word by word, looking at all places of a picture; greedy.

    Args:
        word_list: see `WordTokenizer`.
        weights: a shipped name ("vlm_csc") or the path of a .safetensors file; None leaves it untrained.

    Shapes: features [batch, 25, 1280]; out [batch, words], at least one word each. No gradient; `logits` passes them.
    Source: the image-grounded text decoder of BLIP, Li et al., ICML 2022, section 3.1, at a small size.

    Raises:
        ParameterError: there is no such list.
        WeightsError: the weights are unknown or do not fit.

    >>> CaptionDecoder()(features=torch.zeros(1, 25, 1280)).indices.shape[0]
    1
    """

    def __init__(self, *, word_list: str = KNOWN_WORDS, weights: str | None = None) -> None:
        super().__init__()
        with seeded_initialization():
            self.read = nn.Sequential(nn.LayerNorm(CHANNELS), nn.Dropout(DROPOUT), nn.Linear(CHANNELS, WIDTH))
            self.picture_places = nn.Parameter(0.02 * torch.randn(PLACES, WIDTH))
            self.embedding = nn.Embedding(len(read_word_list(word_list)), WIDTH)
            self.word_places = nn.Parameter(0.02 * torch.randn(MAX_WORDS + 1, WIDTH))
            layer = nn.TransformerDecoderLayer(
                WIDTH, HEADS, FEEDFORWARD, DROPOUT, "gelu", batch_first=True, norm_first=True
            )
            self.layers = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(WIDTH))
            self.choose = nn.Linear(WIDTH, len(read_word_list(word_list)))
        load_part(self, weights, "caption_decoder")

    @single_precision
    def forward(self, features: PictureFeatures) -> Words:
        # Dropout is for `logits` alone: a block that was made and never told otherwise is in training mode.
        with torch.no_grad(), _evaluating(self):
            memory = self._memory(features)
            written = torch.full((len(features), 1), START, device=features.device)
            for place in range(MAX_WORDS):
                scores = self._scores(memory, written)[:, -1].float()
                scores[:, [START, UNKNOWN]] = -torch.inf
                if place == 0:
                    scores[:, END] = -torch.inf
                chosen = torch.where((written[:, -1] == END), END, scores.argmax(-1))
                if bool((chosen == END).all()):
                    break
                written = torch.cat([written, chosen[:, None]], 1)
        return Words(written[:, 1:], (written[:, 1:] != END).sum(1))

    def logits(self, features: Tensor, words: Words) -> Tensor:
        """Of each word and of the end, those before it being known, [batch, words + 1, word list]: for training."""
        start = words.indices.new_full((len(words.indices), 1), START)
        return self._scores(self._memory(features), torch.cat([start, words.indices], 1))

    def _memory(self, features: Tensor) -> Tensor:
        return self.read(features) + self.picture_places

    def _scores(self, memory: Tensor, written: Tensor) -> Tensor:
        count = written.shape[1]
        past = nn.Transformer.generate_square_subsequent_mask(count, device=written.device)
        seen = self.embedding(written) + self.word_places[:count]
        return self.choose(self.layers(seen, memory, tgt_mask=past, tgt_is_causal=True))
