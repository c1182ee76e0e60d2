"""ONNX files of a codec's ends, checked with onnxruntime against torch."""

import contextlib
import importlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from linksim.blocks import FixedRate
from linksim.errors import LinksimError, ParameterError
from linksim.exported.ends import DecoderEnd, EncoderEnd
from linksim.exported.recording import record
from linksim.files import check_folder, write_whole
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.types import patches_of
from linksim.version import __version__

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
TOLERANCE = 1e-3
"""Of the output's range; what rounds inside the codec may differ at its borders."""
SNRS_DB = (10.0, -2.0)
"""Of the export, and of the check."""


@dataclass(frozen=True)
class Exported:
    """What `export_onnx` wrote: the two files, the channel uses of a patch and of a picture, and the largest difference
    between onnxruntime and torch by output, over the output's range."""

    encoder: Path
    decoder: Path
    uses_per_patch: int
    uses: int
    differences: Mapping[str, float]


@torch.no_grad()
def export_onnx(
    codec: PictureCodec, folder: str | Path, *, size: tuple[int, int], target_cbr: float | None = None
) -> Exported:
    """Write encoder.onnx and decoder.onnx, for pictures of one size at one length for all patches.

    encoder.onnx takes image [1, 3, height, width], 0 to 1, and snr_db [1]; it gives symbols [1, uses, 2], in-phase and
    quadrature, of mean power 1, and power [1], which a header must carry. decoder.onnx takes symbols [1, uses, 2],
    divided by the channel's gain, noise_variance [1, uses], that of the complex noise in each, and power [1]; it gives
    image [1, 3, height, width]. A codec that masks channels has channels [1, channels] at both ends, which the header
    must carry too. An input that the codec does not use is there all the same. Each file is run by onnxruntime on
    another picture at another SNR than those of the export.

    Args:
        codec: any codec that needs no more than a picture and a rate. Its blocks must not stand in a link, see
            `Flowgraph.dissolve`; afterwards they are in evaluation mode, on the CPU, and free for a link.
        folder: made where it is not there; files of these names in it are written over.
        size: height and width in pixels.
        target_cbr: payload uses over 3*height*width, see `FixedRate`; for a codec of one rate it is left out.

    Raises:
        ParameterError: the codec needs more, as a mask; the size or the CBR is out of range; the folder cannot be
            written.
        OwnershipError: a block of the codec stands in a link.
        LinksimError: the extra "onnx" is missing; a block writes into a constant; onnxruntime's results are more than
            1e-3 of the range from those of torch, as where a block decides by its inputs. Then nothing is written.
    """
    runtime, folder = _runtime(), Path(folder)
    check_folder("the folder", folder, (ENCODER, DECODER), ())
    pixels, lengths = _rate_map(codec, size, target_cbr)
    told = {"linksim": __version__, "size": json.dumps(list(size)), "uses_per_patch": str(int(lengths[0, 0, 0]))}
    with contextlib.ExitStack() as borrowed:
        near = EncoderEnd(codec, lengths)
        borrowed.callback(near.graph.dissolve)
        far = DecoderEnd(codec, lengths, pixels)
        borrowed.callback(far.graph.dissolve)
        files, differences = _made(near, far, size, told, runtime)
    wrong = {name: found for name, found in differences.items() if not found <= TOLERANCE}
    if wrong:
        raise LinksimError(f"onnxruntime differs from torch by more than {TOLERANCE} of the range: {wrong}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(folder / name, content)
    return Exported(folder / ENCODER, folder / DECODER, int(lengths[0, 0, 0]), int(lengths.sum()), differences)


def _made(
    near: EncoderEnd, far: DecoderEnd, size: tuple[int, int], told: Mapping[str, str], runtime: Any
) -> tuple[dict[str, bytes], dict[str, float]]:
    """Both files by name, and by output how far onnxruntime is from torch."""
    generator = torch.Generator().manual_seed(1)
    seen = [{"image": _picture(size, generator), "snr_db": torch.tensor([snr_db])} for snr_db in SNRS_DB]
    sent = [near(*inputs.values()) for inputs in seen]
    heard = [_received(*each, near.outputs, generator) for each in zip(sent, SNRS_DB, strict=True)]
    files, differences = dict[str, bytes](), dict[str, float]()
    for name, end, (first, second), outputs in (
        (ENCODER, near, seen, near.outputs),
        (DECODER, far, heard, ("image",)),
    ):
        files[name] = _written(end, first, outputs, told)
        differences |= _differences(runtime, files[name], end, second, outputs)
    return files, differences


def _rate_map(codec: PictureCodec, size: tuple[int, int], target_cbr: float | None) -> tuple[Tensor, Tensor]:
    """Height and width [1, 2] and the lengths [1, rows, cols]."""
    if len(size) != 2 or not all(isinstance(edge, int) and 0 < edge <= 2**16 for edge in size):
        raise ParameterError(f"'size' must be height and width in pixels, each 1 to 65536 (got {size})")
    pixels = torch.tensor([size])
    if codec.one_rate:
        if target_cbr is not None:
            raise ParameterError("the codec has one rate, that of its weights; leave out the CBR")
        rows, cols = map(patches_of, size)
        return pixels, torch.full((1, rows, cols), int(codec.rate_set[0]))
    found = FixedRate(rate_set=codec.rate_set, target_cbr=target_cbr)(size=pixels)
    if not bool(found.target_met):
        least = int(found.lengths.sum()) / (3 * size[0] * size[1])
        raise ParameterError(f"a picture of this size takes a CBR of at least {least:.4f} (got {target_cbr})")
    return pixels, found.lengths


def _picture(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A smooth picture with noise, [1, 3, height, width]."""
    coarse = torch.rand(1, 3, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=size, mode="bicubic")
    return (smooth + 0.05 * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


def _received(
    sent: tuple[Tensor, ...], snr_db: float, names: tuple[str, ...], generator: torch.Generator
) -> dict[str, Tensor]:
    """What a receiver has of it after an AWGN channel, as `DecoderEnd` takes it."""
    named = dict(zip(names, sent, strict=True))
    symbols, variance = named.pop("symbols"), 10 ** (-snr_db / 10)
    noise = torch.randn(symbols.shape, generator=generator) * (variance / 2) ** 0.5
    return {"symbols": symbols + noise, "noise_variance": torch.full(symbols.shape[:2], variance), **named}


def _written(end: nn.Module, inputs: Mapping[str, Tensor], outputs: tuple[str, ...], told: Mapping[str, str]) -> bytes:
    """The ONNX file of an end."""
    recorded = record(end, inputs)
    with _quiet():
        program = torch.onnx.export(
            recorded, tuple(inputs.values()), input_names=list(inputs), output_names=list(outputs), dynamo=True
        )
    if program is None:
        raise LinksimError("torch gave no ONNX program")
    model = program.model_proto
    for key, value in told.items():
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString()


def _differences(
    runtime: Any, content: bytes, end: nn.Module, inputs: Mapping[str, Tensor], outputs: tuple[str, ...]
) -> dict[str, float]:
    """How far onnxruntime is from torch at most, over the range of torch's output, by output."""
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {name: tensor.numpy() for name, tensor in inputs.items()})
    with torch.no_grad():
        right = end(*inputs.values())
    apart: dict[str, float] = {}
    for name, array, tensor in zip(outputs, found, right, strict=True):
        got, wanted = torch.from_numpy(array).float(), tensor.float()
        span = float(wanted.max() - wanted.min()) or float(wanted.abs().max()) or 1.0
        apart[name] = float((got - wanted).abs().max()) / span
    return apart


def _runtime() -> Any:
    """onnxruntime, where all is there that an export takes."""
    try:
        return [importlib.import_module(name) for name in ("onnx", "onnxscript", "onnxruntime")][-1]
    except ImportError as error:
        raise LinksimError(f"{error.name} is not installed; install it with: pip install 'linksim[onnx]'") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's reports of its own steps."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
