"""Who may speak to the studio: its own page, opened with the token, from this computer."""

import hmac
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 32 << 20
TOKEN_HEADER = b"x-linksim-token"
HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip
"""No other site shows the page or loads from it, and the address with the token goes nowhere."""


class Guard:
    """Lets a request through where its Host is this server, its Origin is the page, its token is right and its body
    is not too large.

    A page of another site can make the browser send a request here: it cannot set the token's header, and its Origin
    is its own. A name that somebody points at 127.0.0.1 is refused by the Host.

    Args:
        app: what the requests are for.
        token: the secret that stands in the page's address. Static files of the bundle need none.
        port: where the server listens.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode(), f"[::1]:{port}".encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal is not None:
            status, said = refusal
            return await PlainTextResponse(said, status)(scope, receive, _with_headers(send))
        return await self._app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, None where the request may pass."""
        headers = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "this is linksim's studio; open it under 127.0.0.1"
        origin = next((value for name, value in headers if name == b"origin"), None)
        if origin is not None and origin not in {b"http://" + host for host in self._hosts}:
            return 403, "only the studio's own page may ask"
        if not scope["path"].startswith("/static/") and not self._knows(scope):
            return 401, "the token is missing or wrong; open the address that linksim studio printed"
        return _too_large(headers)

    def _knows(self, scope: Scope) -> bool:
        """The page itself has the token in its address; what the page asks for has it in a header."""
        given = next((value for name, value in scope["headers"] if name == TOKEN_HEADER), b"")
        if scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0].encode()
        return hmac.compare_digest(given, self._token.encode())


def _too_large(headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return 413, f"at most {MAX_BODY_BYTES >> 20} MB can be sent"
    return None


def _bounded(receive: Receive) -> Receive:
    """A body that does not say its length is cut off as well."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            return {"type": "http.disconnect"}
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *HEADERS]
        await send(message)

    return sending


def address(port: int, token: str) -> str:
    """Where the page is opened."""
    return f"http://127.0.0.1:{port}/?token={token}"
