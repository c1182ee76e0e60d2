"""`linksim transmit`: one picture over one link."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from torch import Tensor

from linksim import Result
from linksim.cli.console import noting
from linksim.cli.progress import waiting
from linksim.cli.result_files import result_table, show_result, write_result_files
from linksim.cli.transmission import Transmission
from linksim.cli.transmission_result import overhead, send, why_lost
from linksim.plot import report

MUCH_OVERHEAD = 0.25
"""Share of all channel uses from which on the report says so."""


def figure_title(result: Mapping[str, Any]) -> str:
    """One line that says what was done and what it cost."""
    return (
        f"{result['link']} over {result['channel']}, {result['snr_db']:g} dB: CBR {result['cbr']:.4f} payload, "
        f"{result['cbr_total']:.4f} in all, PSNR {result['psnr_db']:.2f} dB"
    )


def write_report(out: Path, original: Tensor, run: Result, result: Mapping[str, Any]) -> None:
    """report.png, reconstruction.png and result.json in a folder."""
    image = run["image"][0].cpu()
    digital = "fits" in result
    caption = why_lost(result) if result["erased"] else f"reconstruction, {result['psnr_db']:.2f} dB"
    titles = {"figure": figure_title(result), "image": caption}
    lengths = None if digital else run["rate.lengths"][0]
    if lengths is not None and int(lengths.min()) == int(lengths.max()):
        titles["rate"], lengths = f"the same rate for all patches:\n{int(lengths.max())} channel uses", None
    if digital:
        titles["rate"] = "no rate per patch:\n" + "\n".join(_shares(result))
    figure = report(original, run["importance.out"][0], lengths, _payload(run, digital), image, titles)
    write_result_files(out, figure, image, result)


def _parts(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The layers of a digital link, or the one that it has."""
    return result.get("layers", [{"layer": "picture", **result}])


def _shares(result: Mapping[str, Any]) -> Iterator[str]:
    """What a digital link sent, and what of it came through."""
    for part in _parts(result):
        scheme = f"{part['modulation']}, code rate {part['code_rate']:.3f}"
        yield f"{part['layer']}: {scheme},\n{part['bits_received']:,} of {part['bits_sent']:,} bits came through"


def _payload(run: Result, digital: bool) -> Tensor:
    """The payload's symbols as the receiver sees them after the equalizer, complex [uses]."""
    received = run["splitter.out" if digital else "equalizer.out"]
    seen = received.symbols.samples[0, : int(received.symbols.length[0])]
    return seen / received.gain[0, : len(seen)] if digital else seen


def run_transmit(asked: Transmission, as_json: bool) -> None:
    """The command."""
    asked.check()
    with noting(), waiting("sending the picture"):
        original, run, result = send(asked)
        write_report(asked.out, original, run, result)
    show_result(asked.out, result, _table, _notes(result), as_json)


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["target_met"]:
        name, goal = next(iter(result["target"].items()))
        why = "with this picture and rate set"
        if name == "target_cbr_total" and result["ledger"]["pilots"]:
            why = "for what the channel spends on pilots and guard comes on top"
        yield f"{name} = {goal:g} cannot be met {why}; see the figures"
    if result["erased"]:
        yield f"{why_lost(result)}; it is rebuilt as mid-grey"
    if overhead(result) > MUCH_OVERHEAD:
        yield f"{overhead(result):.0%} of all that is sent is no payload (header, control, side information, pilots)"


def _synchroniser_rows(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a synchroniser found out, where the channel has one and it found the burst."""
    found = result.get("synchroniser", {"found": False})
    if found["found"]:
        yield "synchroniser: delay", f"{found['delay']:.2f} samples"
        yield "synchroniser: frequency offset", f"{found['frequency']:.3g} of the symbol rate"
        yield "synchroniser: clock offset", f"{found['clock_ppm']:.1f} ppm"
        yield "synchroniser: SNR", f"{found['snr_db']:.2f} dB"


def _table(result: Mapping[str, Any]) -> Table:
    table = result_table(result, justify="right")
    rows = {"PSNR": result["psnr_db"], **{f"patch PSNR, {k}": v for k, v in result["patch_psnr_db"].items()}}
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, f"{value:.2f} dB")
    table.add_row("CBR, payload", f"{result['cbr']:.5f}")
    table.add_row("CBR, everything", f"{result['cbr_total']:.5f}")
    for name, uses in result["ledger"].items():
        if uses and name != "source_dimensions":
            table.add_row(f"channel uses, {name.replace('_', ' ')}", f"{uses:,}")
    for part in _parts(result) if "fits" in result else ():
        table.add_row(f"{part['layer']}: modulation; code rate", f"{part['modulation']}; {part['code_rate']:.3f}")
        table.add_row(f"{part['layer']}: bits sent; received", f"{part['bits_sent']:,}; {part['bits_received']:,}")
    table.add_row("overhead, of all uses", f"{overhead(result):.1%}")
    table.add_row("header; channel knowledge", f"{result['header']}; {result['csi']}")
    for name, value in _synchroniser_rows(result):
        table.add_row(name, value)
    table.add_row("importance by", result["importance"])
    table.add_row("erased", "yes" if result["erased"] else "no")
    table.add_row("time", f"{result['seconds']:.2f} s")
    return table
