"""What crossed a wire, as plain values that a page can draw."""

import base64
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from linksim.blocks.metrics.psnr import eight_bits
from linksim.plot.style import importance_colormap
from linksim.port import Spec, TensorSpec, type_name
from linksim.types import Bundle, Counts, Ledger, Received, Score, Symbols, Text

MOST_POINTS, BINS, MOST_BITS, MOST_NUMBERS = 2000, 60, 512, 32
LONGEST_SIDE = 1600
"""Larger pictures are shrunk for the page."""
MAPS = ("Importance", "Lengths", "Entropy", "Mask")
View = dict[str, Any]


def view(value: object, spec: Spec, frame: int) -> View:
    """One frame of a value: "type", "shapes", and "parts", each with its "kind" and what that kind needs.

    Kinds: "picture" and "map", a PNG as a data address (a map also its least and largest value); "points", a
    constellation; "histogram", counts between edges; "bits"; "text"; "ledger", uses by purpose; "numbers".
    """
    shapes = {name or "tensor": list(tensor.shape) for name, tensor in _tensors(value)}
    return {"type": type_name(spec), "shapes": shapes, "frames": _frames(value), "parts": _parts(value, spec, frame)}


def summary(value: object) -> str:
    """A value in a few words, for the list of outputs: a mean over the frames where it is a number."""
    if isinstance(value, Text):
        return " / ".join(value.sentences[:3])
    if isinstance(value, Counts):
        errors, trials = int(value.errors.sum()), int(value.trials.sum())
        return f"{errors / trials:.3g} ({errors} of {trials})" if trials else "no trials"
    if isinstance(value, Ledger):
        return f"CBR {float(value.cbr_total.mean()):.5f} in all"
    tensor = value.value if isinstance(value, Score) else value
    if isinstance(tensor, Tensor) and tensor.dim() == 1 and not tensor.is_complex():
        if tensor.dtype == torch.bool:
            return f"{int(tensor.sum())} of {len(tensor)} frames" if len(tensor) > 1 else str(bool(tensor[0])).lower()
        return f"{float(tensor.double().nanmean()):.5g}"
    return " and ".join(f"{list(each.shape)}" for _, each in _tensors(value))


