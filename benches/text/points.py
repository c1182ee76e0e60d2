"""What `linksim bench text` simulates: the systems, the links, the points."""

from collections.abc import Callable, Mapping
from pathlib import Path

from linksim import Block, Flowgraph
from linksim.blocks import AWGN, Rayleigh, TextSource
from linksim.blocks.text.source import read_sentences
from linksim.errors import ParameterError
from linksim.flowgraphs import digital_text, numbered_text, text_link
from linksim.flowgraphs.parts.text_codec import TextCodec

LEARNED, BIGRAM, HUFFMAN, FREE = "learned", "bigram + polar", "Huffman + polar", "bigram + polar, free uses"
WHOLE, WHOLE_FREE, NUMBERED = "sentences + polar", "sentences + polar, free uses", "numbered sentences"
CODES: Mapping[str, str] = {
    BIGRAM: "bigram", HUFFMAN: "huffman", FREE: "bigram", WHOLE: "sentences", WHOLE_FREE: "sentences"
}  # fmt: skip
SYSTEMS = (LEARNED, BIGRAM, HUFFMAN, FREE)
"""The digital links spend as many uses as the learned one, but for "free uses": these take as few as the SNR allows."""
CAPTION_SYSTEMS = (*SYSTEMS, WHOLE, WHOLE_FREE, NUMBERED)
"""Captions come from few templates: codes of whole sentences are their strongest rivals."""
FREE_SYSTEMS = (FREE, WHOLE_FREE)
OTHER_USES = (*FREE_SYSTEMS, NUMBERED)
"""Those whose uses are not the learned codec's."""
CHANNELS: Mapping[str, Callable[[], Block]] = {"awgn": AWGN, "rayleigh": Rayleigh}
SNRS_DB: Mapping[str, tuple[float, ...]] = {
    "awgn": (-4.0, -2.0, 0.0, 2.0, 4.0, 7.0, 10.0),
    "rayleigh": (0.0, 5.0, 10.0, 15.0),
}
SENTENCES, CHUNK = 512, 64
"""At each point, and how many at the same time."""
TRAIN, TEST = "train.json", "test.json"


def sentence_link(file: str, system: str, channel: str) -> Flowgraph:
    """A system for the sentences of a file, by the word list `europarl`."""
    return _link("europarl", system, channel, TextSource(files=(file,), shuffle=True))


def caption_link(folder: str, seen: bool, system: str, channel: str) -> Flowgraph:
    """A system for captions that occur word for word among those trained on, or for those that do not."""
    return _link("captions", system, channel, TextSource(sentences=tuple(captions(folder, seen)), shuffle=True))


def captions(folder: str, seen: bool) -> list[str]:
    """The captions of all tests in a folder's folders that were trained on, or not. Raises `ParameterError` where there
    are none."""
    sets = sorted(path.parent for path in Path(folder).glob(f"*/{TEST}") if (path.parent / TRAIN).is_file())
    trained = {caption for each in sets for caption in read_sentences(str(each / TRAIN))}
    found = [caption for each in sets for caption in read_sentences(str(each / TEST)) if (caption in trained) == seen]
    if not found:
        raise ParameterError(f"'{folder}' has no folders with {TRAIN} and {TEST} that hold such captions")
    return found


def _link(name: str, system: str, channel: str, source: TextSource) -> Flowgraph:
    codec, through = TextCodec(name), CHANNELS[channel]()
    if system == LEARNED:
        return text_link(codec=codec, channel=through, source=source)
    if system == NUMBERED:
        return numbered_text(word_list=name, channel=through, source=source)
    uses = None if system in FREE_SYSTEMS else codec.uses_per_word
    return digital_text(code=CODES[system], word_list=name, uses_per_word=uses, channel=through, source=source)
