"""What engines tell of past runs, read as records; what is none is refused, and no value of it is repeated."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, TypeVar

import msgspec

from couler_plugins.errors import InvalidInput

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
            # Its message names the kinds of what was found and wanted, and where: none of the values.
            reason = re.sub(r"\s+", " ", str(error))[:200]
            message = f"this is not a history of {self.who}: {reason}"
            raise InvalidInput(message, engine=self.engine, hint=self.hint) from None
