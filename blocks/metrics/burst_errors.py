"""What a synchroniser leaves wrong: bursts that are lost, and the error of the symbols."""

import torch

from linksim.block import Block
from linksim.types import Counts, Received, Score, Symbols, SynchronisationEstimate


class LostBursts(Block):
    """Bursts that were not found or could not be read, one per frame.

    Shapes: estimates [batch]; out.errors and out.trials [batch], 0 or 1 of 1.

    >>> found = torch.tensor([True, False])
    >>> LostBursts()(estimates=SynchronisationEstimate(found, *[torch.zeros(2)] * 7)).errors.tolist()
    [0, 1]
    """

    def forward(self, estimates: SynchronisationEstimate) -> Counts:
        lost = (~estimates.found).long()
        return Counts(lost, torch.ones_like(lost))


class ErrorVectorMagnitude(Block):
    """The root mean square of the received symbols' error, each divided by its gain, over that of the symbols sent.

    Over AWGN with everything known it is 10^(-snr_db/20). NaN for a frame that was not received.

    Shapes: received [batch, uses]; sent.samples [batch, uses]; out [batch]. Gradients pass.
    Source: 3GPP TS 38.101-1, annex F, without its equalizer.

    >>> sent = Symbols(torch.tensor([[1 + 0j, 1j]]), torch.tensor([2]))
    >>> one = torch.ones(1, 2)
    >>> shifted = Received(Symbols(sent.samples + 0.1, sent.length), one + 0j, one, torch.tensor([0]), "perfect")
    >>> round(ErrorVectorMagnitude()(received=shifted, sent=sent).value.item(), 3)
    0.1
    """

    def forward(self, received: Received, sent: Symbols) -> Score:
        used = sent.mask & received.symbols.mask & (received.gain != 0)
        gain = torch.where(used, received.gain, 1)
        error = torch.where(used, received.symbols.samples / gain - sent.samples, 0).abs().square().sum(1)
        power = torch.where(used, sent.samples, 0).abs().square().sum(1)
        return Score((error / power).sqrt())