def _tensors(value: object, prefix: str = "") -> list[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [(prefix, value)]
    found: list[tuple[str, Tensor]] = []
    if isinstance(value, Bundle):
        for field in fields(value):  # pyright: ignore[reportArgumentType]
            found += _tensors(getattr(value, field.name), f"{prefix}.{field.name}".lstrip("."))
    return found


def _frames(value: object) -> int:
    return next((len(tensor) for _, tensor in _tensors(value) if tensor.dim()), 1)


def _parts(value: object, spec: Spec, frame: int) -> list[View]:
    name = type_name(spec)
    if isinstance(value, Tensor):
        colours = isinstance(spec, TensorSpec) and spec.family == "float" and spec.dimensions[1:2] == (3,)
        one = value[min(frame, len(value) - 1)].detach().cpu()
        return [_picture(one) if colours and one.dim() == 3 else _tensor_part(name, one)]
    special = next((show for kind, show in BUNDLES.items() if isinstance(value, kind)), None)
    if special is not None:
        return special(value, min(frame, _frames(value) - 1))
    return [
        {"title": title, **_tensor_part("", tensor[min(frame, len(tensor) - 1)].detach().cpu())}
        for title, tensor in _tensors(value)
        if tensor.dim()
    ]


def _tensor_part(name: str, tensor: Tensor) -> View:
    if name in MAPS or (tensor.dim() == 2 and not tensor.is_complex() and min(tensor.shape) > 1):
        return _map(name, tensor)
    if name == "Bits":
        ones = float(tensor.double().mean()) if tensor.numel() else math.nan
        return {"kind": "bits", "bits": tensor[:MOST_BITS].tolist(), "count": tensor.numel(), "ones": _number(ones)}
    if tensor.is_complex():
        return _points(tensor.reshape(-1))
    if tensor.numel() <= MOST_NUMBERS:
        return {"kind": "numbers", "values": [_number(float(x)) for x in tensor.reshape(-1).double()]}
    return _histogram(tensor.reshape(-1))


def _picture(image: Tensor) -> View:
    return {"kind": "picture", "png": png(pixels_of(image)), "size": list(image.shape[1:])}


def _number(value: float) -> float | str:
    """JSON has no infinities."""
    return value if math.isfinite(value) else str(value)


def pixels_of(image: Tensor) -> NDArray[np.uint8]:
    """A picture [3, height, width] as 8 bits, [height, width, 3]."""
    shown = (255 * eight_bits(image[None].float().nan_to_num())[0]).round()
    return shown.to(torch.uint8).movedim(0, -1).numpy()


def _map(name: str, tensor: Tensor) -> View:
    import matplotlib as mpl

    values = tensor.double().nan_to_num(posinf=0, neginf=0).numpy()
    low, high = (0.0, 3.0) if name == "Importance" else (float(values.min()), float(values.max()))
    colours = importance_colormap() if name == "Importance" else mpl.colormaps["viridis"]
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    painted = colours(scaled, bytes=True)[..., :3]
    return {"kind": "map", "png": png(np.ascontiguousarray(painted)), "low": low, "high": high,
            "size": list(tensor.shape), "mean": float(values.mean())}  # fmt: skip


def png(pixels: NDArray[np.uint8]) -> str:
    """Pixels [height, width, 3] as a data address."""
    picture = PillowImage.fromarray(pixels)
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    stream = io.BytesIO()
    picture.save(stream, "png", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _points(samples: Tensor) -> View:
    """At most 2,000 of the samples that are not zero, spread evenly."""
    sent = samples[samples != 0]
    step = max(1, math.ceil(len(sent) / MOST_POINTS))
    shown = torch.view_as_real(sent[::step].to(torch.complex64)).nan_to_num()
    power = float(sent.abs().double().square().mean()) if len(sent) else 0.0
    return {"kind": "points", "points": shown.tolist(), "count": len(sent), "power": _number(power)}


def _histogram(values: Tensor) -> View:
    known = values.double()[torch.isfinite(values.double())]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(known.numpy(), BINS, (low, high))
    mean = float(known.mean()) if len(known) else math.nan
    deviation = float(known.std(correction=0)) if len(known) else math.nan
    return {
        "kind": "histogram",
        "counts": counts.tolist(),
        "edges": edges.tolist(),
        "mean": _number(mean),
        "deviation": _number(deviation),
        "count": values.numel(),
        "strange": values.numel() - len(known),
    }


def _symbols(value: Symbols, frame: int) -> list[View]:
    return [_points(value.samples[frame][: int(value.length[frame])].detach().cpu())]


def _received(value: Received, frame: int) -> list[View]:
    sent = int(value.symbols.length[frame])
    noise = _histogram(value.noise_variance[frame][:sent].detach().cpu())
    about = [int(value.overhead[frame])]
    return [
        *_symbols(value.symbols, frame),
        {"title": "gain", **_points(value.gain[frame][:sent].detach().cpu())},
        {"title": "noise variance", **noise},
        {"title": f"uses for pilots and guard; the receiver's knowledge is {value.csi}", "kind": "numbers",
         "values": about},
    ]  # fmt: skip


def _text(value: Text, frame: int) -> list[View]:
    return [{"kind": "text", "text": value.sentences[frame]}]


def _ledger(value: Ledger, frame: int) -> list[View]:
    uses = {name: int(getattr(value, name)[frame]) for name in ("payload", "header", "side_information", "pilots")}
    ratios = {"cbr": float(value.cbr[frame]), "cbr_total": float(value.cbr_total[frame])}
    return [{"kind": "ledger", "uses": uses, **ratios, "dimensions": int(value.source_dimensions[frame])}]


def _counts(value: Counts, frame: int) -> list[View]:
    values = [int(value.errors[frame]), int(value.trials[frame])]
    return [{"title": "errors, trials", "kind": "numbers", "values": values}]


BUNDLES: Mapping[type[Bundle], Callable[[Any, int], list[View]]] = {
    Symbols: _symbols,
    Received: _received,
    Text: _text,
    Ledger: _ledger,
    Counts: _counts,
}
