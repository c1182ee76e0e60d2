"""`linksim transmit --link gened_sc`: a coarse picture, finished at the receiver."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.table import Table
from torch import Tensor

from linksim import Block, Flowgraph, Result
from linksim.blocks import Captioner, ForegroundRate, PictureEditor
from linksim.blocks.sources import read_picture
from linksim.blocks.text.word_list import split_words
from linksim.cli.console import noting
from linksim.cli.links import make_channel, pick_device
from linksim.cli.picture_request import PictureRequest, spent
from linksim.cli.progress import waiting
from linksim.cli.result_files import result_table, show_result, write_result_files
from linksim.cli.transmission import PICTURE, REPORT, RESULT
from linksim.errors import ParameterError
from linksim.files import check_folder
from linksim.flowgraphs import caption_stream, gened_sc
from linksim.flowgraphs.parts import GenEDCodec
from linksim.plot import generated_report
from linksim.types import PATCH, Text

GENED_SC = "gened_sc"
NONE = "none"
FOREGROUND = "link.transmitter.vectorizer.foreground"
PROBES = ("link.channel.out", "link.receiver.equalizer.out", FOREGROUND)


@dataclass(frozen=True, kw_only=True)
class EditedPicture(PictureRequest):
    """What the user asked for; a back-end is "name" or "name:model"."""

    link: ClassVar[str] = GENED_SC
    shipped: ClassVar[str] = GENED_SC

    caption: str | None
    captioner: str | None
    editor: str
    cbr: float | None
    cbr_total: float | None

    def check(self) -> None:
        """Raise `ParameterError` where options do not fit together."""
        if self.caption is not None and self.captioner is not None:
            raise ParameterError("give --caption or --captioner, not both")
        if self.caption is not None and not split_words(self.caption):
            raise ParameterError("--caption must have one word at least; --captioner none sends no caption")
        if self.cbr is not None and self.cbr_total is not None:
            raise ParameterError("give --cbr or --cbr-total, not both")

    @property
    def said_by(self) -> str:
        """Who says what is to be seen: the user, a captioner, or nobody."""
        return "user" if self.caption is not None else self.captioner or "classes"

    def build(self) -> Flowgraph:
        """The flowgraph. Raises `ParameterError` where a name is unknown."""
        captioner = None if self.said_by in ("user", NONE) else _made(Captioner, self.said_by)
        return gened_sc(
            codec=GenEDCodec(self.codec_weights),
            rate=ForegroundRate(target_cbr=self.cbr, target_cbr_total=self.cbr_total),
            channel=make_channel(self.channel),
            captioner=captioner,
            caption_link=None if self.said_by == NONE else caption_stream(channel=make_channel(self.channel)),
            editor=PictureEditor(weights=None) if self.editor == NONE else _made(PictureEditor, self.editor),
        )


def _made(block: type[Block], named: str) -> Block:
    """A block by "name" or "name:model"."""
    backend, _, model = named.partition(":")
    return block(backend=backend, model=model)


def run_edited_picture(asked: EditedPicture, as_json: bool) -> None:
    """The command."""
    check_folder("--out", asked.out, (REPORT, PICTURE, RESULT), [asked.picture])
    with noting(), waiting("sending the picture"):
        original = read_picture(asked.picture)
        device = pick_device(asked.device)
        link = asked.build().to(device)
        given: dict[str, Any] = {} if asked.caption is None else {"text": Text.of([asked.caption]).to(device)}
        start = time.perf_counter()
        run = link.run(image=original[None].to(device), snr_db=asked.snr_db, seed=asked.seed, probe=PROBES, **given)
        result = _described(asked, original, run, time.perf_counter() - start)
        write_result_files(asked.out, _figure(original, run, result), run["image"][0].cpu(), result)
    show_result(asked.out, result, _table, _notes(result), as_json)


def _described(asked: EditedPicture, original: Tensor, run: Result, seconds: float) -> dict[str, Any]:
    """The content of result.json."""
    spoken = asked.said_by != NONE
    return {
        "generated": bool(run["edited"][0]) and asked.editor != NONE,
        "explanation": "no editor was asked for" if asked.editor == NONE else run["explanation"].sentences[0],
        "psnr_db": round(float(run["psnr"].value[0]), 3),
        "coarse_psnr_db": round(float(run["coarse_psnr"].value[0]), 3),
        "mean_change": round(float((run["image"] - run["coarse"]).abs().mean()), 5),
        "foreground_share": round(float(run[FOREGROUND].mean()), 4),
        "caption": run["caption"].sentences[0] if spoken else None,
        "received": run["text"].sentences[0] if spoken else None,
        "caption_lost": bool(run["caption_erased"][0]) if spoken else None,
        "caption_uses": int(run["caption_uses"].value[0]) if spoken else 0,
        "erased": bool(run["erased"][0]),
        "target_met": bool(run["target_met"][0]),
        **spent(run),
        "captioner": asked.said_by,
        "editor": asked.editor,
        **asked.settings(original, run, seconds),
    }


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    if result["erased"]:
        yield "lost: the header was not decoded; the picture is mid-grey"
    elif not result["generated"]:
        yield f"the picture is what was received: {result['explanation']}"
    else:
        yield "what the editor added is made, not received: report.png shows where"


def _figure(original: Tensor, run: Result, result: Mapping[str, Any]) -> Any:
    height, width = original.shape[1:]
    inside = run[FOREGROUND][0].cpu().repeat_interleave(PATCH, 0).repeat_interleave(PATCH, 1)[:height, :width] > 0.5
    seen = run["link.receiver.equalizer.out"].symbols
    payload = seen.samples[0, : int(seen.length[0])].cpu()
    coarse, image = (each[0].cpu().clamp(0, 1) for each in (run["coarse"], run["image"]))
    return generated_report(original, inside, payload, coarse, image, _titles(result))


def _titles(result: Mapping[str, Any]) -> Mapping[str, str]:
    made = "edited: made, not received" if result["generated"] else "not edited"
    return {
        "figure": f"{GENED_SC} over {result['channel']}, {result['snr_db']:g} dB: CBR {result['cbr_total']:.4f} in all",
        "foreground": f"foreground, {result['foreground_share']:.0%} of the patches",
        "coarse": f"received, {result['coarse_psnr_db']:.2f} dB",
        "image": f"{made}, {result['psnr_db']:.2f} dB",
        "caption": _said(result),
    }


def _said(result: Mapping[str, Any]) -> str:
    if result["caption"] is None:
        return "no caption was sent"
    arrived = "lost" if result["caption_lost"] else f"arrived as: {result['received']}"
    return f"caption: {result['caption']} ({result['caption_uses']} channel uses); {arrived}"


def _table(result: Mapping[str, Any]) -> Table:
    table = result_table(result)
    table.add_row("shown", result["explanation"])
    table.add_row("PSNR of what is shown", f"{result['psnr_db']:.2f} dB")
    table.add_row("PSNR of what was received", f"{result['coarse_psnr_db']:.2f} dB")
    table.add_row("foreground, of all patches", f"{result['foreground_share']:.1%}")
    if result["caption"] is not None:
        table.add_row("caption that was sent", result["caption"])
        table.add_row("what arrived of it", "(lost)" if result["caption_lost"] else result["received"])
    for name, uses in result["ledger"].items():
        if uses:
            purpose = "caption" if name == "side_information" else name
            table.add_row(f"channel uses, {purpose}", f"{uses:,}")
    table.add_row("CBR, payload", f"{result['cbr']:.5f}")
    table.add_row("CBR, everything", f"{result['cbr_total']:.5f}")
    return table
