"""`linksim draw`: a flowgraph as text or picture."""

from pathlib import Path

from linksim.errors import ParameterError, nearest
from linksim.flowgraph import Flowgraph
from linksim.flowgraphs import FLOWGRAPHS


def find_flowgraph(name: str) -> Flowgraph:
    """A ready flowgraph by name, or the one in a YAML file. Raises what `Flowgraph.load` raises."""
    if name in FLOWGRAPHS:
        return FLOWGRAPHS[name]()
    if Path(name).suffix.lower() not in (".yaml", ".yml") and not Path(name).exists():
        raise ParameterError(f"no flowgraph '{name}'; {nearest(name, FLOWGRAPHS)}, or give a YAML file")
    return Flowgraph.load(name)


def run_draw(flowgraph: str, out: Path | None) -> None:
    """The command."""
    fg = find_flowgraph(flowgraph)
    if out is None:
        print(fg.diagram())
        return
    if out.suffix == ".svg":
        out.write_text(fg._repr_svg_(), "utf-8")
    elif out.suffix == ".mmd":
        out.write_text(fg.diagram() + "\n", "utf-8")
    elif out.suffix in (".yaml", ".yml"):
        fg.save(out)
    else:
        raise ParameterError(f"'{out}' must end in .svg, .mmd or .yaml")
    print(f"written: {out}")
