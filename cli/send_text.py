"""`linksim send-text`: sentences over a learned and a digital link."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from linksim import Flowgraph, Result, __version__
from linksim.blocks.text.tokenizer import MAX_WORDS, joined
from linksim.blocks.text.word_list import read_word_list, split_words
from linksim.cli.console import PlainConsole, noting
from linksim.cli.links import make_channel, pick_device
from linksim.cli.progress import waiting
from linksim.errors import ParameterError
from linksim.flowgraphs import digital_text, text_link
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.types import Text

ENDS = re.compile(r"(?<=[.!?])\s+")
MAX_CHARACTERS = 100_000
UNSURE = 0.5
"""A received word of a lower probability is marked."""


@dataclass(frozen=True)
class SendText:
    """What the user asked for."""

    text: str
    weights: str
    word_list: str | None
    code: str
    channel: str
    snr_db: float
    seed: int
    device: str

    def frames(self) -> list[str]:
        """The sentences, long ones in pieces. Raises `ParameterError` where there are none."""
        if len(self.text) > MAX_CHARACTERS:
            raise ParameterError(f"the text has {len(self.text):,} characters; send at most {MAX_CHARACTERS:,} at once")
        found = list(frames_of(self.text))
        if not found:
            raise ParameterError("the text has no words")
        return found


def frames_of(text: str) -> Iterator[str]:
    """Sentences of up to 32 words; what is longer is cut after every 32nd."""
    for sentence in ENDS.split(" ".join(text.split())):
        words = split_words(sentence)
        if len(words) <= MAX_WORDS:
            if words:
                yield sentence
        else:
            yield from (joined(words[at : at + MAX_WORDS]) for at in range(0, len(words), MAX_WORDS))


def run_send_text(asked: SendText, as_json: bool) -> None:
    """The command."""
    frames = asked.frames()
    console, notes = PlainConsole(), PlainConsole(stderr=True)
    with noting(), waiting("sending the text"):
        codec = TextCodec(asked.weights, word_list=asked.word_list)
        unknown = unknown_words(frames, codec.word_list)
        learned = _run(asked, frames, text_link(codec=codec, channel=make_channel(asked.channel)))
        digital = _run(
            asked,
            frames,
            digital_text(
                code=asked.code,
                word_list=codec.word_list,
                uses_per_word=codec.uses_per_word,
                channel=make_channel(asked.channel),
            ),
        )
    result = described(asked, codec, frames, unknown, {"learned": learned, "digital": digital})
    if as_json:
        print(json.dumps(result))
        return
    if unknown:
        shown = ", ".join(f"'{word}'" for word in unknown[:8])
        notes.note(
            f"not in the word list '{codec.word_list}' and sent as <unk>: {shown}{', ...' if len(unknown) > 8 else ''}"
        )
    for table in _tables(result):
        console.print(table)


def unknown_words(frames: list[str], word_list: str) -> list[str]:
    """The words that the list does not have, each once."""
    known = read_word_list(word_list).places
    return list(dict.fromkeys(word for sentence in frames for word in split_words(sentence) if word not in known))


def _run(asked: SendText, frames: list[str], link: Flowgraph) -> Result:
    device = pick_device(asked.device)
    return link.to(device).run(text=Text.of(frames).to(device), snr_db=asked.snr_db, seed=asked.seed)


def described(
    asked: SendText, codec: TextCodec, frames: list[str], unknown: list[str], runs: Mapping[str, Result]
) -> dict[str, Any]:
    """The content of the JSON."""
    return {
        "sentences": [
            {"sent": sentence, **{name: _frame(run, at) for name, run in runs.items()}}
            for at, sentence in enumerate(frames)
        ],
        "unknown": unknown,
        "weights": asked.weights,
        "word_list": codec.word_list,
        "uses_per_word": codec.uses_per_word,
        "code": asked.code,
        "channel": asked.channel,
        "csi": runs["learned"].labels["csi"],
        "snr_db": asked.snr_db,
        "seed": asked.seed,
        "linksim": __version__,
    }


def _frame(run: Result, at: int) -> dict[str, Any]:
    received = run["text"].sentences[at]
    confidence = run["confidence"][at].tolist()[: len(split_words(received))] if "confidence" in run else []
    return {
        "received": received,
        "lost": bool(run["erased"][at]),
        "bleu_1": round(float(run["bleu_1"].value[at]), 4),
        "uses": int(run["uses"].value[at]),
        "uses_total": int(run["uses_total"].value[at]),
        **({"confidence": [round(value, 3) for value in confidence]} if confidence else {}),
    }


def _tables(result: Mapping[str, Any]) -> Iterator[Table]:
    names = {"learned": f"learned, {result['weights']}", "digital": f"digital, {result['code']}"}
    for sentence in result["sentences"]:
        title = f"{sentence['sent']}\nover {result['channel']}, {result['snr_db']:g} dB"
        table = Table(title=title, title_justify="left")
        for column in ("link", "received", "BLEU-1", "uses", "with header"):
            table.add_column(column, justify="left" if column in ("link", "received") else "right")
        for name, label in names.items():
            frame = sentence[name]
            received = "(lost)" if frame["lost"] else marked(frame)
            cost = (f"{frame['uses']}", f"{frame['uses_total']}")
            table.add_row(label, received, f"{frame['bleu_1']:.3f}", *cost)
        yield table


def marked(frame: Mapping[str, Any]) -> str:
    """The received sentence; a question mark in brackets behind each word that the decoder is not sure of."""
    words = split_words(frame["received"])
    sure = frame.get("confidence", [1.0] * len(words))
    return joined([f"{word}(?)" if value < UNSURE else word for word, value in zip(words, sure, strict=True)])
