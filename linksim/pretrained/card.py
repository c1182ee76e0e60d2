"""The card of a link that was saved with its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from linksim.block import Block
from linksim.flowgraph import Flowgraph
from linksim.graph import Graph
from linksim.version import __version__
from linksim.weights import shipped_weights, weights_path


def card(graph: Flowgraph, names: Sequence[str], files: Mapping[str, Mapping[str, Tensor]], about: str) -> str:
    """Markdown: what was said about it, what it is made of, how it is used, and the cards of shipped weights in it."""
    numbers = sum(tensor.numel() for tensors in files.values() for tensor in tensors.values())
    inputs = ", ".join(f"`{name}`" for name in graph.input_ports)
    learned = sorted({part.partition(".")[0] for tensors in files.values() for part in tensors})
    shipped = set(shipped_weights())
    theirs = [_shipped_card(name) for name in names if name in shipped]
    return f"""---
library_name: linksim
tags: [semantic-communication]
---

# {graph.name}

{about or "A link of linksim with its weights."}

- **Blocks**: {len(_blocks(graph))}; what is learned: {", ".join(learned) or "nothing"}, {numbers:,} numbers.
- **Inputs**: {inputs}.
- **Weights from**: {", ".join(f"`{Path(name).name}`" for name in names) or "training in place"}.
- **Written by**: linksim {__version__}.

```python
from linksim.pretrained import from_pretrained

link = from_pretrained("FOLDER")
```
{"".join(theirs)}"""


def _blocks(graph: Graph) -> list[Block]:
    return [each for each in graph.modules() if isinstance(each, Block) and not isinstance(each, Graph)]


def _shipped_card(name: str) -> str:
    path = weights_path(name)
    text = path.with_name(f"{name.upper()}.md").read_text(encoding="utf-8")
    # Its headings go below this card's.
    return "\n" + "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines()) + "\n"
