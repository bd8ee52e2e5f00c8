"""Records of what a model was asked and what it answered: decisions can be explained, and taken again without it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.llm.client import Client, ModelUnavailable, Reply, Request


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question. A record is a file of these, one a line.

    Attributes:
        key: the hash of the request.
        request: what was asked. No key and no header is in it, and secrets were taken out before it was sent.
        reply: the answer; None where there was none.
        failure: why there was none.
    """

    key: str
    request: Request
    reply: Reply | None = None
    failure: str = ""


class Recorder:
    """A client that keeps what passes through it.

    Args:
        client: who answers.
        path: the file that exchanges are added to.
    """

    def __init__(self, client: Client, path: Path) -> None:
        self._client, self._path = client, path

    def complete(self, request: Request) -> Reply:
        """The client's answer.

        Raises:
            ModelUnavailable: the client gives none.
            EngineError: the record cannot be written.
        """
        try:
            reply = self._client.complete(request)
        except ModelUnavailable as error:
            self._add(Exchange(key=_key(request), request=request, failure=str(error)))
            raise
        self._add(Exchange(key=_key(request), request=request, reply=reply))
        return reply

    def _add(self, exchange: Exchange) -> None:
        writing = restating(OSError, "the record cannot be written", EngineError, file=str(self._path))
        with writing, self._path.open("ab") as file:
            file.write(msgspec.json.encode(exchange) + b"\n")


class Replay:
    """A client that answers from a record, and knows nothing else.

    Args:
        path: the record.

    Raises:
        InvalidInput: it cannot be read, or is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: dict[str, list[Exchange]] = {}
        with restating(OSError, "the record cannot be read", file=str(path)):
            lines = path.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            with restating((msgspec.DecodeError, UnicodeDecodeError), "this is no record", file=str(path), line=number):
                exchange = msgspec.json.decode(line, type=Exchange)
            self._answers.setdefault(exchange.key, []).append(exchange)

    def complete(self, request: Request) -> Reply:
        """What was answered to this request; where it was asked several times, one after the other.

        Raises:
            ModelUnavailable: there was no answer.
            InvalidInput: it was never asked.
        """
        answers = self._answers.get(_key(request), [])
        if not answers:
            raise InvalidInput(
                "the record has no answer to this question",
                file=str(self._path),
                hint="every input of the question must be the same as when it was recorded",
            )
        exchange = answers.pop(0) if len(answers) > 1 else answers[0]
        if exchange.reply is None:
            raise ModelUnavailable(exchange.failure)
        return exchange.reply


def _key(request: Request) -> str:
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()
