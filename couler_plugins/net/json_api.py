"""Calls of an engine's API over HTTP: how long, how often, and how much is taken for an answer."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

import msgspec
import stamina

from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.options.fields import Size

SILENCE = 30.0  # seconds to connect, and between two pieces of an answer
PATIENCE = 120.0  # seconds that one answer may take, and seconds to go on trying
LONGEST_PAUSE = 30.0  # seconds that a server may ask us to wait
ATTEMPTS = 6
PIECE = 1 << 16
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
RETRIES = stamina.RetryingCaller(attempts=ATTEMPTS, wait_initial=0.1, timeout=PATIENCE)
log = logging.getLogger(__name__)


class Server(NamedTuple):
    """Which API is asked, for messages.

    Attributes:
        engine: the engine's name.
        name: what its API is called, such as `Airflow's API`.
        example: how its URL is given.
        suffix: what people leave at the end of its URL that is no part of it.
        credentials: which variables say who asks.
        doubt: what to check where the answer is none of its answers.
        refusal: the error for a status, and for what was asked.
    """

    engine: str
    name: str
    example: str
    suffix: str
    credentials: str
    doubt: str
    refusal: Callable[[int, str], CoulerError]


def bearer(variable: str, engine: str | None = None) -> dict[str, str]:
    """The header of whose token is in the environment; none where there is no token.

    Raises:
        InvalidInput: that is no token.
    """
    token = os.environ.get(variable, "").strip().removeprefix("Bearer ")
    if not token.isascii() or not (token.isprintable() or not token):
        raise InvalidInput(f"{variable} is no token", engine=engine, hint="it has characters that none has")
    return {"Authorization": f"Bearer {token}"} if token else {}


def refusals(
    engine: str, name: str, *, rights: str, missing: str, broken: str, doubt: str
) -> Callable[[int, str], CoulerError]:
    """What statuses of an API are to people, with a hint for each kind."""

    def refusal(status: int, what: str) -> CoulerError:
        message = f"{name} refuses to {what}: {status}"
        if status in (401, 403):
            return InvalidInput(message, engine=engine, hint=rights)
        if status == 404:
            return InvalidInput(message, engine=engine, hint=missing)
        if 300 <= status < 400:
            hint = "it is somewhere else, or wants somebody to sign in: give the URL that it leads to"
            return EngineError(message, engine=engine, hint=hint)
        return EngineError(message, engine=engine, hint=broken if status >= 500 else doubt)

    return refusal


def object_of(answer: Any, server: Server) -> Mapping[str, Any]:
    """An answer that has to be an object.

    Raises:
        EngineError: it is something else.
    """
    if not isinstance(answer, Mapping):
        message = f"{server.name} answers with a {type(answer).__name__} instead of an object"
        raise EngineError(message, engine=server.engine, hint=server.doubt)
    return answer


def objects_in(answer: Any, name: str, server: Server, *, sparse: bool = False) -> list[Mapping[str, Any]]:
    """The objects in a list of an answer.

    Args:
        answer: the answer.
        name: of the list.
        server: whose answer it is.
        sparse: whether a list that is empty may be left out.

    Raises:
        EngineError: it is no list of objects.
    """
    items = object_of(answer, server).get(name)
    items = [] if items is None and sparse else items
    if not isinstance(items, list):
        raise EngineError(f"{server.name} answers without a list of {name}", engine=server.engine, hint=server.doubt)
    return [object_of(item, server) for item in items]


class JsonApi:
    """One server. Neither credentials nor answers are in any message.

    Args:
        server: which API it is.
        url: where it is, with the prefix that its UI has.
        max_bytes: the most bytes of one answer.
        headers: what `get` sends along, such as the token.

    Raises:
        InvalidInput: that is no URL, or it holds credentials.
    """

    def __init__(self, server: Server, url: str, max_bytes: int, headers: Mapping[str, str] | None = None) -> None:
        self._server = server
        self._url = _checked(server, url)
        self._max_bytes = max_bytes
        self._headers = headers or {}
        self._opener: OpenerDirector = build_opener(_NoRedirects)

    def get(self, *path: str, **query: Any) -> Any:
        """The answer to a question, as `ask` gives it.

        Args:
            *path: the parts of the path below what all paths of this API begin with, as they are: they are quoted here.
            **query: parameters.
        """
        address = f"{self._server.suffix}/{'/'.join(quote(part, safe='') for part in path)}"
        parameters = f"?{urlencode(query)}" if query else ""
        return self.ask("GET", address + parameters, f"look at {address}", self._headers)

    def ask(
        self,
        method: str,
        address: str,
        what: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | str | None = None,
    ) -> Any:
        """The answer to a question, tried again while that may help.

        Args:
            method: of HTTP.
            address: what follows the URL, quoted.
            what: what is asked for, in half a sentence.
            headers: beside those that say what is sent and wanted.
            body: what is sent along: JSON, or a text that is a form, URL-encoded.

        Raises:
            InvalidInput: nobody is let in, or there is no such thing.
            EngineError: the server refuses, does not answer, or not in JSON.
        """
        server = self._server
        text, kind = (body, "x-www-form-urlencoded") if isinstance(body, str) else (json.dumps(body), "json")
        data = None if body is None else text.encode()
        request = Request(self._url + address, data, dict(headers), method=method)  # noqa: S310  # its scheme is checked
        request.add_header("Accept", "application/json")
        if data is not None:
            request.add_header("Content-Type", f"application/{kind}")
        try:
            return RETRIES(_pause, self._answer, request)
        except HTTPError as error:
            error.close()
            raise server.refusal(error.code, what) from None  # what it holds may quote what was sent
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise EngineError(f"the answer is no JSON ({what})", engine=server.engine, hint=server.doubt) from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            name = reason if isinstance(reason, str) else type(reason).__name__
            message = f"{server.name} does not answer ({what}): {name}"
            raise EngineError(message, engine=server.engine, hint="is it reachable from here?") from None

    def _answer(self, request: Request) -> Any:
        with self._opener.open(request, timeout=SILENCE) as response:
            return msgspec.json.decode(self._read(response))

    def _read(self, response: HTTPResponse) -> bytes:
        until = time.monotonic() + PATIENCE
        pieces, size = [], 0
        while piece := response.read1(PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._max_bytes:
                message = f"an answer of {self._server.name} has more than {Size(self._max_bytes)}"
                raise EngineError(message, engine=self._server.engine, hint="allow more with --max-bytes")
            if time.monotonic() > until:
                raise TimeoutError
        return b"".join(pieces)


class _NoRedirects(HTTPRedirectHandler):
    """Follows none: the token would go along, to wherever an answer says."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _checked(server: Server, url: str) -> str:
    engine, hint = server.engine, f"give it as {server.example}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"this is no URL of {server.name}", engine=engine, hint=hint) from error
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"the URL of {server.name} holds credentials", engine=engine, hint=server.credentials)
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise InvalidInput(f"this is no URL of {server.name}", engine=engine, hint=hint)
    if parts.query or parts.fragment:
        raise InvalidInput(f"the URL of {server.name} has a query or a fragment", engine=engine, hint=hint)
    return url.rstrip("/").removesuffix(server.suffix)


def _pause(error: Exception) -> bool | float:
    """Whether an attempt is worth another one; the seconds to wait before where the server says."""
    if isinstance(error, HTTPError):
        log.info("the API answers %s", error.code)
        seconds = error.headers.get("Retry-After", "") if error.headers else ""
        wait = min(float(seconds), LONGEST_PAUSE) if seconds.isascii() and seconds.isdigit() else True
        return wait if error.code in TRANSIENT else False
    return isinstance(error, (OSError, HTTPException))
