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
    y' those of another word of the batch, drawn at random. A frame's value has the first mean's share of its own words,
    times the number of frames, so that the mean over the batch is the bound. It is to be maximised.

    N words cannot show more than about ln N nats with confidence, and a network that claims more makes values that no
    mutual information has. So T is held within +-ln(N) / 2 by a tanh, and the value stays under ln N: where the channel
    carries more, the bound is loose.

    Args:
        uses_per_word: complex symbols of a word.

    Shapes: sent [batch, uses]; received [batch, uses], gain 1 or undone by its conjugate; out.value [batch] in nats
    per word. Gradients pass to symbols and network.
    Source: Belghazi et al., ICML 2018 (Donsker-Varadhan); McAllester and Stratos, AISTATS 2020, for
    ln N; VLM-CSC (arXiv 2407.00020), first stage of training.

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
        joint, apart = self._told(near, far), self._told(near, far[self._others(len(far))])
        frame = mask.nonzero()[:, 0]
        own = torch.zeros(len(mask), dtype=joint.dtype, device=joint.device).index_add(0, frame, joint)
        return Score(own * len(mask) / len(joint) - (apart.logsumexp(0) - math.log(len(apart))))

    def _told(self, sent: Tensor, received: Tensor) -> Tensor:
        """T of pairs of words, [pairs]."""
        most = math.log(len(sent)) / 2
        return most * torch.tanh(self.tell(torch.cat([sent, received], 1))[:, 0] / most)

    def _others(self, count: int) -> Tensor:
        """For each word the place of another, each once, in a random order: neighbours in a sentence are alike."""
        order = torch.randperm(count, generator=self.rng, device=self.device)
        return torch.empty_like(order).scatter_(0, order, order.roll(1))

    def _words(self, samples: Tensor) -> Tensor:
        """Real [batch, words, 2c]."""
        missing = -samples.shape[1] % self.uses_per_word
        padded = functional.pad(samples, (0, missing)).unflatten(1, (-1, self.uses_per_word))
        return torch.view_as_real(padded.contiguous()).flatten(-2).float()
