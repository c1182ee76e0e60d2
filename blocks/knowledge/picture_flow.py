"""Pictures from sentences by a small rectified flow."""

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.knowledge.velocity_network import CONDITION, VelocityNetwork
from linksim.blocks.text.semantic_encoder import attended
from linksim.blocks.text.tokenizer import check_places
from linksim.blocks.text.transformer import TransformerLayer, positions
from linksim.blocks.text.word_list import read_word_list
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Image, Words
from linksim.weights import load_part

DEFAULT_KNOWLEDGE, KNOWN_WORDS = "vlm_csc", "captions"
SIZE, STEPS, GUIDANCE = 32, 20, 2.5
TEXT_WIDTH, TEXT_LAYERS = 128, 2


class PictureFlow(Block):
    """Draw noise and move it, in equal steps, to where a network says that the picture of the sentence lies.

    The path from noise to a picture is a straight line in training, and the network learns its direction. With guidance
    g the direction is u + g (c - u), c with the sentence and u without. An empty sentence gives mid-grey.

    Args:
        word_list: see `WordTokenizer`.
        steps: Euler steps.
        guidance: g; 1 takes the sentence as it is.
        weights: a shipped name ("vlm_csc") or the path of a .safetensors file; None leaves it untrained, which gives
            noise.

    Shapes: words [batch, words]; out [batch, 3, 32, 32]. No gradient; `velocity` passes them.
    Source: Liu, Gong and Liu, ICLR 2023 (rectified flow); Ho and Salimans, arXiv 2207.12598 (guidance).

    Raises:
        ParameterError: there is no such list, a word is not in it, or `steps` or `guidance` is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> words = Words(torch.tensor([[5, 9, 4]]), torch.tensor([3]))
    >>> PictureFlow(steps=1).seed(1)(words=words).shape
    torch.Size([1, 3, 32, 32])
    """

    def __init__(
        self,
        *,
        word_list: str = KNOWN_WORDS,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        require(0 < steps <= 1000, "steps", "in 1..1000", steps)
        require(0 <= guidance <= 20, "guidance", "in 0..20", guidance)
        self.steps, self.guidance = steps, guidance
        with seeded_initialization():
            self.embedding = nn.Embedding(len(read_word_list(word_list)), TEXT_WIDTH)
            self.places = positions(TEXT_WIDTH)
            self.layers = nn.ModuleList(TransformerLayer(TEXT_WIDTH, noise_attention=False) for _ in range(TEXT_LAYERS))
            self.read = nn.Linear(TEXT_WIDTH, CONDITION)
            self.network = VelocityNetwork()
        load_part(self, weights, "picture_flow")

    @single_precision
    def forward(self, words: Words) -> Image:
        with torch.no_grad():
            condition = self.condition(words)
            shape = (len(condition), 3, SIZE, SIZE)
            moved = torch.randn(shape, generator=self.rng, device=self.device).to(condition.device)
            for step in range(self.steps):
                time = torch.full((len(condition),), step / self.steps, device=condition.device)
                moved = moved + self._guided(moved, time, condition) / self.steps
        picture = (moved.float() + 1) / 2
        return torch.where((words.length > 0)[:, None, None, None], picture.clamp(0, 1), 0.5)

    def condition(self, words: Words) -> Tensor:
        """What the network is told of the sentences, [batch, 192]; of an empty one it is told zero."""
        check_places(words, self.embedding.num_embeddings)
        allowed, features = attended(words.mask), self.embedding(words.indices)
        snr_db = torch.zeros(len(features), device=features.device)
        for layer in self.layers:
            features = layer(features, self.places[: features.shape[1]], allowed, snr_db)
        mean = (features * words.mask[..., None]).sum(1) / words.length.clamp_min(1)[:, None]
        return torch.where((words.length > 0)[:, None], self.read(mean), 0.0)

    def velocity(self, moved: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """The network's direction, [batch, 3, 32, 32]: for training."""
        return self.network(moved, time, condition)

    def _guided(self, moved: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        if self.guidance == 1:
            return self.velocity(moved, time, condition)
        both = self.network(moved.repeat(2, 1, 1, 1), time.repeat(2), torch.cat([condition, 0 * condition]))
        told, untold = both.chunk(2)
        return untold + self.guidance * (told - untold)
