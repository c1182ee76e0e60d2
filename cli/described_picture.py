"""`linksim transmit --link vlm_csc`: what a picture says, sent instead of the picture."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.table import Table
from torch import Tensor

from linksim import Flowgraph, Result
from linksim.blocks import Captioner, PictureGenerator
from linksim.blocks.knowledge.picture_flow import DEFAULT_KNOWLEDGE
from linksim.blocks.sources import read_picture
from linksim.blocks.text.word_list import read_word_list, split_words
from linksim.cli.console import noting
from linksim.cli.links import make_channel, pick_device
from linksim.cli.picture_request import PictureRequest
from linksim.cli.progress import waiting
from linksim.cli.result_files import result_table, show_result, write_result_files
from linksim.cli.send_text import marked
from linksim.cli.transmission import PICTURE, REPORT, RESULT
from linksim.files import check_folder
from linksim.flowgraphs import text_link, vlm_csc
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.vlm_csc import CAPTION_WEIGHTS
from linksim.plot import description_report

VLM_CSC = "vlm_csc"
LOST = "lost: the header was not decoded"
PROBES = ("link.channel.out", "link.receiver.splitter.out")


@dataclass(frozen=True, kw_only=True)
class DescribedPicture(PictureRequest):
    """What the user asked for; a back-end is "name" or "name:model"."""

    link: ClassVar[str] = VLM_CSC
    shipped: ClassVar[str] = CAPTION_WEIGHTS

    captioner: str
    generator: str
    word_list: str | None = None

    def build(self) -> Flowgraph:
        """The flowgraph. Raises `ParameterError` where a name is unknown."""
        codec = TextCodec(self.codec_weights, word_list=self.word_list)
        seen_by, _, caption_model = self.captioner.partition(":")
        made_by, _, picture_model = self.generator.partition(":")
        return vlm_csc(
            captioner=Captioner(backend=seen_by, model=caption_model),
            link=text_link(codec=codec, channel=make_channel(self.channel)),
            generator=PictureGenerator(backend=made_by, model=picture_model),
        )


def run_described_picture(asked: DescribedPicture, as_json: bool) -> None:
    """The command."""
    read = [asked.picture, Path(asked.generator.partition(":")[2] or ".")]
    check_folder("--out", asked.out, (REPORT, PICTURE, RESULT), read)
    with noting(), waiting("sending the picture"):
        original = read_picture(asked.picture)
        device = pick_device(asked.device)
        link = asked.build().to(device)
        start = time.perf_counter()
        run = link.run(image=original[None].to(device), snr_db=asked.snr_db, seed=asked.seed, probe=PROBES)
        result = described(asked, link, original, run, time.perf_counter() - start)
        _write(asked.out, original, run, result)
    show_result(asked.out, result, _table, _notes(result), as_json)


def described(
    asked: DescribedPicture, link: Flowgraph, original: Tensor, run: Result, seconds: float
) -> dict[str, Any]:
    """The content of result.json."""
    received = run["text"].sentences[0]
    confidence = run["confidence"][0].tolist()[: len(split_words(received))]
    known = read_word_list(link.link.transmitter.tokenizer.known.name).places
    return {
        "caption": run["caption"].sentences[0],
        "received": received,
        "confidence": [round(value, 3) for value in confidence],
        "unknown": sum(word not in known for word in split_words(run["caption"].sentences[0])),
        "bleu_1": round(float(run["bleu_1"].value[0]), 4),
        "lost": bool(run["erased"][0]),
        **{name: int(run[name].value[0]) for name in ("uses", "uses_total")},
        **{name: round(float(run[name].value[0]), 6) for name in ("cbr", "cbr_total")},
        "captioner": asked.captioner,
        "captions": caption_kind(asked.captioner),
        "generator": asked.generator,
        **asked.settings(original, run, seconds),
    }


def _write(out: Path, original: Tensor, run: Result, result: Mapping[str, Any]) -> None:
    """report.png, reconstruction.png and result.json in a folder."""
    image = run["image"][0].cpu()
    seen = run["link.receiver.splitter.out"]
    count = int(seen.symbols.length[0])
    received = seen.symbols.samples[0, :count] / seen.gain[0, :count]
    title = (
        f"{VLM_CSC} over {result['channel']}, {result['snr_db']:g} dB: {result['uses_total']} channel uses, "
        f"CBR {result['cbr_total']:.5f} in all"
    )
    figure = description_report(original, received, image, result["caption"], marked_words(result), title)
    write_result_files(out, figure, image, result)


def caption_kind(captioner: str) -> str:
    """What a caption of this "backend" or "backend:model" is made of; a template holds the class and makes SSQ easy."""
    backend, _, model = captioner.partition(":")
    local = "template" if model in ("", DEFAULT_KNOWLEDGE) else "in the words of its training"
    return {"classes": "class names", "local": local}.get(backend, "free text")


def marked_words(result: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The received words with the decoder's probability of each; none where the header was lost."""
    return list(zip(split_words(result["received"]), result["confidence"], strict=False))


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    if result["unknown"]:
        yield (
            f"unknown words in the caption, sent as <unk>: {result['unknown']}; train "
            "a codec on such captions with `linksim train text_link`"
        )
    if result["lost"]:
        yield f"{LOST}; the picture is mid-grey"


def _table(result: Mapping[str, Any]) -> Table:
    table = result_table(result)
    table.add_row("caption that was sent", result["caption"])
    table.add_row("what arrived", "(lost)" if result["lost"] else marked(result))
    table.add_row("BLEU-1", f"{result['bleu_1']:.3f}")
    table.add_row("channel uses", f"{result['uses']}, with header {result['uses_total']}")
    table.add_row("CBR, everything", f"{result['cbr_total']:.6f}")
    return table
