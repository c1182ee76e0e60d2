"""`linksim transmit`: one picture over one link."""

import io
import json
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from torch import Tensor

from linksim import Block, Flowgraph, Result, __version__
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import read_picture
from linksim.blocks.transport.mcs import schemes
from linksim.cli.console import PlainConsole, noting
from linksim.cli.importance import ImportanceSource
from linksim.cli.links import link_name, make_channel, make_link, pick_device
from linksim.cli.progress import waiting
from linksim.errors import ParameterError
from linksim.files import check_folder, write_whole
from linksim.flowgraphs import DIGITAL_LINKS
from linksim.plot import report, save_figure

MUCH_OVERHEAD = 0.25
"""Share of all channel uses from which on the report says so."""
MODULATIONS = {2: "QPSK", 4: "16-QAM", 6: "64-QAM", 8: "256-QAM"}
LOST = "lost: the header was not decoded"
LOST_DIGITAL = "lost: control or code blocks were not decoded"
TOO_LARGE = "lost: the picture does not fit into so few bits, ask for more with --cbr-total"
CLASSES = ("background", "low", "medium", "high", "nonbackground")
REPORT, PICTURE, RESULT = "report.png", "reconstruction.png", "result.json"
PROBES = ("importance.out", "channel.out")
ANALOG_PROBES = ("rate.lengths", "equalizer.out")
DIGITAL_PROBES = ("splitter.out", "adaptation.scheme", "adaptation.budget", "transport_decoder.good")


@dataclass(frozen=True)
class Transmission:
    """What the user asked for."""

    picture: Path
    out: Path
    link: str
    weights: str | None
    importance: ImportanceSource
    channel: str
    snr_db: float
    goals: Mapping[str, float | None]
    alpha: float | None
    seed: int
    device: str

    def build(self) -> Flowgraph:
        """The flowgraph. Raises `ParameterError` where a name is unknown, or an option means nothing to the link."""
        link, channel = link_name(self.link), make_channel(self.channel)
        goals = {name: goal for name, goal in self.goals.items() if goal is not None}
        if len(goals) > 1:
            raise ParameterError("give one of --cbr, --cbr-total and --psnr, not several")
        if self.digital:
            return self._build_digital(link, channel, goals)
        return make_link(link, channel, goals, weights=self.weights, alpha=self.alpha)

    def check(self) -> None:
        """Refuse, before any work, an output that cannot be written or is read. Raises `ParameterError`."""
        weights = Path(self.weights) if self.weights and self.weights.endswith(".safetensors") else None
        read = [self.picture, self.importance.boxes, self.importance.labels, weights]
        check_folder("--out", self.out, (REPORT, PICTURE, RESULT), read)

    @property
    def digital(self) -> bool:
        """Whether a picture codec and a channel code carry the picture."""
        return link_name(self.link) in DIGITAL_LINKS

    @property
    def probes(self) -> tuple[str, ...]:
        """What the report shows besides the outputs."""
        return PROBES + (DIGITAL_PROBES if self.digital else ANALOG_PROBES)

    def _build_digital(self, link: str, channel: Block, goals: Mapping[str, Any]) -> Flowgraph:
        if goals.keys() - {"target_cbr_total"}:
            raise ParameterError(
                f"the link '{link}' is given its rate by --cbr-total, everything it sends: how much of that is payload "
                "follows from the picture"
            )
        for name, value in (("weights", self.weights), ("alpha", self.alpha)):
            if value is not None:
                raise ParameterError(f"--{name} is not for the link '{link}', which has none")
        return DIGITAL_LINKS[link](**goals, channel=channel)


