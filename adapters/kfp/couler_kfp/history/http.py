"""Who asks KFP's API over HTTP."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlencode

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net.json_api import JsonApi, Server

__all__ = ["DOUBT", "TOKEN", "URL", "Client"]

URL, TOKEN = "COULER_KFP_URL", "COULER_KFP_TOKEN"
ROOT = "/apis/v2beta1"
DOUBT = "is it the API server of KFP 2 that answers there, or something before it?"


class Client:
    """One API server, asked with the environment's token, where it has one.

    Args:
        url: where it is; `https://host/pipeline` behind Kubeflow's gateway.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, or it holds credentials; or the token is none.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._api = JsonApi(SERVER, url, max_bytes)
        token = os.environ.get(TOKEN, "")
        if not token.isascii() or not (token.isprintable() or not token):
            raise InvalidInput(f"{TOKEN} is no token", engine="kfp", hint="it has characters that none has")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, *path: str, **query: Any) -> Any:
        """The answer to a question.

        Args:
            *path: the parts of the path below `/apis/v2beta1`, as they are: they are quoted here.
            **query: parameters.

        Raises:
            InvalidInput: nobody is let in, or there is no such thing.
            EngineError: the server refuses, does not answer, or not in JSON.
        """
        address = f"{ROOT}/{'/'.join(quote(part, safe='') for part in path)}"
        parameters = f"?{urlencode(query)}" if query else ""
        return self._api.ask("GET", address + parameters, f"look at {address}", self._headers)


def _refusal(status: int, what: str) -> EngineError | InvalidInput:
    message = f"KFP's API refuses to {what}: {status}"
    if status in (401, 403):
        hint = f"set {TOKEN} to a token of somebody who may read pipelines and runs"
        return InvalidInput(message, engine="kfp", hint=hint)
    if status == 404:
        return InvalidInput(message, engine="kfp", hint="there is no such pipeline, or it is no API server of KFP 2")
    if 300 <= status < 400:
        hint = "it is somewhere else, or wants somebody to sign in: give the URL that it leads to"
        return EngineError(message, engine="kfp", hint=hint)
    return EngineError(message, engine="kfp", hint="see the log of ml-pipeline" if status >= 500 else DOUBT)


SERVER = Server(
    engine="kfp",
    name="KFP's API",
    example="https://kubeflow.example.com/pipeline",
    suffix=ROOT,
    credentials=f"set {TOKEN}",
    doubt=DOUBT,
    refusal=_refusal,
)
