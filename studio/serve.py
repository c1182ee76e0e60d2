"""The studio's server on this computer."""

import atexit
import os
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from linksim.errors import LinksimError
from linksim.studio.app import studio_app
from linksim.studio.guard import address
from linksim.studio.sessions import Studio

LOOPBACK = "127.0.0.1"
SECRET_BYTES = 24


def serve(port: int, memory_bytes: int, run_seconds: float, open_browser: bool, say: Callable[[str], None]) -> None:
    """Serve the page on loopback until it is interrupted; `say` is told its address. Port 0 is a free one. Sweeps are
    kept in the current folder.

    Raises `LinksimError` where the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        raise LinksimError(f"cannot listen on port {port}: {error.strerror}; choose another with --port") from None
    port, token = listening.getsockname()[1], secrets.token_urlsafe(SECRET_BYTES)
    studio = Studio(memory_bytes, run_seconds, Path.cwd().resolve())

    def ready() -> None:
        say(address(port, token))
        if open_browser:
            _open(address(port, token))

    application = studio_app(studio, token, port)
    settings = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False,
                              date_header=False, timeout_graceful_shutdown=1)  # fmt: skip
    _Server(settings, studio, ready).run([listening])


class _Server(uvicorn.Server):
    """Says when it answers. Ends the workers first: what waits for them is answered, and nothing is left to be cut
    off."""

    def __init__(self, settings: uvicorn.Config, studio: Studio, ready: Callable[[], None]) -> None:
        super().__init__(settings)
        self._studio, self._ready = studio, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._studio.close()
        super().handle_exit(sig, frame)


def _open(page: str) -> None:
    """By a file that only this user can read: the token must not stand among the arguments of a program, which all
    users of the computer can see."""
    handle, name = tempfile.mkstemp(prefix="linksim-studio-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(
            f'<!doctype html><meta http-equiv="refresh" content="0;url={page}"><a href="{page}">linksim studio</a>'
        )
    atexit.register(Path(name).unlink, missing_ok=True)
    threading.Thread(target=webbrowser.open, args=[Path(name).as_uri()], daemon=True).start()
