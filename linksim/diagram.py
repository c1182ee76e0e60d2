"""A flowgraph to look at: Mermaid text, and a picture for notebooks."""

from collections.abc import Iterator
from html import escape

from linksim.block import Block
from linksim.flowgraph import Flowgraph

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 150, 44, 34, 40, 16
SIGNAL, INK, FILL, PORT_FILL = "#3b6ea8", "#1f2933", "#eef3f9", "#fdf3e1"


def mermaid(graph: Flowgraph) -> str:
    """A Mermaid flowchart: a box per block, a frame per nested flowgraph, a labelled arrow per connection."""
    return "\n".join(["flowchart TB", *_mermaid_lines(graph, "", 1)])


def _mermaid_lines(graph: Flowgraph, prefix: str, depth: int) -> Iterator[str]:
    space = "    " * depth
    for name, port in graph.input_ports.items():
        yield f'{space}{prefix}in_{name}(["{name}: {_kind(str(port))}"])'
    for name in graph.output_ports:
        yield f'{space}{prefix}out_{name}(["{name}"])'
    for name, block in graph.blocks.items():
        if isinstance(block, Block):
            yield f'{space}{prefix}{name}["{name}<br/><i>{type(block).__name__}</i>"]'
        else:
            yield f'{space}subgraph {prefix}{name}["{name}"]'
            yield from _mermaid_lines(block, f"{prefix}{name}__", depth + 1)
            yield f"{space}end"
    for edge in graph.connections:
        source = _mermaid_end(graph, prefix, edge.source, edge.source_port, "out")
        target = _mermaid_end(graph, prefix, edge.target, edge.target_port, "in")
        label = edge.source_port if edge.source_port != "out" else edge.target_port
        yield f"{space}{source} -->|{label}| {target}"


def _kind(port: str) -> str:
    return port.split(": ", 1)[1]


def _mermaid_end(graph: Flowgraph, prefix: str, name: str, port: str, side: str) -> str:
    if not name:
        return f"{prefix}{'in' if side == 'out' else 'out'}_{port}"
    if isinstance(graph.blocks[name], Block):
        return f"{prefix}{name}"
    return f"{prefix}{name}__{side}_{port}"


def svg(graph: Flowgraph) -> str:
    """The flowgraph as an SVG picture: blocks in the rows of their depth, data flowing downwards."""
    rows = _rows(graph)
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(rows) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    places: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):
        start = (width - len(row) * (BOX_WIDTH + GAP_X) + GAP_X) / 2
        for column, node in enumerate(row):
            places[node] = start + column * (BOX_WIDTH + GAP_X), MARGIN + depth * (BOX_HEIGHT + GAP_Y)
    body = [_arrow(places[source], places[target], label) for source, target, label in _edges(graph)]
    body += [_box(graph, node, place) for node, place in places.items()]
    marker = (f'<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
              f'<path d="M0 0 8 4 0 8z" fill="{SIGNAL}"/></marker>')  # fmt: skip
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{min(width, 1000)}" '
            f'font-family="sans-serif" role="img"><title>{escape(graph.name)}</title><defs>{marker}</defs>'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(body)}</svg>')  # fmt: skip


def _edges(graph: Flowgraph) -> Iterator[tuple[str, str, str]]:
    for edge in graph.connections:
        source = edge.source or f"<{edge.source_port}"
        target = edge.target or f">{edge.target_port}"
        yield source, target, edge.target_port if edge.target else ""


def _rows(graph: Flowgraph) -> list[list[str]]:
    """Nodes by depth: a node stands one row below the lowest of its sources, an own input just above its first use."""
    sources: dict[str, list[str]] = {}
    for source, target, _ in _edges(graph):
        sources.setdefault(target, []).append(source)
    depth: dict[str, int] = {}
    outputs = [f">{name}" for name in graph.output_ports]
    for node in [*graph.order(), *outputs]:
        depth[node] = max((depth.get(s, 0) + 1 for s in sources.get(node, [])), default=0)
    for name in graph.input_ports:
        uses = [depth[target] for source, target, _ in _edges(graph) if source == f"<{name}"]
        depth[f"<{name}"] = max(min(uses, default=1) - 1, 0)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node, level in depth.items():
        rows[level].append(node)
    return [_sorted_row(row, sources, rows[i - 1] if i else []) for i, row in enumerate(rows)]


def _sorted_row(row: list[str], sources: dict[str, list[str]], above: list[str]) -> list[str]:
    def place(node: str) -> float:
        spots = [above.index(source) for source in sources.get(node, []) if source in above]
        return sum(spots) / len(spots) if spots else len(above) / 2

    return sorted(row, key=place)


def _box(graph: Flowgraph, node: str, place: tuple[float, float]) -> str:
    x, y = place
    own = node[0] in "<>"
    name, kind = (
        (node[1:], "input" if node[0] == "<" else "output") if own else (node, type(graph.blocks[node]).__name__)
    )
    style = f'fill="{PORT_FILL if own else FILL}" stroke="{SIGNAL}" stroke-width="{2.5 if kind == "Flowgraph" else 1}"'
    middle = x + BOX_WIDTH / 2
    return (f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="{20 if own else 6}" {style}/>'
            f'<text x="{middle}" y="{y + 18}" text-anchor="middle" font-size="13" fill="{INK}">{escape(name)}</text>'
            f'<text x="{middle}" y="{y + 34}" text-anchor="middle" font-size="11" fill="#5b6875">'
            f"{escape(kind)}</text>")  # fmt: skip


def _arrow(source: tuple[float, float], target: tuple[float, float], label: str) -> str:
    x0, y0 = source[0] + BOX_WIDTH / 2, source[1] + BOX_HEIGHT
    x1, y1 = target[0] + BOX_WIDTH / 2, target[1]
    bend = max(abs(y1 - y0) / 2, 18)
    path = f'<path d="M{x0} {y0} C{x0} {y0 + bend} {x1} {y1 - bend} {x1} {y1 - 1}" fill="none" stroke="{SIGNAL}"'
    return (f'{path} stroke-opacity="0.75" marker-end="url(#tip)"><title>{escape(label)}</title></path>')  # fmt: skip
