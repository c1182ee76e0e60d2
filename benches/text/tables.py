"""The page of `linksim bench text`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from linksim.benches.tables import crossing_snr, look_up, markdown, share
from linksim.benches.text.points import (
    CAPTION_SYSTEMS,
    LEARNED,
    OTHER_USES,
    SENTENCES,
    SNRS_DB,
    SYSTEMS,
    captions,
)
from linksim.benches.text.source_bits import source_bits
from linksim.blocks.header.short import LARGEST, short_header_uses
from linksim.blocks.text.source import read_sentences
from linksim.blocks.text.tokenizer import MAX_WORDS
from linksim.blocks.transport.short_transport import LARGEST_NUMBER

if TYPE_CHECKING:
    import pandas as pd

WORDS_USES, SIZE_USES, NUMBER_USES = map(short_header_uses, (MAX_WORDS, LARGEST_NUMBER, LARGEST))
HEAD = f"""# Sentences over noise

Made by `linksim bench text` from the shipped weights: {SENTENCES} sentences at each point, drawn from the files, 95 %
intervals over sentences. "Learned" is `text_link`. The others are `digital_text`: a code of words, a CRC, a 5G polar
code and QAM. They spend as many channel uses on each sentence as the learned codec does, and choose the smallest QAM
that has room. "Free uses" takes as few uses as the SNR allows, so its row of uses counts. All know the mean SNR. All
have a header in the same code: {WORDS_USES} uses for the number of words of the learned codec, {SIZE_USES} for
size and modulation of the digital links. A lost sentence is the empty one, of BLEU 0. SNRs are Es/N0 per complex use.

"""
CHANNEL_NAMES = {"awgn": "AWGN", "rayleigh": "slow Rayleigh fading, known at the receiver, one fade a sentence"}
SENTENCE_CODES = ("bigram", "huffman", "five_bit", "utf8")
CAPTION_CODES = ("sentences", *SENTENCE_CODES)
METRICS = {"bleu_1": "BLEU-1", "bleu_4": "BLEU-4", "sentence_error_rate": "Sentences wrong", "erased": "Sentences lost"}


def sentences_page(table: "pd.DataFrame") -> str:
    """Europarl."""
    title = (
        "## Sentences of Europarl that were not trained on, 8 uses per word\n\nAll of their words are in the list of "
        "3,994 words, and they have up to 29.\n"
    )
    bits = source_bits(read_sentences(str(table["file"].iloc[0])), "europarl", SENTENCE_CODES)
    return f"{title}\n{bits}\n{_tables(table, SYSTEMS)}"


def captions_page(table: "pd.DataFrame") -> str:
    """Captions, seen and unseen."""
    title = (
        "## Captions of the test pictures, 2 uses per word\n\nThe captions are made from templates: the label, one of "
        "three phrasings, and names of measured colours. Nine in ten\nof the test captions occur word for word among "
        'those trained on; they stand apart from the others.\n"Sentences" is Huffman\'s code of the 2,157 captions '
        "trained on; another caption follows an escape, word by word.\n"
        f'"Numbered" is `numbered_text`: the number of one of the {LARGEST:,} likeliest captions in {NUMBER_USES}\n'
        "uses of 5G's code for small blocks. It has no header; with its header the learned codec takes about 40. Any\n"
        "other caption is lost.\n"
    )
    return f"{title}\n" + "\n".join(_some_captions(table.loc[table["seen"] == seen], seen) for seen in (True, False))


def _some_captions(table: "pd.DataFrame", seen: bool) -> str:
    name = "Captions that were trained on" if seen else "Captions that were not trained on"
    bits = source_bits(captions(str(table["folder"].iloc[0]), seen), "captions", CAPTION_CODES)
    return f"### {name}\n\n{bits}\n{_tables(table, CAPTION_SYSTEMS)}"


def _tables(table: "pd.DataFrame", systems: Sequence[str]) -> str:
    pages: list[str] = []
    for channel, snrs in SNRS_DB.items():
        here = table.loc[table["channel"] == channel]
        for metric, name in METRICS.items():
            rows = [[system, *(_cell(here, metric, system, snr_db) for snr_db in snrs)] for system in systems]
            pages.append(f"{name}, {CHANNEL_NAMES[channel]}:\n\n" + markdown(_head(snrs), rows))
        rows = [[system, *(f"{_of(here, 'uses', system, snr_db).mean:.1f}" for snr_db in snrs)] for system in systems]
        pages.append(f"Channel uses of a sentence, without the header, {CHANNEL_NAMES[channel]}:\n\n"
                     + markdown(_head(snrs), rows))  # fmt: skip
        pages.append(_crossing(here, snrs, systems))
    return "\n".join(pages)


def _head(snrs: tuple[float, ...]) -> list[str]:
    return ["", *(f"{snr_db:g} dB" for snr_db in snrs)]


def _of(table: "pd.DataFrame", metric: str, system: str, snr_db: float) -> Any:
    return look_up(table, metric, system=system, snr_db=snr_db)


def _cell(table: "pd.DataFrame", metric: str, system: str, snr_db: float) -> str:
    return share(_of(table, metric, system, snr_db))


def _crossing(table: "pd.DataFrame", snrs: tuple[float, ...], systems: Sequence[str]) -> str:
    """Where each digital link of the same uses passes the learned one in BLEU-1, and where intervals are apart."""
    lines: list[str] = []
    for rival in [each for each in systems if each != LEARNED and each not in OTHER_USES]:
        beside = [(_of(table, "bleu_1", rival, snr_db), _of(table, "bleu_1", LEARNED, snr_db)) for snr_db in snrs]
        crossing = crossing_snr(snrs, [theirs.mean - ours.mean for theirs, ours in beside])
        met = (
            "does not pass the learned codec" if crossing is None else f"passes the learned codec at {crossing:.1f} dB"
        )
        lines.append(f"- {rival} {met} and {_ahead(snrs, [theirs.low > ours.high for theirs, ours in beside])}.")
    title = (
        "BLEU-1 beside the learned codec, at equal uses for the payload. A link passes it where its mean comes above, "
        "with\nstraight lines between the SNRs. Ahead means that the intervals are apart."
    )
    return f"{title}\n\n" + "\n".join(lines) + "\n"


def _ahead(snrs: Sequence[float], ahead: Sequence[bool]) -> str:
    if not any(ahead):
        return "is not ahead at any of these SNRs"
    if all(ahead):
        return "is ahead at all of these SNRs"
    first = ahead.index(True)
    if not first:
        return f"is ahead at {snrs[0]:g} dB, and not at all others"
    return f"comes ahead between {snrs[first - 1]:g} and {snrs[first]:g} dB"
