"""Any server that speaks OpenAI's protocol, through the package `openai`."""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

import stamina

from couler_plugins.errors import InvalidInput, restating
from couler_plugins.llm.access import Meter
from couler_plugins.llm.client import ModelUnavailable, Reply, Request

ATTEMPTS, PATIENCE, LONGEST_PAUSE = 4, 300.0, 30.0
WAIT = 0.5
"""Seconds before the second attempt; those before later ones grow."""
BYTES_A_TOKEN = 3
"""Of texts, at least: some four in English."""
TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
LOCAL = ("localhost", "127.0.0.1", "::1")
log = logging.getLogger(__name__)


class OpenAIClient:
    """One model on one server. The answer is constrained to the schema where the server can do that.

    Args:
        url: where the protocol is spoken, mostly ending with `/v1`; empty for what `OPENAI_BASE_URL` says, or OpenAI.
        model: its name.
        key_variable: the environment variable that holds the key.
        timeout: seconds that one answer may take.
        meter: counts what is used.

    Raises:
        InvalidInput: the package is missing, there is no key, or the URL holds credentials.
    """

    def __init__(self, url: str, model: str, key_variable: str, timeout: float, meter: Meter) -> None:
        with restating(ImportError, "openai is needed here", extra="tune"):
            import openai
        url = url or os.environ.get("OPENAI_BASE_URL", "")
        parts = urlsplit(url)
        more = parts.username is not None or parts.query or parts.fragment  # which is where people put keys
        if url and (more or parts.scheme not in ("http", "https") or not parts.hostname):
            raise InvalidInput(
                "this is no URL of a model's server", hint=f"https://host/v1, and the key in {key_variable}"
            )
        key = os.environ.get(key_variable, "")
        if not key and parts.hostname not in LOCAL:
            raise InvalidInput(f"there is no key in {key_variable}", hint="set it, or name another variable")
        self._client: Any = openai.OpenAI(
            base_url=url or None,
            api_key=key or "none",
            timeout=timeout,
            max_retries=0,
            # Nobody says when the last question was asked, so that a connection that is kept would never be closed.
            default_headers={"Connection": "close"},
            _strict_response_validation=False,
        )
        self._model, self._meter = model, meter
        self._structured = True
        self._retry = stamina.RetryingCaller(
            attempts=ATTEMPTS, timeout=PATIENCE, wait_initial=WAIT, wait_max=LONGEST_PAUSE
        )

    def complete(self, request: Request) -> Reply:
        """The answer to a request; asked again with growing pauses while that may help.

        Raises:
            ModelUnavailable: the server does not answer, or not in its protocol.
            InvalidInput: it lets nobody in, or does not know the model.
            BudgetReached: there is nothing left to ask for.
        """
        import openai

        try:
            return self._retry(_pause, self._once, request)
        except openai.APIStatusError as error:
            if error.status_code in TRANSIENT:
                raise ModelUnavailable(f"the model's server keeps answering {error.status_code}") from None
            hint = {401: "check the key", 403: "check the key", 404: "check the URL, and the name of the model"}
            raise InvalidInput(
                f"the model's server refuses: {error.status_code}", hint=hint.get(error.status_code)
            ) from None
        except openai.APIError as error:
            raise ModelUnavailable(f"the model's server does not answer: {type(error).__name__}") from None

    def _once(self, request: Request) -> Reply:
        import openai

        self._meter.call()
        options: dict[str, Any] = {}
        if self._structured:
            form = {"name": "answer", "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        try:
            answer = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": message.role, "content": message.content} for message in request.messages],
                seed=request.seed,
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                **options,
            )
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if not self._structured:
                raise
            log.info("the server does not know schemas; answers are checked only here")
            self._structured = False
            return self._once(request)
        reply = _read(answer, request)
        self._meter.count(reply)
        return reply


def _read(answer: Any, request: Request) -> Reply:
    """An answer, as far as it is one: servers that only claim the protocol send anything.

    Where one does not say how many tokens it took, they are estimated upwards, since a budget has to end.
    """
    usage = getattr(answer, "usage", None)
    choices = getattr(answer, "choices", None) or [None]
    text = getattr(getattr(choices[0], "message", None), "content", None)
    text = text if isinstance(text, str) else ""
    return Reply(
        text=text,
        model=str(getattr(answer, "model", "")),
        tokens_in=_count(getattr(usage, "prompt_tokens", 0), *(message.content for message in request.messages)),
        tokens_out=_count(getattr(usage, "completion_tokens", 0), text),
    )


def _count(count: object, *texts: str) -> int:
    if isinstance(count, int) and count > 0:
        return count
    return sum(len(text.encode()) // BYTES_A_TOKEN + 1 for text in texts)


def _pause(error: Exception) -> bool | float:
    """Whether an attempt is worth another one; the seconds to wait before where the server says."""
    import openai

    if isinstance(error, openai.APIStatusError):
        seconds = error.response.headers.get("Retry-After", "")
        wait = min(float(seconds), LONGEST_PAUSE) if seconds.isascii() and seconds.isdigit() else True
        return wait if error.status_code in TRANSIENT else False
    return isinstance(error, openai.APIConnectionError)
