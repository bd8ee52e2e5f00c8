"""How `optimize` and `convert` end: results are written, records printed, people told, and the exit code chosen."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from couler_plugins.api import Result
from couler_plugins.cli.messages import nothing_in
from couler_plugins.cli.outputs import Destination, write_result
from couler_plugins.cli.records import file_record, print_json
from couler_plugins.cli.work import refused_exit, report_exit, say_refused, say_unchanged
from couler_plugins.sources import Input

__all__ = ["finish"]

log = logging.getLogger(__name__)


def finish(
    result: Result,
    destination: Destination | None,
    *,
    schema: str,
    records: Sequence[str] | None,
    checked: Sequence[Input] | None = None,
) -> int:
    """Writes a result and reports on it.

    Args:
        result: what to write.
        destination: where to; None to write nothing.
        schema: the schema of the records.
        records: the fields of the records to print; None to print none.
        checked: the files of a call that only checks: a change is a reason to exit with 1. None for other calls.

    Returns:
        The exit code.
    """
    result = result if destination is None else result.to_write()
    written = write_result(result, destination) if destination is not None else []
    for path in written:
        log.info("wrote %s", path)
    if records is not None:
        print_json(schema, {"files": [file_record(file, records) for file in result.files]})
    say_refused(file.error for file in result.files)
    for file in result.files:
        if file.status == "refused" and destination is not None and destination.folder:
            log.warning("%s was not written", file.relative)
        elif file.status != "refused" and not file.workflows:
            log.info("%s: %s", file.name, nothing_in(file.name))
        elif checked is not None and file.status == "changed":
            log.warning("%s would change", file.name)
        for decision in file.decisions:
            log.info("%s", decision)
    errors = [file.error for file in result.files]
    if checked is None:
        return refused_exit(errors)
    say_unchanged(result)
    return report_exit(errors, checked) or int(result.changed)
