"""`linksim draw`: a flowgraph as text or picture."""

from pathlib import Path

from linksim.cli.console import PlainConsole
from linksim.errors import ParameterError, nearest
from linksim.files import check_outputs, write_text
from linksim.flowgraph import Flowgraph
from linksim.flowgraphs import FLOWGRAPHS

ENDINGS = (".svg", ".mmd", ".yaml", ".yml", ".py")


def find_flowgraph(name: str) -> Flowgraph:
    """A ready flowgraph by name, or the one in a YAML file. Raises what `Flowgraph.load` raises."""
    if name in FLOWGRAPHS:
        return FLOWGRAPHS[name]()
    if Path(name).suffix.lower() not in (".yaml", ".yml") and not Path(name).exists():
        raise ParameterError(f"no flowgraph '{name}'; {nearest(name, FLOWGRAPHS)}, or give a YAML file")
    return Flowgraph.load(name)


def run_draw(flowgraph: str, out: Path | None) -> None:
    """The command."""
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise ParameterError(f"'{out}' must end in .svg, .mmd, .yaml or .py")
    check_outputs({"--out": out}, [Path(flowgraph)])
    fg = find_flowgraph(flowgraph)
    if out is None:
        print(fg.diagram())
        return
    if out.suffix.lower() == ".svg":
        write_text(out, fg._repr_svg_())
    elif out.suffix.lower() == ".mmd":
        write_text(out, fg.diagram() + "\n")
    elif out.suffix.lower() == ".py":
        write_text(out, fg.to_python())
    else:
        fg.save(out)
    PlainConsole().print(f"written: {out}", soft_wrap=True)
