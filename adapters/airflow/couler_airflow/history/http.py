"""Calls of Airflow's API over HTTP: who asks, how long, how often, and how much is taken for an answer."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

import msgspec
import stamina

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.options import Size

__all__ = ["TOKEN", "URL", "Client"]

URL, TOKEN = "COULER_AIRFLOW_URL", "COULER_AIRFLOW_TOKEN"
USERNAME, PASSWORD = "COULER_AIRFLOW_USERNAME", "COULER_AIRFLOW_PASSWORD"
CREDENTIALS = f"set {TOKEN}, or {USERNAME} and {PASSWORD}"
PROXY = "is it Airflow 3's API server that answers there, or something before it?"
SILENCE = 30.0  # seconds to connect, and between two pieces of an answer
PATIENCE = 120.0  # seconds that one answer may take, and seconds to go on trying
LONGEST_PAUSE = 30.0  # seconds that a server may ask us to wait
ATTEMPTS = 6
PIECE = 1 << 16
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
RETRIES = stamina.RetryingCaller(attempts=ATTEMPTS, wait_initial=0.1, timeout=PATIENCE)
log = logging.getLogger(__name__)


class Client:
    """One API server, asked as whoever the environment says. Neither credentials nor answers are in any message.

    Args:
        url: where it is, with the prefix that its UI has.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, or it holds credentials.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._url = _checked(url)
        self._max_bytes = max_bytes
        self._opener: OpenerDirector = build_opener(_NoRedirects)
        self._token = ""

    def get(self, *path: str, **query: Any) -> Any:
        """The answer to a question.

        Args:
            *path: the parts of the path below `/api/v2`, as they are: they are quoted here.
            **query: parameters; a list is given several times.

        Raises:
            InvalidInput: nobody is let in, or there is no such thing.
            EngineError: the server refuses, does not answer, or not in JSON.
        """
        self._token = self._token or self._signed_in()
        address = f"/api/v2/{'/'.join(quote(part, safe='~') for part in path)}"
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return self._asked("GET", address + asked, f"look at {address}", {"Authorization": f"Bearer {self._token}"})

    def _signed_in(self) -> str:
        """A token: the environment's, one for its user name and password, or one for anybody where that is allowed."""
        if token := os.environ.get(TOKEN):
            if not token.isascii() or not token.isprintable():
                raise InvalidInput(f"{TOKEN} is no token", engine="airflow", hint="it has characters that none has")
            return token
        user, password = os.environ.get(USERNAME), os.environ.get(PASSWORD)
        body = {"username": user, "password": password} if user and password else None
        answer = self._asked("GET" if body is None else "POST", "/auth/token", "sign in", {}, body)
        found = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(found, str) or not found.isascii() or not found.isprintable():
            raise EngineError("the answer to signing in holds no token", engine="airflow", hint=PROXY)
        return found

    def _asked(
        self, method: str, address: str, what: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + address, data, dict(headers), method=method)  # noqa: S310  # its scheme is checked
        request.add_header("Accept", "application/json")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            return RETRIES(_pause, self._answer, request)
        except HTTPError as error:
            error.close()
            raise _refusal(error.code, what) from None  # what it holds may quote what was sent
        except (msgspec.DecodeError, RecursionError):
            raise EngineError(f"the answer is no JSON ({what})", engine="airflow", hint=PROXY) from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            name = reason if isinstance(reason, str) else type(reason).__name__
            message = f"Airflow's API does not answer ({what}): {name}"
            raise EngineError(message, engine="airflow", hint="is it reachable from here?") from None

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
                message = f"an answer of Airflow's API has more than {Size(self._max_bytes)}"
                raise EngineError(message, engine="airflow", hint="allow more with --max-bytes")
            if time.monotonic() > until:
                raise TimeoutError
        return b"".join(pieces)


class _NoRedirects(HTTPRedirectHandler):
    """Follows none: the token would go along, to wherever an answer says."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _checked(url: str) -> str:
    hint = "give it as https://airflow.example.com"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("this is no URL of Airflow's API", engine="airflow", hint=hint) from error
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("the URL of Airflow's API holds credentials", engine="airflow", hint=CREDENTIALS)
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise InvalidInput("this is no URL of Airflow's API", engine="airflow", hint=hint)
    if parts.query or parts.fragment:
        raise InvalidInput("the URL of Airflow's API has a query or a fragment", engine="airflow", hint=hint)
    return url.rstrip("/").removesuffix("/api/v2")


def _refusal(status: int, what: str) -> EngineError | InvalidInput:
    message = f"Airflow's API refuses to {what}: {status}"
    if status in (401, 403) or (what == "sign in" and status in (400, 404, 405, 422)):
        hint = f"{CREDENTIALS}, of somebody who may read DAGs, their runs, task instances and XComs"
        return InvalidInput(message, engine="airflow", hint=hint)
    if status == 404:
        return InvalidInput(message, engine="airflow", hint="there is no such DAG, or it is no API server of Airflow 3")
    if 300 <= status < 400:
        return EngineError(message, engine="airflow", hint="it is somewhere else: give the URL that it leads to")
    return EngineError(message, engine="airflow", hint="see the log of the API server" if status >= 500 else PROXY)


def _pause(error: Exception) -> bool | float:
    """Whether an attempt is worth another one; the seconds to wait before where the server says."""
    if isinstance(error, HTTPError):
        log.info("Airflow's API answers %s", error.code)
        asked = error.headers.get("Retry-After", "") if error.headers else ""
        wait = min(float(asked), LONGEST_PAUSE) if asked.isascii() and asked.isdigit() else True
        return wait if error.code in TRANSIENT else False
    return isinstance(error, (OSError, HTTPException))
