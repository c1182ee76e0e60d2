"""What the source codes make of the sentences, before any channel code."""

from collections.abc import Sequence

from linksim.benches.tables import markdown
from linksim.blocks import TextCompressor
from linksim.types import Text

NAMES = {"sentences": "sentences", "bigram": "bigram", "huffman": "Huffman", "five_bit": "five bits a character",
         "utf8": "UTF-8"}  # fmt: skip


def source_bits(sentences: Sequence[str], word_list: str, codes: Sequence[str]) -> str:
    """A table of the mean bits of all these sentences by each code."""
    coded = {code: TextCompressor(code=code, word_list=word_list)(text=Text.of(sentences)) for code in codes}
    rows = [[NAMES[code], f"{float(each.bit_count.double().mean()):.1f}"] for code, each in coded.items()]
    return f"Bits of a sentence before the channel code, mean of all {len(sentences):,}:\n\n" + markdown(
        ["code", "bits"], rows
    )
