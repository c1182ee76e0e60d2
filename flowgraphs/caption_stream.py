"""A description of a picture over a noisy link: right, or not there."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import TextShortener
from linksim.errors import require
from linksim.flowgraphs.digital_text import digital_text
from linksim.types import Text

PAPER_SCHEME, PAPER_BYTES = (4, 0.5), 106
"""16-QAM at code rate 1/2; the bytes that 426 channel uses carry."""
WORDS = "captions"


def caption_stream(*, mode: str = "adapted", code: str = "", channel: Block | None = None) -> Flowgraph:
    """A caption's bytes, a CRC, a 5G code and QAM. A caption whose check fails is the empty sentence, not a wrong one.

    - "adapted": any length up to 254 bytes and 32 words; modulation and code rate follow the SNR, as few uses as that
      takes.
    - "paper": as GenED-SC has it, UTF-8 in 16-QAM at code rate 1/2 whatever the SNR, cut to 106 bytes, which take 428
      channel uses (426 in the paper, which counts no check). That is over the capacity at 1 and 4 dB.

    Messages of up to 480 bits go by 5G's polar codes, which are stronger there, in both modes.

    Args:
        mode: "adapted" or "paper".
        code: see `TextCompressor`; "utf8" unless given.
        channel: AWGN unless given.

    Inputs: text, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: text; sent, the caption as it was cut; erased; and what else `digital_text` gives.
    Source: GenED-SC (arXiv 2606.04015), section V-A; "adapted" is linksim's.

    Raises `ParameterError` where the mode or the code is unknown.
    """
    require(mode in ("adapted", "paper"), "mode", "'adapted' or 'paper'", mode)
    paper = mode == "paper"
    fg = Flowgraph("caption_stream", inputs={"text": Text, "snr_db": Decibels})
    fg.shortener = TextShortener(most_bytes=PAPER_BYTES) if paper else TextShortener()
    fg.link = digital_text(code=code or "utf8", word_list=WORDS, fixed=PAPER_SCHEME if paper else None, channel=channel)
    fg.connect(fg["text"], fg.shortener["text"])
    fg.connect(fg.shortener, fg.link["text"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    fg.connect(fg.shortener, fg["sent"])
    for name in fg.link.output_ports:
        fg.connect(fg.link[name], fg[name])
    return fg