def send(asked: Transmission) -> tuple[Tensor, Result, dict[str, Any]]:
    """Read, send, and describe: (original [3, height, width], the run, the content of result.json)."""
    fg = asked.build()
    device = pick_device(asked.device)
    original = read_picture(asked.picture)
    inputs: dict[str, Any] = {"image": original[None].to(device), "snr_db": asked.snr_db}
    found, way = asked.importance.find(original[None])
    inputs |= {name: value.to(device) for name, value in found.items()}
    fg.to(device)
    start = time.perf_counter()
    run = fg.run(seed=asked.seed, probe=asked.probes, **inputs)
    seconds = time.perf_counter() - start
    if "boxes" in inputs and int(inputs["boxes"].importance.sum()) and not int(run["importance.out"].sum()):
        where = f"of '{asked.importance.boxes}' " if asked.importance.boxes else ""
        warnings.warn(f"no box {where}touches the picture; all of it is background", stacklevel=2)
    return original, run, describe(asked, fg, original, run, way, seconds)


def describe(
    asked: Transmission, fg: Flowgraph, original: Tensor, run: Result, way: str, seconds: float
) -> dict[str, Any]:
    """The content of result.json; `way` is how importance was found."""
    ledger = run["ledger"]
    return {
        "psnr_db": _number(run["psnr"].value),
        "patch_psnr_db": {name: _number(run[f"patch_psnr.{name}"].value) for name in CLASSES},
        "sad_db": _number(run["sad"].value),
        "cbr": _number(ledger.cbr),
        "cbr_total": _number(ledger.cbr_total),
        "ledger": {name: int(value[0]) for name, value in vars(ledger).items()},
        "target": _target(asked),
        "target_met": _met(asked, run),
        "erased": bool(run["erased"][0]),
        "header": run.labels["header"],
        "csi": run["channel.out"].csi,
        "link": link_name(asked.link),
        **(_digital_facts(run) if asked.digital else _codec_facts(fg)),
        "channel": asked.channel,
        "snr_db": asked.snr_db,
        "seed": asked.seed,
        "importance": way,
        "picture": asked.picture.name,
        "height": original.shape[1],
        "width": original.shape[2],
        "seconds": round(seconds, 3),
        "linksim": __version__,
    }


def _target(asked: Transmission) -> dict[str, float]:
    given = {name: goal for name, goal in asked.goals.items() if goal is not None}
    return given or {"target_cbr_total" if asked.digital else "target_cbr": PAPER_CBR}


def _met(asked: Transmission, run: Result) -> bool:
    """What the link says of its goal, and the bill: pilots and guard come on top of what a link can plan."""
    most = _target(asked).get("target_cbr_total")
    return bool(run["met"][0]) and (most is None or float(run["cbr_total"].value) <= most * (1 + 1e-6))


def _codec_facts(fg: Flowgraph) -> dict[str, Any]:
    rate = fg.find("rate")[1]
    return {
        "weights": fg.find("jscc_encoder")[1].settings.get("weights"),
        "rate": type(rate).__name__,
        "alpha": rate.settings.get("alpha"),
    }


def _digital_facts(run: Result) -> dict[str, Any]:
    scheme = schemes()[int(run["adaptation.scheme"][0])]
    return {
        "fits": bool(run["met"][0]),
        "modulation": MODULATIONS[scheme.bits_per_symbol],
        "code_rate": round(scheme.code_rate, 4),
        "bits_sent": int(run["adaptation.budget"][0]),
        "bits_received": int(run["transport_decoder.good"][0]),
    }


def _payload(run: Result, digital: bool) -> Tensor:
    """The payload's symbols as the receiver sees them after the equalizer, complex [uses]."""
    received = run["splitter.out" if digital else "equalizer.out"]
    seen = received.symbols.samples[0, : int(received.symbols.length[0])]
    return seen / received.gain[0, : len(seen)] if digital else seen


def _number(value: Tensor) -> float | None:
    number = float(value[0])
    return round(number, 6) if math.isfinite(number) else None


def why_lost(result: Mapping[str, Any]) -> str:
    """Why a picture did not arrive."""
    if "modulation" not in result:
        return LOST
    return LOST_DIGITAL if result["fits"] else TOO_LARGE


def overhead(result: Mapping[str, Any]) -> float:
    """The share of all channel uses that carries no payload."""
    uses = {name: count for name, count in result["ledger"].items() if name != "source_dimensions"}
    return 1 - uses["payload"] / max(sum(uses.values()), 1)


