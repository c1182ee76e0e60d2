"""A link that carries sentences, put together from its transmitter and its receiver."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import AWGN, BLEU, SentenceErrors, UseLedger, WordErrors
from linksim.port import PortRef
from linksim.types import Text

BLEU_OUTPUTS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")


def text_system(
    name: str, transmitter: Flowgraph, receiver: Flowgraph, *, channel: Block | None, source: Block | None
) -> Flowgraph:
    """A transmitter, a channel and a receiver of sentences, with their metrics.

    Args:
        name: the flowgraph's name.
        transmitter: from text, and snr_db where it needs it, to symbols, payload, unknown, and header where it has one.
        receiver: from received to text and erased.
        channel: AWGN unless given.
        source: a block that gives text; without it text is an input.

    Inputs: text, snr_db [batch].
    Outputs: text, erased, unknown, bleu_1 to bleu_4, word_error_rate, sentence_error_rate, uses, uses_total.
    """
    inputs: dict[str, object] = {"snr_db": Decibels} if source else {"text": Text, "snr_db": Decibels}
    fg = Flowgraph(name, inputs=inputs)
    if source is None:
        sent = fg["text"]
    else:
        fg.source = source
        sent = fg.source["out"]
    fg.transmitter, fg.channel, fg.receiver = transmitter, channel or AWGN(), receiver
    fg.connect(sent, fg.transmitter["text"])
    fg.connect(fg.transmitter["symbols"], fg.channel["symbols"])
    fg.connect(fg.channel, fg.receiver["received"])
    for block in (fg.transmitter, fg.channel):
        if "snr_db" in block.input_ports:
            fg.connect(fg["snr_db"], block["snr_db"])
    _add_quality(fg, sent)
    return fg


def _add_quality(fg: Flowgraph, sent: PortRef) -> None:
    """BLEU, errors and cost; a lost sentence is the empty one."""
    fg.bleu, fg.word_errors, fg.sentence_errors, fg.ledger = BLEU(), WordErrors(), SentenceErrors(), UseLedger()
    for metric in (fg.bleu, fg.word_errors, fg.sentence_errors):
        fg.connect(sent, metric["sent"])
        fg.connect(fg.receiver["text"], metric["received"])
    for name in ("payload", "header"):
        if name in fg.transmitter.output_ports:
            fg.connect(fg.transmitter[name], fg.ledger[name])
    fg.connect(fg.channel, fg.ledger["received"])
    outputs: dict[str, Block | PortRef] = {
        "text": fg.receiver["text"],
        "erased": fg.receiver["erased"],
        "word_error_rate": fg.word_errors,
        "sentence_error_rate": fg.sentence_errors,
        "unknown": fg.transmitter["unknown"],
        **{name: fg.bleu[name] for name in BLEU_OUTPUTS},
        **{name: fg.ledger[name] for name in ("uses", "uses_total")},
    }
    for name, value in outputs.items():
        fg.connect(value, fg[name])
