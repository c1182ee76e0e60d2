"""Monte-Carlo sweeps whose numbers can be trusted."""

from linksim.montecarlo.cases import Case, Cases
from linksim.montecarlo.executors import Executor, InProcess, Processes, RayCluster
from linksim.montecarlo.interval import Interval, clustered_rate, exact_rate, ratio, student_mean
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
