"""What becomes of odd inputs, by kind: makes docs/results/faults.md.

usage: python scripts/show_faults.py --out FILE.json [--kind A]     try every input, write what became of each
       python scripts/show_faults.py BEFORE.json AFTER.json          print the table of both

The inputs are those of tests/faults. To try an earlier linksim, run the first form with PYTHONPATH on a checkout of it.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "faults"))

LONGEST = 150
HEAD = """# Odd inputs, by kind

Inputs that people of the trade would meet: each is tried in a process and a folder of its own, and must come out as the
regular expression in tests/faults says, which asks for the right status, often also for a message that names what was
wrong. Before is version 2f65cb2, after is this one; what is not right is marked with ✗. Made by
`python scripts/show_faults.py`, as its head says; tests/faults tries all of it at every change.

"""


def try_all(out: Path, kind: str | None) -> None:
    """Every case of the kind, or all; what is there already in the file is kept."""
    import torch
    from cases import CASES
    from harness import outcome
    from samples import make_run, make_samples, make_store

    torch.set_num_threads(1)
    found: dict[str, str] = json.loads(out.read_text()) if out.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        samples = make_samples(Path(place) / "samples")
        make_store(samples)
        make_run(samples)
        for case in CASES:
            key = f"{case.kind}: {case.what}"
            if kind in (None, case.kind) and key not in found:
                found[key] = outcome(case, samples)
                print(f"{'ok ' if re.search(case.right, found[key]) else 'BAD'} {key}: {found[key][:200]}", flush=True)
                out.write_text(json.dumps(found, indent=1))


def table(before: dict[str, str], after: dict[str, str]) -> str:
    """Markdown."""
    from cases import CASES, KINDS

    lines = [HEAD.rstrip(), ""]
    for kind, title in KINDS.items():
        mine = [case for case in CASES if case.kind == kind]
        wrong = [sum(not _right(case, found) for case in mine) for found in (before, after)]
        lines += [
            f"## {kind}. {title}",
            "",
            f"{len(mine)} inputs; not right before: {wrong[0]}, after: {wrong[1]}.",
            "",
        ]
        lines += ["| tried | before | after |", "| --- | --- | --- |"]
        lines += [f"| {_cell(c.what)} | {_result(c, before)} | {_result(c, after)} |" for c in mine] + [""]
    return "\n".join(lines)


def _right(case, found: dict[str, str]) -> bool:
    return bool(re.search(case.right, found.get(f"{case.kind}: {case.what}", "")))


def _result(case, found: dict[str, str]) -> str:
    text = re.sub(r"/[\w./-]*/(?=[\w.-]+)", "", found.get(f"{case.kind}: {case.what}", "not tried"))
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return ("" if _right(case, found) else "✗ ") + _cell(text)


def _cell(text: str) -> str:
    shown = text.replace("\x1b", "\\x1b")
    return shown.encode("utf-8", "backslashreplace").decode().replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    if sys.argv[1] == "--out":
        try_all(Path(sys.argv[2]), sys.argv[4] if len(sys.argv) > 4 else None)
    else:
        print(table(*[json.loads(Path(name).read_text()) for name in sys.argv[1:3]]))
