"""Runs one odd input in a process and a folder of its own, and says what became of it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 90


@dataclass(frozen=True)
class Case:
    """A kind of fault, an input of that kind as one would type it, what it does, and a regular expression for what is
    right. `run` works in a copy of the sample folder, and gives a line."""

    kind: str
    what: str
    run: Callable[[], str]
    right: str


def outcome(case: Case, samples: Path) -> str:
    """What `run` gave, or how it ended, on one line; the folder is a copy, and gone afterwards."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "here"
        shutil.copytree(samples, folder)
        report = Path(place) / "report"
        child = os.fork()
        if child == 0:
            _work(case, folder, report)
        if not _ended(child):
            return f"no end within {SECONDS} s"
        line = report.read_text("utf-8", "replace") if report.exists() else "killed"
        return " ".join(line.replace(f"{folder}/", "").replace(str(folder), "HERE").split())


def _work(case: Case, folder: Path, report: Path) -> None:
    """In the child, which ends here whatever happens."""
    try:
        os.setsid()
        os.chdir(folder)
        for stream, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(f"{report}.{name}", os.O_CREAT | os.O_RDWR | os.O_TRUNC), stream)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        try:
            line = case.run()
        except BaseException as error:
            traceback.print_exc()
            line = f"{type(error).__name__}: {error}"
        report.write_text(line, "utf-8", "backslashreplace")
    finally:
        os._exit(0)


def _ended(child: int) -> bool:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return False


def cli(*arguments: object) -> str:
    """The status of a command, how many lines it wrote if it failed, and what they tell."""
    status, out, err = called(*arguments)
    lines = [line for line in (err if status else out + err).splitlines() if line.strip()]
    many = f" ({len(lines)} lines)" if status and len(lines) > 1 else ""
    return f"status {status}{many}: {_telling(lines)}"


def called(*arguments: object) -> tuple[object, str, str]:
    """A command's status, output and errors."""
    from linksim.cli import main

    sys.argv = ["linksim", *map(str, arguments)]
    before = {stream: os.fstat(stream).st_size for stream in (1, 2)}
    try:
        main()
        status: object = 0
    except SystemExit as left:
        status = left.code or 0
    texts: list[str] = []
    for stream, file in ((1, sys.stdout), (2, sys.stderr)):
        if not file.closed:
            file.flush()
        os.lseek(stream, before[stream], os.SEEK_SET)
        texts.append(os.read(stream, 1 << 20).decode("utf-8", "replace"))
        os.lseek(stream, 0, os.SEEK_END)
    return status, texts[0], texts[1]


def _telling(lines: list[str]) -> str:
    notes = [line.strip() for line in lines if "note:" in line or "rror" in line]
    return "; ".join(notes) if notes else (lines or ["nothing"])[-1].strip()


def command(*arguments: object, stdin: str | None = None, seconds: float = SECONDS) -> str:
    """As `cli`, in a new Python process."""
    return process(
        sys.executable, "-c", "from linksim.cli import main; main()", *arguments, stdin=stdin, seconds=seconds
    )


def process(*words: object, stdin: str | None = None, seconds: float = SECONDS) -> str:
    """The status of a program, how many lines it wrote if it failed, and the last."""
    try:
        done = subprocess.run(
            [*map(str, words)],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=seconds,
            check=False,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return f"no end within {seconds:g} s"
    lines = [
        line for line in (done.stderr if done.returncode else done.stdout + done.stderr).splitlines() if line.strip()
    ]
    many = f" ({len(lines)} lines)" if done.returncode and len(lines) > 1 else ""
    return f"status {done.returncode}{many}: {(lines or ['nothing'])[-1].strip()}"


def kept(path: str, run: Callable[[], str]) -> str:
    """What `run` gave, and whether it left a file, or that there is none, as it was."""
    target = Path(path)
    before = target.read_bytes() if target.is_file() else None
    line = run()
    after = target.read_bytes() if target.is_file() else None
    return f"{'kept' if before == after else 'CHANGED'}; {line}"


def raised(run: Callable[[], object]) -> str:
    """The exception's class and text, or what came out."""
    try:
        return str(run())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
