"""Worker processes of the studio: one for each task, held to a time, ended when nobody needs them."""

import asyncio
import multiprocessing
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncIterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from linksim.studio.tasks import work

PRELOADED = "linksim.studio.preloaded"
TABLE = "table"
"""Of the news of a sweep."""
ENDED = "error"
"""Of the last message of a task that went wrong; "done" is that of one that did not."""


class Worker:
    """One task in a process of its own, once it is started.

    Messages are kept, so that a page that is loaded again hears them all.

    Args:
        task: a name that `linksim.studio.tasks.work` knows.
        arguments: what the task is given.
        memory_bytes: of its own that the process may hold.
        limit_s: after so many seconds without an end the process is stopped.
        more: files and folders that the process may read, and keep databases in.
    """

    def __init__(
        self, task: str, arguments: tuple[Any, ...], memory_bytes: int, limit_s: float, more: tuple[str, ...] = ()
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self._asking = asyncio.Lock()
        self._limit_s = limit_s
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._folder = tempfile.mkdtemp(prefix="linksim-studio-")
        context = _context()
        self._channel, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(theirs, task, arguments, self._folder, memory_bytes, more), daemon=True
        )
        self._theirs = theirs
        self._watchdog: asyncio.TimerHandle | None = None

    async def start(self) -> "Worker":
        """Begin. The first worker waits until linksim is loaded; the server answers others meanwhile."""
        await asyncio.to_thread(_start, self._process)
        self._theirs.close()
        if self.over:
            # Stopped before it began.
            self._process.kill()
        self._watchdog = self._loop.call_later(self._limit_s, self._too_long)
        threading.Thread(target=self._listen, args=(self._channel,), daemon=True).start()
        return self

    @property
    def over(self) -> bool:
        """Whether the task has come to its end, well or not. A run's process lives on and answers questions."""
        return bool(self.messages) and self.messages[-1]["event"] in ("done", ENDED)

    def _listen(self, channel: Connection) -> None:
        """In a thread: hand on what the process says."""
        while True:
            try:
                message: dict[str, Any] | None = channel.recv()
            except (EOFError, OSError):
                message = None
            try:
                self._loop.call_soon_threadsafe(self._hear, message)
            except RuntimeError:
                # The server has ended.
                return
            if message is None:
                return

    def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None:
            if not self.over:
                self._end(f"the worker ended before its task did (exit status {self._process.exitcode})")
            self._reply({"event": "wire", "message": "the worker that held this run has ended; run again"})
        elif message["event"] == "wire":
            self._reply(message)
        elif not self.over:
            if message["event"] == TABLE and self.messages and self.messages[-1]["event"] == TABLE:
                # Only the newest one is of use.
                self.messages.pop()
            self.messages.append(message)
        if self.over:
            self._unwatch()
        self._news.set()

    def _unwatch(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _reply(self, message: dict[str, Any]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    def _end(self, said: str) -> None:
        self.messages.append({"event": ENDED, "block": "", "error": "Stopped", "message": said})
        self._news.set()

    def _too_long(self) -> None:
        if not self.over:
            self._end(f"stopped after {self._limit_s:g} s; start linksim studio with more --minutes")
            self.close()

    def stop(self) -> None:
        """At the user's wish."""
        if not self.over:
            self._end("stopped")
        self.close()

    def close(self) -> None:
        """End the process and remove its folder. What it has said stays."""
        self._unwatch()
        if self._process.pid is not None:
            # The end of the process closes the channel, which ends the thread that listens.
            self._process.kill()
        else:
            self._channel.close()
            self._theirs.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def result(self) -> dict[str, Any]:
        """The last message of the task."""
        async for message in self.follow(0):
            if message["event"] in ("done", ENDED):
                return message
        raise AssertionError

    async def follow(self, first: int) -> AsyncIterator[dict[str, Any]]:
        """The messages from number `first` on, until the task ends. A table may be passed over for a newer one."""
        told: dict[str, Any] | None = None
        while True:
            self._news.clear()
            while first < len(self.messages) or (told is not None and told is not self.messages[first - 1]):
                first += first < len(self.messages)
                told = self.messages[first - 1]
                yield told
            if self.over:
                return
            await self._news.wait()

    async def wire(self, path: str, frame: int) -> dict[str, Any]:
        """What crossed a wire of a run, in one frame."""
        async with self._asking:
            self._answer = self._loop.create_future()
            try:
                self._channel.send((path, frame))
            except OSError:
                return {"event": "wire", "message": "the worker that held this run has ended; run again"}
            return await self._answer


def _start(process: Any) -> None:
    """Ctrl-C reaches all processes of a terminal, and the server ends its workers itself: what is begun here never
    hears of it, nor does the server of the forks."""
    # It unblocks the signal when it is begun.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> Any:
    """A server process has linksim loaded and forks a worker in milliseconds; it has no threads that a fork would
    break. Where a system has none, each worker loads linksim anew."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([PRELOADED])
    return context
