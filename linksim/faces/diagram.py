"""A flowgraph to look at: Mermaid text, and a picture for notebooks."""

from collections.abc import Iterator
from html import escape as escape_markup
from itertools import pairwise

from linksim.block import Block
from linksim.graph import Graph
from linksim.text import CONTROL, REPLACEMENT, xml_text
from linksim.tied import Tied

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN, WAY_WIDTH = 150, 44, 26, 40, 16, 4
SWEEPS = 6
SIGNAL, INK, FILL, PORT_FILL = "#3b6ea8", "#1f2933", "#eef3f9", "#fdf3e1"


def escape(text: str) -> str:
    """Fit for XML: what it cannot hold replaced, what it reads as its own escaped."""
    return escape_markup(xml_text(text))


def _mermaid_text(text: str) -> str:
    # In Mermaid a quotation mark ends the text, and so does a new line.
    return CONTROL.sub(REPLACEMENT, xml_text(" ".join(text.splitlines()))).replace('"', "#quot;")


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart: a box per block, a frame per nested flowgraph, a labelled arrow per connection."""
    return "\n".join(["flowchart TB", *_mermaid_lines(graph, "", 1)])


def _mermaid_lines(graph: Graph, prefix: str, depth: int) -> Iterator[str]:
    space = "    " * depth
    for name, port in graph.input_ports.items():
        yield f'{space}{prefix}in_{name}(["{name}: {_kind(str(port))}"])'
    for name in graph.output_ports:
        yield f'{space}{prefix}out_{name}(["{name}"])'
    for name, block in graph.blocks.items():
        if isinstance(block, Graph):
            yield f'{space}subgraph {prefix}{name}["{_mermaid_text(name)}"]'
            yield from _mermaid_lines(block, f"{prefix}{name}__", depth + 1)
            yield f"{space}end"
        else:
            yield f'{space}{prefix}{name}["{name}<br/><i>{_class_of(block)}</i>"]'
    for edge in graph.connections:
        source = _mermaid_end(graph, prefix, edge.source, edge.source_port, "out")
        target = _mermaid_end(graph, prefix, edge.target, edge.target_port, "in")
        label = edge.source_port if edge.source_port != "out" else edge.target_port
        yield f"{space}{source} -->|{label}| {target}"


def _kind(port: str) -> str:
    return port.split(": ", 1)[1]


def _mermaid_end(graph: Graph, prefix: str, name: str, port: str, side: str) -> str:
    if not name:
        return f"{prefix}{'in' if side == 'out' else 'out'}_{port}"
    if isinstance(graph.blocks[name], Graph):
        return f"{prefix}{name}__{side}_{port}"
    return f"{prefix}{name}"


def _class_of(block: Block) -> str:
    return f"Tied to {block.original.label}" if isinstance(block, Tied) else type(block).__name__


def svg(graph: Graph) -> str:
    """The flowgraph as an SVG picture: blocks in the rows of their depth, data flowing downwards."""
    rows, routes = _layout(graph)
    widths = [sum(map(_width, row)) + GAP_X * (len(row) - 1) for row in rows]
    width, height = max(widths) + 2 * MARGIN, len(rows) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    places: dict[str, tuple[float, float]] = {}
    for depth, (row, taken) in enumerate(zip(rows, widths, strict=True)):
        x = (width - taken) / 2
        for node in row:
            places[node] = x + _width(node) / 2, MARGIN + depth * (BOX_HEIGHT + GAP_Y)
            x += _width(node) + GAP_X
    body = [_arrow([places[node] for node in route], label) for route, label in routes]
    body += [_box(graph, node, place) for node, place in places.items() if node[0] != "~"]
    marker = (f'<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
              f'<path d="M0 0 8 4 0 8z" fill="{SIGNAL}"/></marker>')  # fmt: skip
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{min(width, 1000)}" '
            f'font-family="sans-serif" role="img"><title>{escape(graph.name)}</title><defs>{marker}</defs>'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(body)}</svg>')  # fmt: skip


def _width(node: str) -> int:
    return WAY_WIDTH if node[0] == "~" else BOX_WIDTH


def _edges(graph: Graph) -> Iterator[tuple[str, str, str]]:
    for edge in graph.connections:
        source = edge.source or f"<{edge.source_port}"
        target = edge.target or f">{edge.target_port}"
        yield source, target, edge.target_port if edge.target else ""


def _depths(graph: Graph) -> dict[str, int]:
    """A node stands one row below the lowest of its sources, an own input just above its first use."""
    sources: dict[str, list[str]] = {}
    for source, target, _ in _edges(graph):
        sources.setdefault(target, []).append(source)
    depth: dict[str, int] = {}
    for node in [*graph.order(), *(f">{name}" for name in graph.output_ports)]:
        depth[node] = max((depth.get(s, 0) + 1 for s in sources.get(node, [])), default=0)
    for name in graph.input_ports:
        uses = [depth[target] for source, target, _ in _edges(graph) if source == f"<{name}"]
        depth[f"<{name}"] = max(min(uses, default=1) - 1, 0)
    return depth


def _layout(graph: Graph) -> tuple[list[list[str]], list[tuple[list[str], str]]]:
    """Rows of nodes, and the way of every edge: through a place of its own, named ~, in each row that it passes."""
    depth = _depths(graph)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node, level in depth.items():
        rows[level].append(node)
    routes: list[tuple[list[str], str]] = []
    above: dict[str, set[str]] = {}
    for source, target, label in _edges(graph):
        # Edges from one block share their way as far as it is the same.
        ways = [f"~{source}@{level}" for level in range(depth[source] + 1, depth[target])]
        route = [source, *ways, target]
        routes.append((route, label))
        for level, way in enumerate(ways, depth[source] + 1):
            if way not in rows[level]:
                rows[level].append(way)
        for upper, lower in pairwise(route):
            above.setdefault(lower, set()).add(upper)
    for _ in range(SWEEPS):
        _sweep(rows, above)
    return rows, routes


def _sweep(rows: list[list[str]], above: dict[str, set[str]]) -> None:
    """Order every row by the mean place of the neighbours, downwards and then upwards: fewer edges cross."""
    below: dict[str, set[str]] = {}
    for lower, uppers in above.items():
        for upper in uppers:
            below.setdefault(upper, set()).add(lower)
    for neighbours, order in ((above, range(1, len(rows))), (below, range(len(rows) - 2, -1, -1))):
        place = {node: (i + 0.5) / len(row) for row in rows for i, node in enumerate(row)}
        for level in order:
            rows[level].sort(key=lambda node: _mean_place(node, neighbours, place))
            place |= {node: (i + 0.5) / len(rows[level]) for i, node in enumerate(rows[level])}


def _mean_place(node: str, neighbours: dict[str, set[str]], place: dict[str, float]) -> float:
    near = neighbours.get(node)
    return sum(place[other] for other in near) / len(near) if near else place[node]


def _box(graph: Graph, node: str, place: tuple[float, float]) -> str:
    middle, y = place
    own = node[0] in "<>"
    kind = "input" if node[0] == "<" else "output" if own else _class_of(graph.blocks[node])
    style = f'fill="{PORT_FILL if own else FILL}" stroke="{SIGNAL}" stroke-width="{2.5 if kind == "Flowgraph" else 1}"'
    return (f'<rect x="{middle - BOX_WIDTH / 2}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
            f'rx="{20 if own else 6}" {style}/><text x="{middle}" y="{y + 18}" text-anchor="middle" font-size="13" '
            f'fill="{INK}">{escape(node.lstrip("<>"))}</text><text x="{middle}" y="{y + 34}" text-anchor="middle" '
            f'font-size="11" fill="#5b6875">{escape(kind)}</text>')  # fmt: skip


def _arrow(way: list[tuple[float, float]], label: str) -> str:
    x, y = way[0][0], way[0][1] + BOX_HEIGHT
    path = f"M{x} {y}"
    for to_x, to_y in way[1:]:
        path += f" C{x} {y + GAP_Y / 2} {to_x} {to_y - GAP_Y / 2} {to_x} {to_y}"
        x, y = to_x, to_y + BOX_HEIGHT
        path += f" L{x} {y}" if (to_x, to_y) != way[-1] else ""
    return (f'<path d="{path}" fill="none" stroke="{SIGNAL}" stroke-opacity="0.75" marker-end="url(#tip)">'
            f"<title>{escape(label)}</title></path>")  # fmt: skip
