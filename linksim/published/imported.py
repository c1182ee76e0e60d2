"""From a published file of weights to one that a link takes, with a card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from linksim.errors import ParameterError, nearest
from linksim.files import check_outputs, file_digest, write_text
from linksim.published.checkpoint import Read, read_checkpoint
from linksim.published.deepjscc import deepjscc_tensors
from linksim.published.ntscc import ntscc_tensors
from linksim.published.swinjscc import VARIANTS, swinjscc_tensors, witt_tensors
from linksim.weights import write_weights

ENDING = ".safetensors"


@dataclass(frozen=True)
class Kind:
    """A codec whose published weights are read: from their tensors, the file's path and a variant; and how a link gets
    them."""

    read: Callable[[Mapping[str, Tensor], Path, str], Read]
    use: str
    source: str
    variants: Sequence[str] = ()


KINDS: Mapping[str, Kind] = {
    "deepjscc": Kind(
        lambda given, path, _: deepjscc_tensors(given, path),
        "deepjscc_cnn(codec=DeepJSCCCNNCodec({path!r}))",
        "Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019",
    ),
    "ntscc": Kind(
        lambda given, path, _: ntscc_tensors(given, path),
        "ntscc(codec=PublishedNTSCCCodec({path!r}))",
        "NTSCC, Dai et al., IEEE JSAC 2022",
    ),
    "swinjscc": Kind(
        swinjscc_tensors,
        "swinjscc(codec=PublishedSwinJSCCCodec({path!r}))",
        "SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025",
        tuple(VARIANTS),
    ),
    "witt": Kind(
        witt_tensors,
        "swinjscc(codec=PublishedSwinJSCCCodec({path!r}))",
        "WITT, Yang et al., IEEE ICASSP 2023",
        tuple(VARIANTS),
    ),
}


@dataclass(frozen=True)
class Imported:
    """What was read: what it is, how many numbers, and how it is used."""

    what: str
    parameters: int
    use: str
    card: Path


def import_weights(kind: str, checkpoint: Path, out: Path, variant: str = "") -> Imported:
    """Write the weights of a published checkpoint to `out`, in single precision, and a card beside it.

    Args:
        kind: a name of `KINDS`.
        checkpoint: a .safetensors file, or a state_dict by torch.save; nothing in it is run.
        out: a path that ends in .safetensors; the card is called the same and ends in .md.
        variant: where files of several variants have the same tensors, which one it is: for "swinjscc" and "witt"
            "sa", adapted to the SNR, or "base", not adapted; those that adapt to the rate are known by their tensors.

    Raises `ParameterError` where the kind is unknown or the path ends otherwise, `FileError` and `WeightsError` where
    the checkpoint cannot be read or is of something else; then nothing is written.
    """
    kind = kind.replace("-", "_")
    if kind not in KINDS:
        raise ParameterError(f"no published codec '{kind}'; {nearest(kind, KINDS)}")
    if out.suffix != ENDING:
        raise ParameterError(f"'{out}' must end in {ENDING}")
    card = out.with_suffix(".md")
    check_outputs({"--out": out, "its card": card}, [checkpoint])
    if variant and not KINDS[kind].variants:
        raise ParameterError(f"'{kind}' has no variants (got '{variant}'); leave it out")
    read = KINDS[kind].read(read_checkpoint(checkpoint), checkpoint, variant)
    parameters = sum(tensor.numel() for tensor in read.tensors.values())
    use = KINDS[kind].use.format(path=str(out))
    write_weights(out, read.tensors, torch.float32, read.about)
    found = Imported(read.what, parameters, use, card)
    write_text(card, _card(found, kind, checkpoint, out))
    return found


def _card(found: Imported, kind: str, checkpoint: Path, out: Path) -> str:
    return f"""# {out.name}

{found.what}; {found.parameters:,} numbers in single precision.

- **From**: `{checkpoint.name}`, SHA-256 {file_digest(checkpoint)}, by `linksim import {kind}`.
- **Source of the network**: {KINDS[kind].source}.
- **Terms**: those of who published the file; linksim knows nothing of them.
- **Use**: `{found.use}`
"""
