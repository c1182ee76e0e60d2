"""Train the codec of captions over three tasks by each method, and print what is forgotten.

    .venv/bin/python scripts/measure_forgetting.py DATA --steps 1200 --out run

DATA holds cifar10, birds20 and catsdogs, each with train.json and test.json. Each seed has a folder of runs in OUT,
and what it holds is continued. The first task is trained once for all methods. Joint training has the steps of all
three tasks.
"""

import argparse
from pathlib import Path

import torch

from linksim.flowgraphs.recipes.text_tasks import TextTasks
from linksim.training import Budget, Course, forgetting, learn
from linksim.training.continual import JOINT, METHODS

TASKS = ("cifar10", "birds20", "catsdogs")


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=1200, help="of each task")
    parser.add_argument("--long-term", type=int, default=1500)
    parser.add_argument("--method", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    learner = TextTasks(
        files={task: tuple(str(asked.data / task / f"{part}.json") for part in ("train", "test")) for task in TASKS}
    )
    print(f"| method | after | {' | '.join(TASKS)} | forgetting |\n|{' --- |' * (3 + len(TASKS))}")
    for method in asked.method:
        steps = asked.steps * (len(TASKS) if method == JOINT else 1)
        course = Course(method=method, budget=Budget(None, steps), long_term=asked.long_term, seed=asked.seed)
        table = learn(learner, course, asked.out / f"seed_{asked.seed}")
        for after in dict.fromkeys(table["after"]):
            scores = table[table["after"] == after]["score"]
            last = f"{forgetting(table):.3f}" if after == TASKS[-1] and method != JOINT else ""
            print(f"| {method} | {after} | {' | '.join(f'{score:.3f}' for score in scores)} | {last} |", flush=True)


if __name__ == "__main__":
    main()
