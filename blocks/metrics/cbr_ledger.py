"""What a picture cost."""

from dataclasses import replace
from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.types import Image, Ledger, Received, Score, Symbols


class Bill(NamedTuple):
    """The ledger, and its two summaries."""

    ledger: Ledger
    cbr: Score
    cbr_total: Score


class CBRLedger(Block):
    """Channel bandwidth ratio: complex channel uses over 3*height*width of the original, by purpose.

    Shapes: original [batch, 3, height, width], of which only the size counts; payload, header and side_information
    are the symbols sent for each purpose; received gives the pilots and guard; out.ledger in uses, out.cbr (payload
    alone) and out.cbr_total (everything) [batch]. No gradient.
    Source: SA-OOSC, section 4 (R = m/n); the ledger is linksim's.

    >>> from linksim.blocks import AWGN
    >>> frame = Symbols(torch.ones(1, 12) + 0j, torch.tensor([12]))
    >>> received = AWGN().seed(1)(symbols=frame, snr_db=torch.tensor([10.0]))
    >>> counted = CBRLedger()(original=torch.zeros(1, 3, 2, 2), payload=frame, received=received)
    >>> counted.cbr.value.item(), counted.ledger.header.item()
    (1.0, 0)
    """

    shapes_only = frozenset({"original"})

    def forward(
        self,
        original: Image,
        payload: Symbols,
        received: Received,
        header: Symbols | None = None,
        side_information: Symbols | None = None,
    ) -> Bill:
        none = torch.zeros_like(payload.length)
        ledger = Ledger(
            payload=payload.length,
            header=none if header is None else header.length,
            side_information=none if side_information is None else side_information.length,
            pilots=received.overhead,
            source_dimensions=none + original[0].numel(),
        )
        return Bill(ledger, Score(ledger.cbr.float()), Score(ledger.cbr_total.float()))


class SideInformationLedger(Block):
    """A picture's ledger with the channel uses of another frame, as that of a caption, added to its side information.

    Shapes: ledger in uses; uses [batch], everything that was sent for the other frame; out as `CBRLedger`. No gradient.
    Source: linksim.

    >>> none = torch.zeros(1, dtype=torch.int64)
    >>> ledger = Ledger(payload=none + 6, header=none, side_information=none, pilots=none, source_dimensions=none + 12)
    >>> SideInformationLedger()(ledger=ledger, uses=Score(torch.tensor([3.0]))).cbr_total.value.item()
    0.75
    """

    def forward(self, ledger: Ledger, uses: Score) -> Bill:
        beside = ledger.side_information + uses.value.round().to(ledger.side_information)
        both = replace(ledger, side_information=beside)
        return Bill(both, Score(both.cbr.float()), Score(both.cbr_total.float()))


class TotalUses(Block):
    """Everything that was sent for a frame, from its ledger, and for other frames, as a caption.

    Shapes: ledger in uses; uses [batch], those of the other frames; out.value [batch]. No gradient.
    Source: linksim.

    >>> none = torch.zeros(1, dtype=torch.int64)
    >>> ledger = Ledger(payload=none + 6, header=none + 2, side_information=none, pilots=none, source_dimensions=none)
    >>> TotalUses()(ledger=ledger, uses=Score(torch.tensor([3.0]))).value.item()
    11.0
    """

    def forward(self, ledger: Ledger, uses: Score | None = None) -> Score:
        own = (ledger.payload + ledger.header + ledger.side_information + ledger.pilots).float()
        return Score(own if uses is None else own + uses.value)
