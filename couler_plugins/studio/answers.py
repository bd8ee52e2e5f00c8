"""Answers in JSON, and refusals with their status."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.studio.files import Conflict, Forbidden
from couler_plugins.studio.problems import problem_of
from couler_plugins.studio.state_messages import Problem

JSON = "application/json"


class NotFound(InvalidInput):
    """Something that the studio does not have, or no more."""


def answer(message: object, status: int = 200) -> Response:
    """Return a message as an answer."""
    return Response(msgspec.json.encode(message), status, media_type=JSON)


def refusal(status: int, message: str, hint: str = "") -> Response:
    """Return why a request is refused, as an answer."""
    return answer(Problem(message=message, hint=hint), status)


def refusal_of(error: CoulerError) -> Response:
    """Return an error as an answer, with the status of its kind."""
    kinds = ((Forbidden, 403), (NotFound, 404), (Conflict, 409), (EngineError, 502))
    status = next((code for kind, code in kinds if isinstance(error, kind)), 422)
    return answer(problem_of(error), status)
