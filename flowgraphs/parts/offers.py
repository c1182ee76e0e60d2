"""Connections by name: what stages of a link offer, and what blocks ask for."""

from collections.abc import Iterable, Mapping

from linksim import Block, Flowgraph
from linksim.port import PortRef


class Offers:
    """The values that a flowgraph has so far, by name. A block takes those that it has an input port for.

    This is the port contract of a link's stages: a name means the same everywhere. `image`, `importance` and `snr_db`
    come from outside; then, in the order in which they arise, `tokens`, `size`, `latent`, `entropy`, `lengths` (the
    rate map k), `base_rate` (the base rate map), `target_met`, `codeword`, `power_loading`, `power`, `payload`,
    `header`, `symbols`. A block that knows less has fewer ports, and one that knows more, as a mask, takes it by its
    name.
    """

    def __init__(self, graph: Flowgraph, names: Iterable[str] = ()) -> None:
        self._graph = graph
        self._known: dict[str, PortRef] = {name: graph[name] for name in names}

    def __getitem__(self, name: str) -> PortRef:
        return self._known[name]

    def add(self, ports: Mapping[str, PortRef]) -> None:
        """Offer these ports; a name that was there means the new one from now on."""
        self._known |= ports

    def feed(self, block: Block, *, but: Iterable[str] = (), out: str = "") -> None:
        """Connect each input of a block to the offer of its name, then offer the block's outputs, `out` being the name
        of one that is called "out"."""
        for name in block.input_ports:
            if name in self._known and name not in but:
                self._graph.connect(self._known[name], block.inputs[name])
        self.add({out if name == "out" else name: block.outputs[name] for name in block.output_ports})


def needed_inputs(blocks: Iterable[Block], types: Mapping[str, object]) -> dict[str, object]:
    """Those of the types by name that one of the blocks has an input port for."""
    asked = {name for block in blocks for name in block.input_ports}
    return {name: kind for name, kind in types.items() if name in asked}
