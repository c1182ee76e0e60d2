"""What every link that carries pictures measures."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import PSNR, SAD, CBRLedger, Delivered, ErasureConcealment, PatchImportance, PatchPSNR
from linksim.flowgraphs.parts.offers import Offers
from linksim.port import PortRef


def add_labels(fg: Flowgraph) -> PortRef:
    """The importance of each patch from a link's inputs `image`, `boxes` and `known_importance`; returns its port."""
    fg.importance = PatchImportance()
    fg.connect(fg["image"], fg.importance["image"])
    fg.connect(fg["boxes"], fg.importance["boxes"])
    fg.connect(fg["known_importance"], fg.importance["known"])
    return fg.importance["out"]


def add_quality(fg: Flowgraph, image: PortRef, erased: PortRef, metrics: Sequence[Block]) -> None:
    """The picture as it is shown, an erased one mid-grey, and its metrics; the link must have an `importance`.

    A metric takes image, original, importance, erased by the names of its ports. Its output stands in the results under
    the metric's own name, as `psnr`, or as `patch_psnr.high` where it has several.
    """
    offers = Offers(fg)
    offers.add({"image": image, "original": fg["image"], "erased": erased, "importance": fg.importance["out"]})
    fg.concealment = ErasureConcealment()
    offers.feed(fg.concealment, out="image")
    fg.psnr, fg.patch_psnr, fg.sad, fg.delivered = PSNR(), PatchPSNR(), SAD(), Delivered()
    for metric in (fg.psnr, fg.patch_psnr, fg.sad):
        offers.feed(metric)
    offers.add({"score": fg.psnr["out"]})
    offers.feed(fg.delivered)
    outputs: dict[str, Block | PortRef] = {
        "image": fg.concealment,
        "psnr": fg.psnr,
        "psnr_delivered": fg.delivered,
        "sad": fg.sad,
        "erased": erased,
    }
    for metric in metrics:
        setattr(fg, metric.default_name, metric)
        offers.feed(metric)
        if list(metric.output_ports) == ["out"]:
            outputs[metric.default_name] = metric
    for name, value in outputs.items():
        fg.connect(value, fg[name])


def add_ledger(fg: Flowgraph, transmitter: Flowgraph) -> None:
    """The channel uses by purpose, of a link with a `channel`, of this transmitter's payload and header."""
    fg.cbr_ledger = CBRLedger()
    offers = Offers(fg)
    offers.add({name: transmitter.outputs[name] for name in ("payload", "header")})
    offers.add({"original": fg["image"], "received": fg.channel["out"]})
    offers.feed(fg.cbr_ledger)
    for name in ("ledger", "cbr", "cbr_total"):
        fg.connect(fg.cbr_ledger[name], fg[name])
