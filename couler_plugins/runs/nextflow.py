"""Runs from the traces that Nextflow writes (`-with-trace`), as it writes them for people or raw, in tabs or commas.

Source: https://www.nextflow.io/docs/latest/reports.html#trace-file. Sizes are in units of 1,024; times have no zone and
count as UTC. A trace names no workflow and says nothing of what comes after what. What Nextflow took from its cache was
used in an earlier run, and is no attempt of this one.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from couler_plugins.errors import InvalidInput
from couler_plugins.runs.run import Fate, Run, StepRun, hash_of, key_of, type_of
from couler_plugins.runs.usage import Attempt, ContainerUse, time_of

Row = Mapping[str, str]
FATES: dict[str, Fate] = {"COMPLETED": "computed", "CACHED": "loaded", "FAILED": "failed", "ABORTED": "failed"}
FIGURES = {"realtime", "peak_rss", "%cpu"}
UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGTP]?B)")
SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
DATED = re.compile(r"[-_]?(?:execution[-_])?trace[-_0-9]*|[-_]?[0-9]{8}[-_0-9]*$")
"""What Nextflow calls its traces, and when they are of."""
HINT = "take it from `nextflow run -with-trace`"
MOST = 1e15


def is_trace(text: str) -> bool:
    """Whether a text is such a trace, by its first line."""
    columns = set(next(_cells(text), ()))
    return bool(columns & {"name", "process"}) and bool(columns & FIGURES)


def read_trace(text: str, file: str) -> Run:
    """The run that a trace tells of. An attempt whose start is not in it counts from when it was submitted.

    Args:
        text: the trace.
        file: its name, which the workflow is named after.

    Raises:
        InvalidInput: a line has too few or too many columns, or a name that cannot be shown.
    """
    steps: dict[str, list[Row]] = {}
    names: dict[str, str] = {}
    repeats: Counter[str] = Counter()
    for row in _rows(text, file):
        plain = row.get("name") or row.get("process", "task") + (f" ({row['tag']})" if "tag" in row else "")
        name = names.get(plain, plain)
        if name in steps and not _follows(row, steps[name][-1]):  # another task of that name
            repeats[plain] += 1
            name = names[plain] = f"{plain} #{repeats[plain] + 1}"
        steps.setdefault(name, []).append(row)
    if not steps:
        raise InvalidInput("this trace has no tasks", file=file, hint=HINT)
    read = [_step(name, rows) for name, rows in steps.items()]
    ends = [one.end for step in read for one in step.tries if one.end is not None]
    whole = all(step.fate != "failed" for step in read)
    return Run(
        family=_family(file, steps), engine="nextflow", steps=tuple(read), whole=whole, at=max(ends, default=0.0)
    )


def _cells(text: str) -> Iterator[list[str]]:
    """The cells of each line, in tabs or commas."""
    return csv.reader(text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ",")


def _rows(text: str, file: str) -> Iterator[Row]:
    """The rows by column, without what is not known."""
    lines = _cells(text)
    columns = next(lines)
    for number, cells in enumerate(lines, 2):
        if not any(cells):
            continue
        if len(cells) != len(columns) or not all(cell.isprintable() for cell in cells):
            raise InvalidInput("this line is not one of a trace", file=file, line=number, hint=HINT)
        yield {column: cell for column, cell in zip(columns, cells, strict=True) if cell.strip() not in ("", "-")}


def _family(file: str, steps: Mapping[str, object]) -> str:
    """The file's name; what all names of tasks begin with, where that says nothing."""
    stem = DATED.sub("", re.split(r"[/\\]", file)[-1].rsplit(".", 1)[0])
    scopes = {name.partition(":")[0] for name in steps if ":" in name}
    return stem or (scopes.pop() if len(scopes) == 1 else "nextflow")


def _step(name: str, rows: list[Row]) -> StepRun:
    """A task with its attempts, of which the last one says what became of it."""
    last = rows[-1]
    fate = FATES.get(last.get("status", "COMPLETED").upper(), "pending")
    tries = tuple(map(_attempt, rows)) if fate != "loaded" else ()
    process = last.get("process") or name.partition(" (")[0]
    spec = hash_of(["nextflow", name, last.get("hash", "")])
    memory = _size(last.get("peak_rss"))
    return StepRun(
        step=name,
        site=process if process != name else "",
        type=type_of(process),
        spec=spec,
        key=key_of(spec, ()),
        seconds=_seconds(last.get("realtime")) if fate == "computed" else None,
        memory=memory if fate == "computed" else None,
        attempts=max(1, len(rows)),
        tries=tries,
        fate=fate,
    )


def _attempt(row: Row) -> Attempt:
    status = FATES.get(row.get("status", "COMPLETED").upper())
    took = _seconds(row.get("realtime"))
    start = _time(row.get("start")) or _time(row.get("submit"))
    exit_code = _figure(row.get("exit"))
    cpu = _figure((row.get("%cpu") or "").removesuffix("%"))
    use = ContainerUse(
        container="main",
        cpu_request=_figure(row.get("cpus")),
        memory_request=_size(row.get("memory")),
        memory=_size(row.get("peak_rss")),
        cpu=None if cpu is None else cpu / 100,
    )
    return Attempt(
        start=start,
        end=start + took if start is not None and took is not None else None,
        succeeded=None if status is None else status == "computed",
        exit_code=None if exit_code is None else int(exit_code),
        reason="Aborted" if row.get("status") == "ABORTED" else "",
        node=row.get("hostname", ""),
        input_bytes=_size(row.get("rchar")),
        output_bytes=_size(row.get("wchar")),
        containers=(use,),
    )


def _follows(row: Row, last: Row) -> bool:
    """Whether a row is the next attempt after another of its name; a trace need not number them."""
    number, before = (_figure(item.get("attempt")) for item in (row, last))
    if number is None and before is None:
        return FATES.get(last.get("status", "").upper()) == "failed"
    return (number or 1) > (before or 1)


def _figure(text: str | None) -> float | None:
    """A number from 0 on; None for whatever else there is."""
    if text is None or not NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if value <= MOST else None


def _size(text: str | None) -> int | None:
    """Bytes, raw or with a unit (`1.5 GB`)."""
    match = SIZE.fullmatch(text.strip()) if text else None
    value = float(match[1]) * 1024 ** UNITS[match[2]] if match else _figure(text)
    return None if value is None or value > MOST else round(value)


def _seconds(text: str | None) -> float | None:
    """Seconds, of raw milliseconds or of a text such as `1h 2m 3.5s`."""
    if text and (parts := text.split()) and all(SPAN.fullmatch(part) for part in parts):
        return sum(float(number) * SECONDS[unit] for number, unit in SPAN.findall(text))
    figure = _figure(text)
    return None if figure is None else figure / 1000


def _time(text: str | None) -> float | None:
    """Seconds since 1970, of raw milliseconds or of a date."""
    figure = _figure(text)
    return time_of(text) if figure is None else figure / 1000
