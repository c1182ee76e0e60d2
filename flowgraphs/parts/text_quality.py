"""What every link that carries sentences takes and measures."""

from collections.abc import Mapping

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import BLEU, SentenceErrors, UseLedger, WordErrors
from linksim.port import PortRef
from linksim.types import Text

BLEU_OUTPUTS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")


def text_flowgraph(name: str, source: Block | None) -> tuple[Flowgraph, PortRef]:
    """A flowgraph with the inputs text and snr_db, or with a source and snr_db; and where its text comes from."""
    inputs: Mapping[str, object] = {"snr_db": Decibels} if source else {"text": Text, "snr_db": Decibels}
    fg = Flowgraph(name, inputs=inputs)
    if source is None:
        return fg, fg["text"]
    fg.source = source
    return fg, fg.source["out"]


def add_text_quality(fg: Flowgraph, sent: PortRef, transmitter: Flowgraph, receiver: Flowgraph) -> None:
    """BLEU, errors and cost of a link with a `channel`; a lost sentence is the empty one."""
    fg.bleu, fg.word_errors, fg.sentence_errors, fg.ledger = BLEU(), WordErrors(), SentenceErrors(), UseLedger()
    for metric in (fg.bleu, fg.word_errors, fg.sentence_errors):
        fg.connect(sent, metric["sent"])
        fg.connect(receiver["text"], metric["received"])
    for name in ("payload", "header"):
        fg.connect(transmitter[name], fg.ledger[name])
    fg.connect(fg.channel, fg.ledger["received"])
    outputs: dict[str, Block | PortRef] = {
        "text": receiver["text"],
        "erased": receiver["erased"],
        "word_error_rate": fg.word_errors,
        "sentence_error_rate": fg.sentence_errors,
        "unknown": transmitter["unknown"],
        **{name: fg.bleu[name] for name in BLEU_OUTPUTS},
        **{name: fg.ledger[name] for name in ("uses", "uses_total")},
    }
    for name, value in outputs.items():
        fg.connect(value, fg[name])
