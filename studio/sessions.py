"""What all tabs of the page share, and what a request holds."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from linksim.faces.plain_yaml import MAX_BYTES
from linksim.studio.workers import Worker

MOST_RUNS, MOST_PICTURES, MOST_AT_ONCE = 6, 12, 3
"""Runs whose wires can be looked into, pictures that were sent, runs at work, of all tabs together."""
TASK_SECONDS, MOST_SHORT_TASKS = 60, 3


@dataclass
class Studio:
    """What all tabs share: the bytes that a worker may hold, the seconds that a run may take, the folder in which
    sweeps are kept, the pictures that were sent, the runs by their keys."""

    memory_bytes: int
    run_seconds: float
    folder: Path
    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    runs: dict[str, Worker] = field(default_factory=dict[str, Worker])
    short: set[Worker] = field(default_factory=set[Worker])
    short_tasks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_SHORT_TASKS))

    async def result(self, name: str, *arguments: Any, more: tuple[str, ...] = ()) -> dict[str, Any]:
        """The answer of a short task, which may read `more`. Raises `HTTPException` where it says what is wrong."""
        async with self.short_tasks:
            worker = Worker(name, arguments, self.memory_bytes, TASK_SECONDS, more)
            self.short.add(worker)
            try:
                message = await (await worker.start()).result()
            finally:
                self.short.remove(worker)
                worker.close()
        if message["event"] == "error":
            raise HTTPException(400, message["message"])
        return message

    async def task(self, name: str, *arguments: Any, more: tuple[str, ...] = ()) -> JSONResponse:
        """The answer of a short task as JSON."""
        return JSONResponse(await self.result(name, *arguments, more=more))

    def keep(self, picture: bytes) -> str:
        """A new name for a picture's file. The oldest one is forgotten where there are too many."""
        key = secrets.token_urlsafe(8)
        self.pictures[key] = picture
        for old in list(self.pictures)[:-MOST_PICTURES]:
            del self.pictures[old]
        return key

    async def begin(self, task: str, arguments: tuple[Any, ...], seconds: float, more: tuple[str, ...] = ()) -> str:
        """Start a run or a sweep; the oldest that is over is let go. Raises `HTTPException` where too many work."""
        if sum(not run.over for run in self.runs.values()) >= MOST_AT_ONCE:
            raise HTTPException(429, f"{MOST_AT_ONCE} runs are at work; stop one, or wait")
        over = [key for key, run in self.runs.items() if run.over]
        for key in over[: max(0, len(self.runs) + 1 - MOST_RUNS)]:
            self.runs.pop(key).close()
        key = secrets.token_urlsafe(8)
        self.runs[key] = worker = Worker(task, arguments, self.memory_bytes, seconds, more)
        try:
            await worker.start()
        except BaseException:
            self.runs.pop(key).close()
            raise
        return key

    def run(self, request: Request) -> Worker:
        """The run that a request names."""
        found = self.runs.get(request.path_params["key"])
        if found is None:
            raise HTTPException(404, "this run is no longer kept; run again")
        return found

    def close(self) -> None:
        """End all workers."""
        for worker in (*self.runs.values(), *self.short):
            worker.stop()


def plain_json(value: object) -> bytes:
    """JSON that is YAML too: letters beyond the first plane stand as they are, not as two halves."""
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


async def read_mapping(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises `HTTPException` where it is none, or too large."""
    body = await request.body()
    if len(body) > 2 * MAX_BYTES:
        raise HTTPException(413, f"a flowgraph has at most {MAX_BYTES} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "what was sent is no JSON") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "what was sent is no JSON object")
    return found
