"""Who may talk to the studio: a token, the page's own origin, a known host; and what a browser may do with its page."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from couler_plugins.studio.answers import refusal

LARGEST = 8 * 2**20
"""Bytes of one request: the largest that the page sends is a description, or many actions."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Refuse what does not come from the page of this studio, before anything looks at it.

    Args:
        app: what answers the rest.
        token: the secret of this start, which the page has from its address.
        hosts: the names, with ports, under which the studio is reached: others are those of somebody who lets a name of
            theirs lead here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    headers[name] = text
            await send(message)

        refused = self._refusal(Headers(scope=scope), scope["path"])
        if refused is not None:
            await refusal(*refused)(scope, receive, send_with_headers)
            return
        await self._app(scope, _limited(receive), send_with_headers)

    def _refusal(self, headers: Headers, path: str) -> tuple[int, str, str] | None:
        """The status, what is wrong and what to do; None for a request that may pass."""
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return 403, f"{host!r} is not the host of this studio", "open the address that `couler studio` prints"
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) != host:
            return 403, "another site asks", "open the address that `couler studio` prints"
        if not path.startswith("/api/"):  # the page holds nothing secret; a link to it may stand anywhere
            return None
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "another site asks", "open the address that `couler studio` prints"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            return 401, "the token is missing or wrong", "open the address that `couler studio` prints"
        if int(headers.get("content-length") or 0) > LARGEST:
            return 413, f"the request is larger than {LARGEST:,} bytes", "send less at a time"
        return None


def _host_of(origin: str) -> str:
    """The host of an origin, with its port; empty where it has none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class TooLarge(Exception):
    """A request that is larger than it said, or than may be."""


def _limited(receive: Receive) -> Receive:
    """Receive a body of at most the bytes that one may have."""
    size = 0

    async def receive_part() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST:
            raise TooLarge
        return message

    return receive_part