def figure_title(result: Mapping[str, Any]) -> str:
    """One line that says what was done and what it cost."""
    return (
        f"{result['link']} over {result['channel']}, {result['snr_db']:g} dB: CBR {result['cbr']:.4f} payload, "
        f"{result['cbr_total']:.4f} in all, PSNR {result['psnr_db']:.2f} dB"
    )


def write_report(out: Path, original: Tensor, run: Result, result: Mapping[str, Any]) -> None:
    """report.png, reconstruction.png and result.json in a folder."""
    from PIL import Image as PillowImage

    out.mkdir(parents=True, exist_ok=True)
    image = run["image"][0].cpu()
    digital = "modulation" in result
    caption = why_lost(result) if result["erased"] else f"reconstruction, {result['psnr_db']:.2f} dB"
    titles = {"figure": figure_title(result), "image": caption}
    lengths = None if digital else run["rate.lengths"][0]
    if lengths is not None and int(lengths.min()) == int(lengths.max()):
        titles["rate"], lengths = f"the same rate for all patches:\n{int(lengths.max())} channel uses", None
    if digital:
        titles["rate"] = (
            f"no rate per patch: the whole picture as\n{result['modulation']}, code rate {result['code_rate']:.3f},\n"
            f"{result['bits_received']:,} of {result['bits_sent']:,} bits came through"
        )
    figure = report(original, run["importance.out"][0], lengths, _payload(run, digital), image, titles)
    save_figure(figure, out / REPORT)
    pixels = (image.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
    content = io.BytesIO()
    PillowImage.fromarray(pixels).save(content, "PNG")
    write_whole(out / PICTURE, content.getvalue())
    write_whole(out / RESULT, (json.dumps(result, indent=2) + "\n").encode())


def run_transmit(asked: Transmission, as_json: bool) -> None:
    """The command."""
    console, notes = PlainConsole(), PlainConsole(stderr=True)
    asked.check()
    with noting(), waiting("sending the picture"):
        original, run, result = send(asked)
        write_report(asked.out, original, run, result)
    if as_json:
        print(json.dumps(result))
        return
    console.print(_table(result))
    if not result["target_met"]:
        name, goal = next(iter(result["target"].items()))
        why = "with this picture and rate set"
        if name == "target_cbr_total" and result["ledger"]["pilots"]:
            why = "for what the channel spends on pilots and guard comes on top"
        notes.note(f"{name} = {goal:g} cannot be met {why}; see the figures")
    if result["erased"]:
        notes.note(f"{why_lost(result)}; it is rebuilt as mid-grey")
    if overhead(result) > MUCH_OVERHEAD:
        notes.note(
            f"{overhead(result):.0%} of all that is sent is no payload (header, control, side information, pilots)"
        )
    console.print(f"{REPORT}, {PICTURE} and {RESULT} are in {asked.out}", soft_wrap=True)


def _table(result: Mapping[str, Any]) -> Table:
    table = Table(title=f"{result['picture']} over {result['channel']}, {result['snr_db']:g} dB", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = {"PSNR": result["psnr_db"], **{f"patch PSNR, {k}": v for k, v in result["patch_psnr_db"].items()}}
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, f"{value:.2f} dB")
    table.add_row("CBR, payload", f"{result['cbr']:.5f}")
    table.add_row("CBR, everything", f"{result['cbr_total']:.5f}")
    for name, uses in result["ledger"].items():
        if uses and name != "source_dimensions":
            table.add_row(f"channel uses, {name.replace('_', ' ')}", f"{uses:,}")
    if "modulation" in result:
        table.add_row("modulation; code rate", f"{result['modulation']}; {result['code_rate']:.3f}")
        table.add_row("bits sent; come through", f"{result['bits_sent']:,}; {result['bits_received']:,}")
    table.add_row("overhead, of all uses", f"{overhead(result):.1%}")
    table.add_row("header; channel knowledge", f"{result['header']}; {result['csi']}")
    table.add_row("importance by", result["importance"])
    table.add_row("erased", "yes" if result["erased"] else "no")
    table.add_row("time", f"{result['seconds']:.2f} s")
    return table
