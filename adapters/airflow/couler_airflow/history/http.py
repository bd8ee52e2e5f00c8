"""Who asks Airflow's API over HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net.json_api import JsonApi, Server

__all__ = ["TOKEN", "URL", "Client"]

URL, TOKEN = "COULER_AIRFLOW_URL", "COULER_AIRFLOW_TOKEN"
USERNAME, PASSWORD = "COULER_AIRFLOW_USERNAME", "COULER_AIRFLOW_PASSWORD"
CREDENTIALS = f"set {TOKEN}, or {USERNAME} and {PASSWORD}"
PROXY = "check that the URL is that of Airflow 3's API server, and not of a proxy"


class Client:
    """One API server, asked as whoever the environment says. Neither credentials nor answers are in any message.

    Args:
        url: where it is, with the prefix that its UI has.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, or it holds credentials.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._api = JsonApi(SERVER, url, max_bytes)
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
        parameters = f"?{urlencode(query, doseq=True)}" if query else ""
        return self._api.ask(
            "GET", address + parameters, f"look at {address}", {"Authorization": f"Bearer {self._token}"}
        )

    def _signed_in(self) -> str:
        """A token: the environment's, one for its user name and password, or one for anybody where that is allowed."""
        if token := os.environ.get(TOKEN):
            if not token.isascii() or not token.isprintable():
                raise InvalidInput(f"{TOKEN} is no token", engine="airflow", hint="it has characters that none has")
            return token
        user, password = os.environ.get(USERNAME), os.environ.get(PASSWORD)
        body = {"username": user, "password": password} if user and password else None
        answer = self._api.ask("GET" if body is None else "POST", "/auth/token", "sign in", {}, body)
        result = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(result, str) or not result.isascii() or not result.isprintable():
            raise EngineError("the answer to signing in holds no token", engine="airflow", hint=PROXY)
        return result


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


SERVER = Server(
    engine="airflow",
    name="Airflow's API",
    example="https://airflow.example.com",
    suffix="/api/v2",
    credentials=CREDENTIALS,
    doubt=PROXY,
    refusal=_refusal,
)
