"""What engines tell of past runs, read as records; what is none is refused, and no value of it is repeated.

Runs in documents of no engine: histories, what the engine in this process writes, traces of WfFormat and Nextflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from couler_plugins.documents import Document
from couler_plugins.errors import InvalidInput
from couler_plugins.runs.history_file import checked, identity, problem_of, read_lines
from couler_plugins.runs.nextflow import is_trace, read_trace
from couler_plugins.runs.run import Run
from couler_plugins.runs.wfformat import run_of_wfformat

T = TypeVar("T")


class HistoryFormat(NamedTuple):
    """Documents of one engine's history.

    Attributes:
        engine: its name in our options.
        who: its name in messages.
        schema: what such a document calls itself, with its version behind a slash.
        hint: where to take one from.
    """

    engine: str
    who: str
    schema: str
    hint: str

    def is_meant(self, schema: Any) -> bool:
        """Whether a document that calls itself so is one of these.

        Raises:
            InvalidInput: it is, in a version that is not known.
        """
        if not isinstance(schema, str) or not schema.startswith(self.schema.partition("/")[0] + "/"):
            return False
        if schema != self.schema:
            message = f"this is {schema:.80}, and only {self.schema} is known"
            raise InvalidInput(message, engine=self.engine, hint=self.hint)
        return True

    def believed(self, data: Any, kind: type[T]) -> T:
        """The data as records of ours, what these have no field for left out.

        Raises:
            InvalidInput: a field that we read is not what the engine writes.
        """
        try:
            return msgspec.convert(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            message = f"this is not a history of {self.who}: {problem_of(error)}"
            raise InvalidInput(message, engine=self.engine, hint=self.hint) from None


SCHEMA = "couler.runs/v1"


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    runs: tuple[Run, ...]


def document_of(runs: Iterable[Run]) -> dict[str, Any]:
    """The data of a document of these runs."""
    document: dict[str, Any] = msgspec.to_builtins(_Document(SCHEMA, tuple(runs)))
    return document


def recorded_runs(data: Any) -> list[Run]:
    """The runs of a document; none where it is another's.

    Raises:
        InvalidInput: it claims to be one, and is not.
    """
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        return []
    try:
        return [checked(run) for run in msgspec.convert(data, _Document).runs]
    except (msgspec.ValidationError, RecursionError) as error:
        reason = problem_of(error)
    except InvalidInput as error:
        reason = error.message
    raise InvalidInput(f"this is no history of runs: {reason}", hint="take it from the folder of `couler run --local`")


def runs_in_document(document: Document) -> list[Run]:
    """The runs that a document of no engine tells of; none where it is something else.

    Raises:
        InvalidInput: it is one of these, and cannot be read.
    """
    if document.data is not None:
        run = run_of_wfformat(document.data, document.file)
        return recorded_runs(document.data) if run is None else [run]
    if is_trace(document.text):
        return [read_trace(document.text, document.file)]
    if document.index or not (document.file.endswith(".jsonl") or document.text.startswith("{")):
        return []
    lines = read_lines(document.text.encode(errors="surrogateescape"), document.file)
    # Of a run that is there twice, as in histories that were put together, the later line counts.
    return list({identity(run, content): run for content, run in lines if run is not None}.values())
