"""The studio's server on this computer."""

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from linksim.errors import LinksimError
from linksim.studio.app import studio_app
from linksim.studio.guard import address

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
        # From now on a browser waits instead of being refused.
        listening.listen()
    except OSError as error:
        raise LinksimError(f"cannot listen on port {port}: {error.strerror}; choose another with --port") from None
    port, token = listening.getsockname()[1], secrets.token_urlsafe(SECRET_BYTES)
    application = studio_app(token, port, memory_bytes, run_seconds, Path.cwd())
    say(address(port, token))
    if open_browser:
        threading.Timer(1.0, webbrowser.open, [address(port, token)]).start()
    settings = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False,
                              date_header=False, timeout_graceful_shutdown=1)  # fmt: skip
    uvicorn.Server(settings).run([listening])
