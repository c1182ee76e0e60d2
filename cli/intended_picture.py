"""`linksim transmit --link uidsc`: the part of a picture that a sentence asks for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from rich.table import Table
from torch import Tensor

from linksim import Flowgraph, Result
from linksim.blocks.sources import read_picture
from linksim.cli.console import noting
from linksim.cli.links import make_channel, pick_device
from linksim.cli.picture_request import PictureRequest, spent
from linksim.cli.progress import waiting
from linksim.cli.result_files import result_table, show_result, write_result_files
from linksim.cli.scene import AskedRegion
from linksim.cli.transmission import PICTURE, REPORT, RESULT
from linksim.files import check_folder
from linksim.flowgraphs import uidsc
from linksim.flowgraphs.parts import UIDSCCodec
from linksim.plot import intent_report

UIDSC = "uidsc"
PROBES = ("link.channel.out", "link.receiver.equalizer.out")


@dataclass(frozen=True, kw_only=True)
class IntendedPicture(PictureRequest):
    """What the user asked for."""

    link: ClassVar[str] = UIDSC
    shipped: ClassVar[str] = UIDSC

    region: AskedRegion

    def build(self) -> Flowgraph:
        """The flowgraph. Raises `ParameterError` where a name is unknown."""
        return uidsc(
            intent=self.region.block(),
            codec=UIDSCCodec(self.codec_weights),
            channel=make_channel(self.channel),
        )


def run_intended_picture(asked: IntendedPicture, as_json: bool) -> None:
    """The command."""
    read = [path for path in (asked.picture, asked.region.boxes, asked.region.masks) if path is not None]
    check_folder("--out", asked.out, (REPORT, PICTURE, RESULT), read)
    with noting(), waiting("sending the picture"):
        image = read_picture(asked.picture)[None]
        device = pick_device(asked.device)
        link, found = asked.build().to(device), asked.region.find(image)
        start = time.perf_counter()
        given: dict[str, Any] = {name: value.to(device) for name, value in found.items()}
        run = link.run(image=image.to(device), snr_db=asked.snr_db, seed=asked.seed, probe=PROBES, **given)
        result = _described(asked, image[0], run, time.perf_counter() - start)
        seen = run["link.receiver.equalizer.out"].symbols
        payload = seen.samples[0, : int(seen.length[0])]
        figure = intent_report(image[0], run["mask"][0].cpu(), payload.cpu(), run["image"][0].cpu(), _titles(result))
        write_result_files(asked.out, figure, run["image"][0], result)
    lost = ["lost: the header was not decoded; the picture is mid-grey"] if result["erased"] else []
    show_result(asked.out, result, _table, lost, as_json)


def _described(asked: IntendedPicture, original: Tensor, run: Result, seconds: float) -> dict[str, Any]:
    """The content of result.json."""
    return {
        "intent": asked.region.intent,
        "intent_by": asked.region.backend,
        "explanation": run["explanation"].sentences[0],
        "region_share": round(float(run["mask"].float().mean()), 4),
        "region_psnr_db": round(float(run["region_psnr"].value[0]), 3),
        "psnr_db": round(float(run["psnr"].value[0]), 3),
        "masked_again_psnr_db": round(float(run["masked_again_psnr"].value[0]), 3),
        "ssim": round(float(torch.nan_to_num(run["ssim"].value)[0]), 4),
        "erased": bool(run["erased"][0]),
        **spent(run),
        **asked.settings(original, run, seconds),
    }


def _titles(result: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "figure": f"{UIDSC} over {result['channel']}, {result['snr_db']:g} dB: CBR {result['cbr_total']:.4f} in all",
        "mask": f"asked for: {result['intent']}",
        "image": f"received; region {result['region_psnr_db']:.2f} dB",
        "explanation": str(result["explanation"]),
    }


def _table(result: Mapping[str, Any]) -> Table:
    table = result_table(result)
    table.add_row("asked for", result["intent"])
    table.add_row("taken", result["explanation"])
    table.add_row("region, of all pixels", f"{result['region_share']:.1%}")
    table.add_row("PSNR of the region", f"{result['region_psnr_db']:.2f} dB")
    table.add_row("PSNR, black background included", f"{result['psnr_db']:.2f} dB")
    table.add_row("CBR, payload", f"{result['cbr']:.5f}")
    table.add_row("CBR, everything", f"{result['cbr_total']:.5f}")
    return table
