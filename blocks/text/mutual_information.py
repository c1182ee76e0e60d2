"""MINE: a lower bound of what the received symbols say about the sent ones."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import PortError, require
from linksim.precision import single_precision
from linksim.types import Received, Score, Symbols

WIDTH = 128


class MutualInformationBound(Block):
    """A lower bound of the mutual information of sent and received words, by a network that is trained with the codec.

    I >= E[T(x, y)] - ln E[exp T(x, y')], x and y the symbols of one word as they were sent and as they are received,
    y' those of another word of the batch. A frame's value is the bound with the first mean taken over its own words
    alone, so that the mean over the batch, weighted by words, is the bound. It is to be maximised.

    Args:
        uses_per_word: complex symbols of a word.

    Shapes: sent [batch, uses]; received [batch, uses], gain 1 or undone by its conjugate; out.value [batch] in nats
    per word. Gradients pass to symbols and network.
    Source: Belghazi et al., ICML 2018 (Donsker-Varadhan); VLM-CSC (arXiv 2407.00020), first stage of training.

    Raises:
        ParameterError: `uses_per_word` is under 1.
        PortError: there is one word alone, so that there is no other.

    >>> from linksim.blocks import AWGN
    >>> sent = Symbols(torch.ones(4, 6) + 0j, torch.full((4,), 6))
    >>> received = AWGN().seed(1)(symbols=sent, snr_db=torch.full((4,), 5.0))
    >>> MutualInformationBound(uses_per_word=2)(sent=sent, received=received).value.shape
    torch.Size([4])
    """

    def __init__(self, *, uses_per_word: int = 8) -> None:
        super().__init__()
        require(uses_per_word > 0, "uses_per_word", "at least 1", uses_per_word)
        self.uses_per_word = uses_per_word
        with seeded_initialization():
            self.tell = nn.Sequential(
                nn.Linear(4 * uses_per_word, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)
            )

    @single_precision
    def forward(self, sent: Symbols, received: Received) -> Score:
        mask = sent.mask[:, :: self.uses_per_word]
        phase = received.gain.conj() / received.gain.abs().clamp_min(1e-9)
        near, far = (self._words(samples)[mask] for samples in (sent.samples, received.symbols.samples * phase))
        if len(near) < 2:
            raise PortError("'sent' must hold at least two words (got one), so that there is another to compare with")
        joint = self.tell(torch.cat([near, far], 1))[:, 0]
        # Each word beside the one before it in the batch, which is another sentence's or another place's.
        apart = self.tell(torch.cat([near, far.roll(1, 0)], 1))[:, 0]
        frame = mask.nonzero()[:, 0]
        own = torch.zeros(len(mask), dtype=joint.dtype, device=joint.device).index_add(0, frame, joint)
        return Score(own / mask.sum(1).clamp_min(1) - (apart.logsumexp(0) - math.log(len(apart))))

    def _words(self, samples: Tensor) -> Tensor:
        """Real [batch, words, 2c]."""
        missing = -samples.shape[1] % self.uses_per_word
        padded = functional.pad(samples, (0, missing)).unflatten(1, (-1, self.uses_per_word))
        return torch.view_as_real(padded.contiguous()).flatten(-2).float()
