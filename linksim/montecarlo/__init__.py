"""Monte-Carlo sweeps whose numbers can be trusted."""

from typing import TYPE_CHECKING

from linksim.lazy import lazily

if TYPE_CHECKING:
    from linksim.montecarlo.cases import Case, Cases
    from linksim.montecarlo.executors import Executor, InProcess, Processes
    from linksim.montecarlo.interval import Interval, clustered_rate, exact_rate, ratio, student_mean
    from linksim.montecarlo.ray_cluster import RayCluster
    from linksim.montecarlo.stop import Stop
    from linksim.montecarlo.store import Store
    from linksim.montecarlo.sweep import Sweep

__all__ = [
    "Case",
    "Cases",
    "Executor",
    "InProcess",
    "Interval",
    "Processes",
    "RayCluster",
    "Stop",
    "Store",
    "Sweep",
    "clustered_rate",
    "exact_rate",
    "ratio",
    "student_mean",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "cases": ("Case", "Cases"),
        "executors": ("Executor", "InProcess", "Processes"),
        "interval": ("Interval", "clustered_rate", "exact_rate", "ratio", "student_mean"),
        "ray_cluster": ("RayCluster",),
        "stop": ("Stop",),
        "store": ("Store",),
        "sweep": ("Sweep",),
    },
)
