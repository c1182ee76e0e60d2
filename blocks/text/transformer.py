"""What the text codec's networks are made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.text.noise_attention import NoiseAttention
from linksim.blocks.text.tokenizer import MAX_WORDS

HEADS = 8
FEEDFORWARD = 256
POSITION_DEVIATION = 0.5


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer that gives zero until it is trained: the closed form beside it is the start."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def straight_linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer that starts by handing its first dimensions on as they are."""
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.eye_(layer.weight)
    return layer


def positions(width: int) -> nn.Parameter:
    """A learned vector for each place in a sentence."""
    return nn.Parameter(POSITION_DEVIATION * torch.randn(MAX_WORDS, width))


def optional_noise_attention(width: int, wanted: bool) -> NoiseAttention | None:
    """The module, or None where it is not wanted."""
    return NoiseAttention(width=width) if wanted else None


class Attention(nn.Module):
    """Attention with several heads, its output zero at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = zero_linear(width, width)

    def forward(self, query: Tensor, source: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
        """[batch, words, width] each; `source` asks with positions, `value` has none; `allowed` [batch, 1, q, k]."""
        width = query.shape[-1]
        key_weight, value_weight = self.key_value.weight.split(width)
        key_bias, value_bias = self.key_value.bias.split(width)
        parts = (self.query(query), functional.linear(source, key_weight, key_bias),
                 functional.linear(value, value_weight, value_bias))  # fmt: skip
        heads = [part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts]
        mixed = functional.scaled_dot_product_attention(*heads, attn_mask=allowed)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class TransformerLayer(nn.Module):
    """Attention and a wide layer, each with normalisation before it; NAM comes last.

    Positions take part in the question and the key only, never in what is handed on.
    """

    def __init__(self, width: int, *, noise_attention: bool) -> None:
        super().__init__()
        self.own_norm, self.own = nn.LayerNorm(width), Attention(width)
        self.wide_norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, FEEDFORWARD), zero_linear(FEEDFORWARD, width)
        self.noise_attention = optional_noise_attention(width, noise_attention)

    def forward(self, features: Tensor, places: Tensor, allowed: Tensor, snr_db: Tensor) -> Tensor:
        """features [batch, words, width], places [words, width], allowed bool [batch, 1, words, words]."""
        seen = self.own_norm(features)
        features = features + self.own(seen + places, seen + places, seen, allowed)
        return self.finish(features, snr_db)

    def finish(self, features: Tensor, snr_db: Tensor) -> Tensor:
        """What comes after the attention."""
        features = features + self.narrow(functional.gelu(self.wide(self.wide_norm(features))))
        if self.noise_attention is not None:
            features = self.noise_attention(features=features, snr_db=snr_db)
        return features


class CrossingLayer(TransformerLayer):
    """A layer that looks at what is known of the whole sentence after it has looked at its own past."""

    def __init__(self, width: int, *, noise_attention: bool) -> None:
        super().__init__(width, noise_attention=noise_attention)
        self.cross_norm, self.memory_norm, self.cross = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width)

    def crossed(self, features: Tensor, memory: Tensor, places: Tensor, allowed: Tensor, snr_db: Tensor) -> Tensor:
        """The first words' features [batch, some, width] beside the memory of all [batch, words, width]; `allowed` says
        which of all there are, bool [batch, 1, 1, words]."""
        some = features.shape[1]
        past = torch.ones(some, some, dtype=torch.bool, device=features.device).tril()
        seen = self.own_norm(features)
        where = places[:some]
        features = features + self.own(seen + where, seen + where, seen, past)
        known = self.memory_norm(memory)
        features = features + self.cross(self.cross_norm(features) + where, known + places, known, allowed)
        return self.finish(features, snr_db)
