"""Sends the picture of `linksim transmit`, and describes what became of it."""

import math
import time
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from linksim import Flowgraph, Result, __version__
from linksim.blocks.layers.layout import bits_in
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import read_picture
from linksim.blocks.transport.mcs import schemes
from linksim.cli.links import link_name, pick_device
from linksim.cli.transmission import Transmission

MODULATIONS = {2: "QPSK", 4: "16-QAM", 6: "64-QAM", 8: "256-QAM"}
LOST = "lost: the header was not decoded"
LOST_BURST = "lost: the synchroniser did not find the burst, or could not read its field"
LOST_DIGITAL = "lost: control or code blocks were not decoded"
TOO_LARGE = "lost: the picture does not fit into so few bits, ask for more with --cbr-total"
LAYER_NAMES = ("base", "high", "medium", "low", "background")
ESTIMATES = "channel.estimates"
CLASSES = ("background", "low", "medium", "high", "nonbackground")


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
    probes = [*asked.probes, *([ESTIMATES] if "estimates" in fg.find("channel")[1].output_ports else [])]
    run = fg.run(seed=asked.seed, probe=probes, **inputs)
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
        **_synchronisation(run),
        "link": link_name(asked.link),
        **_facts(asked, fg, run),
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
    """What the link says of its goal, and the channel uses: pilots and guard come on top of what a link can plan."""
    most = _target(asked).get("target_cbr_total")
    return bool(run["target_met"][0]) and (most is None or float(run["cbr_total"].value) <= most * (1 + 1e-6))


def _facts(asked: Transmission, fg: Flowgraph, run: Result) -> dict[str, Any]:
    """What the link says of how it sent."""
    if asked.layered:
        return _layer_facts(run)
    return _digital_facts(run) if asked.digital else _codec_facts(fg)


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
        "fits": bool(run["target_met"][0]),
        "modulation": MODULATIONS[scheme.bits_per_symbol],
        "code_rate": round(scheme.code_rate, 4),
        "bits_sent": int(run["adaptation.budget"][0]),
        "bits_received": int(run["transport_decoder.good"][0]),
    }


def _layer_facts(run: Result) -> dict[str, Any]:
    """Every layer that was sent, in its order."""
    uses, good = run["encoder.layer_uses"][0].tolist(), run["transport_decoder.layer_good"][0].tolist()
    layers: list[dict[str, Any]] = []
    for place, index in enumerate(run["adaptation.layer_scheme"][0].tolist()):
        scheme = schemes()[index]
        if uses[place]:
            layers.append({
                "layer": LAYER_NAMES[place],
                "modulation": MODULATIONS[scheme.bits_per_symbol],
                "code_rate": round(scheme.code_rate, 4),
                "bits_sent": bits_in(uses[place], index),
                "bits_received": good[place],
            })  # fmt: skip
    return {"fits": bool(run["target_met"][0]), "layers": layers}


def _synchronisation(run: Result) -> dict[str, Any]:
    """What the synchroniser found out, where the channel has one."""
    if ESTIMATES not in run:
        return {}
    estimates = run[ESTIMATES]
    found = bool(estimates.found[0])
    values = {name: _number(getattr(estimates, name)) for name in estimates.measured()}
    return {"synchroniser": {"found": found, **values}}


def _number(value: Tensor) -> float | None:
    number = float(value[0])
    return round(number, 6) if math.isfinite(number) else None


def why_lost(result: Mapping[str, Any]) -> str:
    """Why a picture did not arrive."""
    if not result.get("synchroniser", {"found": True})["found"]:
        return LOST_BURST
    if "fits" not in result:
        return LOST
    return LOST_DIGITAL if result["fits"] else TOO_LARGE


def overhead(result: Mapping[str, Any]) -> float:
    """The share of all channel uses that carries no payload."""
    uses = {name: count for name, count in result["ledger"].items() if name != "source_dimensions"}
    return 1 - uses["payload"] / max(sum(uses.values()), 1)
