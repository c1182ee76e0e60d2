"""A flowgraph and its weights as a folder of three files: config.json, model.safetensors and a card."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from linksim.block import Block
from linksim.errors import FileError, FlowgraphFileError, ParameterError, WeightsError
from linksim.faces.rebuilt import lost_weights, own_kinds
from linksim.faces.yaml_file import build
from linksim.files import check_folder, file_digest, read_json, write_text, write_whole
from linksim.flowgraph import Flowgraph
from linksim.graph import Graph
from linksim.pretrained.card import card
from linksim.pretrained.hub import fetched, is_repository
from linksim.pretrained.storing import WEIGHTS, placed, stored, weights_of, weighty
from linksim.version import __version__
from linksim.weights import PACKED, about_weights, weights_path, write_weights

CONFIG, CARD = "config.json", "README.md"
VERSION = 1
_FILE = re.compile(r"model(-\d+)?\.safetensors")


def save_pretrained(graph: Flowgraph, folder: str | Path, *, about: str = "") -> None:
    """Write a link with its weights, as they are now, into a folder that `from_pretrained` reads.

    The folder gets config.json (blocks, parameters, connections), model.safetensors (single precision; where blocks
    hold different weights under one name, model-2.safetensors and so on too) and README.md, a card that says what the
    link is made of, and for weights that linksim ships what they were trained on.

    Args:
        graph: any flowgraph whose blocks have plain parameters.
        folder: made where it is not there; files of these names in it are written over.
        about: what the card says first.

    Raises:
        FlowgraphFileError: a parameter cannot be written.
        WeightsError: a block has weights that it does not read from a file, so that they would be lost. Then nothing is
            written.
        ParameterError: the folder cannot be written.
    """
    folder = Path(folder)
    files, fields = stored(graph)
    check_folder("the folder", folder, (CONFIG, CARD, *files), ())
    names = sorted({name for block in weighty(graph) for name in weights_of(block).values() if name})
    said = {key: text for name in names for key, text in about_weights(weights_path(name)).items() if key not in PACKED}
    with tempfile.TemporaryDirectory() as place:
        draft = Path(place)
        for file, tensors in files.items():
            write_weights(draft / file, tensors, torch.float32, said)
        config = {
            "linksim": VERSION,
            "version": __version__,
            "weights": {file: file_digest(draft / file) for file in files},
            "flowgraph": fields,
        }
        write_text(draft / CONFIG, json.dumps(config, indent=1, ensure_ascii=False) + "\n")
        write_text(draft / CARD, card(graph, names, files, about))
        _check_same(graph, _read(draft, digests={}, blocks=own_kinds(graph)))
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*files, CONFIG, CARD):
            write_whole(folder / name, (draft / name).read_bytes())


def from_pretrained(
    place: str | Path,
    *,
    revision: str = "",
    digests: Mapping[str, str] | None = None,
    blocks: Sequence[type[Block]] = (),
) -> Flowgraph:
    """The link that `save_pretrained` wrote.

    Args:
        place: a folder, or OWNER/NAME, a repository of the Hugging Face Hub, which is asked where its files are not in
            the cache of this computer (needs the extra "hub").
        revision: of a repository, the commit, 40 hexadecimal digits: a branch may hold something else tomorrow.
        digests: SHA-256 that files must have, by their names; what config.json says of weights is checked in any case.
        blocks: classes that the link has beside those of the catalogue.

    Raises:
        FileError: a file is missing, damaged or of something else, or the repository cannot be reached.
        WeightsError: the weights are not those that config.json or `digests` say, or do not fit.
        ParameterError: there is no such folder, or no revision for a repository.
    """
    path = Path(place)
    if path.is_dir():
        if revision:
            raise ParameterError(f"'{place}' is a folder, which has no revisions; leave out revision='{revision}'")
    elif is_repository(str(place)):
        path = fetched(str(place), revision, CONFIG)
        for file in _files(path):
            fetched(str(place), revision, file)
    else:
        raise ParameterError(f"no folder at '{place}', and it is no repository's name, which is OWNER/NAME")
    return _read(path, digests=digests or {}, blocks=blocks)


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise FileError(f"'{folder}' holds no {CONFIG}; save_pretrained writes a whole folder")
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or config.get("linksim") != VERSION:
        raise FlowgraphFileError(
            f"'{folder / CONFIG}' is no linksim configuration of version {VERSION}: it must have \"linksim\": {VERSION}"
        )
    return config


def _files(folder: Path) -> dict[str, str]:
    """The files of weights that a folder's configuration names, with their SHA-256."""
    said = _config(folder).get("weights")
    if not isinstance(said, dict) or not all(_FILE.fullmatch(name) for name in said):
        raise FlowgraphFileError(f"'{folder / CONFIG}': 'weights' must give files like {WEIGHTS} their SHA-256")
    return said


def _read(folder: Path, *, digests: Mapping[str, str], blocks: Sequence[type[Block]]) -> Flowgraph:
    files = _files(folder)
    for name in (*files, *digests):
        if not (folder / name).is_file():
            raise FileError(f"'{folder}' holds no {name}")
        found = file_digest(folder / name)
        for source, wanted in ((CONFIG, files.get(name, found)), ("digests", digests.get(name, found))):
            if wanted != found:
                raise WeightsError(f"'{folder / name}' has the SHA-256 {found}, but {source} says {wanted}")
    paths = {name: str(folder / name) for name in files}
    return build(placed(_config(folder).get("flowgraph"), paths), folder / CONFIG, blocks, Flowgraph)


def _check_same(graph: Graph, again: Graph) -> None:
    """Raise `WeightsError` where a link that was read again is not what was written."""
    lost = lost_weights(graph, again)
    if lost is not None:
        raise WeightsError(f"'{lost}' would be lost: its block does not read it from a file of weights")
