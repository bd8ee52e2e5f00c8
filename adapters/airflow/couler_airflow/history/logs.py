"""Why tries failed, from their logs: Airflow itself keeps no exception of a try.

Entries are as `/logs/TRY` of the API has them. What a worker logs of a failure (`task_runner` of the Task SDK) has the
exceptions in `error_detail`, the one that was raised first and what caused it behind it; of a worker that died, the
supervisor logs the signal. Sources: `ExceptionDictTransformer` of structlog; `supervisor.py` of the Task SDK.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from couler_airflow.history.records import Instance
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net.redacting import redact
from couler_plugins.runs.usage import message_of

MOST = 100
"""Logs that are read of the runs of a DAG: those of the newest tries that failed."""
FAILED = ("failed", "up_for_retry")
log = logging.getLogger(__name__)


def with_reasons(instances: Sequence[Instance], entries_of: Callable[[Instance], Any]) -> list[Instance]:
    """The same instances and tries; those that failed with the exception that their log has.

    Exceptions are told by their class: their texts may hold values.

    Args:
        instances: the newest first.
        entries_of: reads the log of one.
    """
    result = list(instances)
    for place in [place for place, item in enumerate(result) if item.state in FAILED][:MOST]:
        try:
            reason, message = failure_in(entries_of(result[place]))
        except InvalidInput:  # the log is gone, or not for us to read
            continue
        except EngineError as error:
            log.warning("logs of tries are not read: %s", error.message)
            break
        result[place] = replace(result[place], reason=reason, message=message)
    return result


def failure_in(entries: Any) -> tuple[str, str]:
    """The class of the exception that ended a try, or the signal that ended its worker with what is said of it."""
    for entry in reversed(entries if isinstance(entries, list) else []):
        detail = entry.get("error_detail") if isinstance(entry, Mapping) else None
        if isinstance(detail, list) and detail and isinstance(detail[0], Mapping):
            return str(detail[0].get("exc_type") or ""), ""
        if isinstance(entry, Mapping) and entry.get("signal_name"):
            return str(entry["signal_name"]), message_of(entry.get("event"))
    return "", ""


def lines_in(entries: Any) -> Iterator[str]:
    """What people read of a log, without what tells its groups; exceptions are in one line, and nothing is secret."""
    for entry in entries if isinstance(entries, list) else []:
        said = entry if isinstance(entry, Mapping) else {"event": entry}
        text = str(said.get("event") or "")
        if not text.startswith("::"):
            yield from map(redact, text.splitlines())
        detail = said.get("error_detail")
        for item in detail if isinstance(detail, list) else []:
            if isinstance(item, Mapping):
                yield message_of(f"{item.get('exc_type')}: {item.get('exc_value')}")
