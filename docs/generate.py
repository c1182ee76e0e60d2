"""What the site takes from the package: the reference of blocks, the diagrams of systems, the notebooks."""

import ast
import inspect
import re
import shutil
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

from linksim import Flowgraph, types
from linksim.block import Block
from linksim.catalogue import catalogue, stage_of
from linksim.declared import DeclaredBlock
from linksim.faces.described_block import default_text, describe_block
from linksim.flowgraphs import FLOWGRAPHS
from linksim.port import Port, read_ports, type_name

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TITLES = {"jscc": "Joint source-channel coding", "tensorflow": "TensorFlow", "vectorizer": "Transforms"}
SECTIONS = ("Args", "Shapes", "Raises", "Source", "Returns", "Inputs", "Outputs")


def generate(folder: Path) -> None:
    """Write all of it anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("reference", "tutorials", "diagrams"):
        (folder / name).mkdir(parents=True)
    write_reference(folder / "reference")
    write_tutorials(folder / "tutorials")
    for name, make in FLOWGRAPHS.items():
        write_diagrams(folder / "diagrams", name, make())


def write_diagrams(folder: Path, name: str, link: Flowgraph) -> None:
    """The flowgraph, and those that stand in it, as `sa_oosc.svg` and `sa_oosc_transmitter.svg`."""
    (folder / f"{name}.svg").write_text(link._repr_svg_(), "utf-8")
    for part, block in link.blocks.items():
        if isinstance(block, Flowgraph):
            write_diagrams(folder, f"{name}_{part}", block)


def write_reference(folder: Path) -> None:
    """A page per stage of the catalogue, with every block's ports, parameters and example."""
    stages: dict[str, list[type[Block]]] = {}
    for kind in catalogue().values():
        stages.setdefault(stage_of(kind), []).append(kind)
    for stage, kinds in stages.items():
        title = TITLES.get(stage, stage.replace("_", " ").capitalize())
        text = f"# {title}\n\n" + "\n".join(block_section(kind) for kind in kinds)
        (folder / f"{stage}.md").write_text(text, "utf-8")
    (folder / "types.md").write_text(types_page(), "utf-8")
    pages = "\n".join(["types", *sorted(stages)])
    index = f"# Reference of blocks\n\n{len(catalogue())} blocks, by the stage of the link that they belong to.\n\n"
    (folder / "index.md").write_text(f"{index}```{{toctree}}\n:maxdepth: 2\n\n{pages}\n```\n", "utf-8")


@cache
def meanings() -> Mapping[str, str]:
    """What each port type is, with its unit, as it stands beside its definition."""
    found: dict[str, str] = {}
    body = ast.parse(inspect.getsource(types)).body
    for statement, after in pairwise(body):
        name = statement.target if isinstance(statement, ast.AnnAssign) else None
        told = after.value if isinstance(after, ast.Expr) else None
        if isinstance(name, ast.Name) and isinstance(told, ast.Constant):
            found[name.id] = " ".join(str(told.value).split())
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = " ".join((ast.get_docstring(statement) or "").split("\n\n")[0].split())
    return found


def types_page() -> str:
    """The port types, with shapes and units."""
    ports = {type_name(port.spec): port for kind in catalogue().values() for port in ports_of(kind)}
    named = {name: port for name, port in ports.items() if name in meanings()}
    rows = [(f"`{name}`", shape_of(port), _escaped(meanings()[name])) for name, port in sorted(named.items())]
    text = "What crosses the connections of a flowgraph. `batch` counts frames, such as pictures.\n"
    return f"# Port types\n\n{text}\n" + table("", ("type", "shape", "what it is"), rows)


def ports_of(kind: type[Block]) -> list[Port]:
    """The inputs and outputs of a block; none where they are declared when it is made."""
    if issubclass(kind, DeclaredBlock):
        return []
    inputs, outputs, _ = read_ports(kind.forward)
    return [*inputs.values(), *outputs.values()]


def shape_of(port: Port) -> str:
    """The tensors of a port with their dimensions."""
    return "<br>".join(f"`{f'{path}: ' if path else ''}{leaf}`" for path, leaf in port.spec.leaves())


def port_rows(ports: Mapping[str, Port]) -> list[tuple[str, ...]]:
    """Name, type and shape of each port."""
    return [
        (f"`{port.name}`" + (" (optional)" if port.optional else ""), f"`{type_name(port.spec) or port.spec}`",
         shape_of(port))
        for port in ports.values()
    ]  # fmt: skip


def block_section(kind: type[Block]) -> str:
    """One block in Markdown."""
    entry = describe_block(kind)
    parts = [f"## {entry['name']}\n", doc_markdown(inspect.getdoc(kind) or "")]
    if not issubclass(kind, DeclaredBlock):
        for title, ports in zip(("Inputs", "Outputs"), read_ports(kind.forward)[:2], strict=True):
            parts.append(table(title, ("port", "type", "shape"), port_rows(ports)))
    rows = [
        (f"`{name}`", f"`{entry['parameters'][name]['type']}`", f"`{default_text(parameter)}`")
        for name, parameter in kind.parameter_signature().items()
    ]
    parts.append(table("Parameters", ("parameter", "type", "default"), rows))
    return "\n".join(part for part in parts if part)


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown, nothing where it has no row."""
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *((cell.replace("|", "\\|") for cell in row) for row in rows)]
    return (f"**{title}**\n\n" if title else "") + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def doc_markdown(doc: str) -> str:
    """A docstring in Markdown: sections with bold names, doctests as code."""
    blocks: list[str] = []
    for paragraph in re.split(r"\n\s*\n", doc):
        if paragraph.lstrip().startswith(">>>"):
            blocks.append(f"```python\n{inspect.cleandoc(paragraph)}\n```")
            continue
        blocks += [_lines(paragraph)]
    return "\n\n".join(blocks) + "\n"


def _lines(paragraph: str) -> str:
    """A paragraph whose `Name:` lines begin sections, and whose indented lines are items."""
    out: list[str] = []
    for line in paragraph.splitlines():
        name, found, rest = line.partition(":")
        if found and name in SECTIONS:
            out.append(f"\n**{name}:** {_escaped(rest.strip())}".rstrip())
            if not rest.strip():
                out.append("")
        elif re.match(r" {4}[\w, ]+: ", line):
            item, _, what = line.strip().partition(": ")
            out.append(f"- `{item}`: {_escaped(what)}")
        else:
            out.append(
                _escaped(line.strip()) if not out or not out[-1].startswith("- ") else "  " + _escaped(line.strip())
            )
    return "\n".join(out)


def _escaped(text: str) -> str:
    """Text outside of code in which nothing is markup."""
    pieces = text.split("`")
    pieces[::2] = [re.sub(r"([*_\[\]<>{}|$^])", r"\\\1", piece) for piece in pieces[::2]]
    return "`".join(pieces)


def write_tutorials(folder: Path) -> None:
    """The notebooks, and the page that lists them."""
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        shutil.copy(notebook, folder / notebook.name)
    names = "\n".join(path.stem for path in sorted(folder.glob("*.ipynb")))
    text = (
        "# Tutorials\n\nEach tutorial is a notebook of the folder `notebooks`. Run it cell by cell, and change what "
        f"you like.\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    )
    (folder / "index.md").write_text(text, "utf-8")
