"""What the process from which workers are forked has loaded before: then a worker begins in milliseconds."""

import matplotlib.font_manager  # noqa: F401  # pyright: ignore[reportUnusedImport]
import torch

import linksim.plot  # pyright: ignore[reportUnusedImport]
import linksim.studio.tasks  # noqa: F401  # pyright: ignore[reportUnusedImport]
from linksim.catalogue import catalogue
from linksim.flowgraphs import FLOWGRAPHS

# Threads do not live through a fork.
torch.set_num_threads(1)
catalogue()
for _name in ("bpsk", "sa_oosc"):
    # What blocks load when they are made.
    FLOWGRAPHS[_name]()
