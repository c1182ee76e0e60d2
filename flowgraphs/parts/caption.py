"""A sentence beside a picture, in a frame of its own."""

from linksim import Block, Flowgraph
from linksim.blocks import SideInformationLedger
from linksim.port import PortRef

RESERVED = "reserved"
"""The channel uses of the caption, which a rate block may leave free in its budget."""


def add_captioner(fg: Flowgraph, captioner: Block | None) -> PortRef:
    """What is to be said: by a captioner, or where there is none the flowgraph's input `text`."""
    if captioner is None:
        return fg["text"]
    fg.captioner = captioner
    fg.connect(fg["image"], fg.captioner["image"])
    return fg.captioner.outputs["out"]


def add_caption(fg: Flowgraph, captioner: Block | None, link: Flowgraph, *, reserve: bool = True) -> PortRef:
    """Send a sentence by a text link beside the picture's `link`, which leaves room for it where it can, unless
    `reserve` is false. It gives the sentence at the receiver. The flowgraph gets the outputs caption, text,
    caption_erased and caption_uses."""
    said = add_captioner(fg, captioner)
    fg.caption_link = link
    fg.connect(said, fg.caption_link["text"])
    fg.connect(fg["snr_db"], fg.caption_link["snr_db"])
    if reserve and RESERVED in fg.link.input_ports:
        fg.connect(fg.caption_link["uses_total"], fg.link[RESERVED])
    # Links may shorten what they are given.
    fg.connect(fg.caption_link["sent"] if "sent" in link.output_ports else said, fg["caption"])
    for name, port in (("text", "text"), ("caption_erased", "erased"), ("caption_uses", "uses_total")):
        fg.connect(fg.caption_link[port], fg[name])
    return fg.caption_link["text"]


def add_bill(fg: Flowgraph) -> Block:
    """The picture's ledger with the caption's uses as side information."""
    fg.bill = SideInformationLedger()
    fg.connect(fg.link["ledger"], fg.bill["ledger"])
    fg.connect(fg.caption_link["uses_total"], fg.bill["uses"])
    return fg.bill


def another(channel: Block | None) -> Block | None:
    """A channel like this one, for a frame of its own."""
    return None if channel is None else type(channel)(**channel.settings)
