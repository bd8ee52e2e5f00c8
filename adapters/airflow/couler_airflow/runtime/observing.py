"""What a task reads and does while it runs: reads are kept with its result, and all else forbids that it is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from couler_airflow.around import remedy
from couler_airflow.marks import Declaration
from couler_plugins.caching.code.uncacheable import Uncacheable, object_to
from couler_plugins.caching.reads import Observation, ReadSet, observe
from couler_plugins.hookspecs.caching import Objection, SourcePlace

if TYPE_CHECKING:
    from couler_plugins.caching.reads import Fact

__all__ = ["observed", "reads_that_count"]

NO_PATHS = frozenset({"variable", "variables", "directory", "module"})
ENVIRONMENT = frozenset({"variable", "variables"})


@contextlib.contextmanager
def observed() -> Iterator[Observation]:
    """Observe a task, without what Airflow itself does in the same process: its logs, its database."""
    with observe(ignored=_own_paths()) as seen:
        yield seen


def reads_that_count(seen: Observation, declaration: Declaration, result: bytes) -> ReadSet:
    """Return what a task has read, without what its owner says is no matter.

    Args:
        seen: what was observed.
        declaration: what its owner says of it.
        result: what it returned, as JSON: a temporary file that is named there is for somebody else.

    Raises:
        Uncacheable: it did more than reading, or nobody can tell what it read.
    """
    facts, allow = seen.facts, declaration.allow
    objections = [
        *_objections("network", "it connected to", facts.connections, allow),
        *_objections("programs", "it started", facts.programs, allow),
        *_objections("programs", "it loaded", facts.native, allow),
        *_objections("effect", "a hit would not write", facts.written, ()),
        *_objections("effect", "a hit would not write", (one for one in facts.left if _json(one.name) in result), ()),
    ]
    if not objections and seen.reads is None:
        objections = [Objection("reads", seen.reason)]
    if objections or seen.reads is None:
        raise Uncacheable(objections=objections)
    left_out = ENVIRONMENT if "environment" in allow else frozenset()
    files = "files" in allow
    kept = (
        read for read in seen.reads.reads if read.kind not in left_out and not (files and read.kind not in NO_PATHS)
    )
    return ReadSet(tuple(kept))


def _objections(kind: str, did: str, facts: Iterable[Fact], allow: Iterable[str]) -> Iterator[Objection]:
    if kind not in allow:
        for fact in facts:
            file, _, line = fact.place.rpartition(":")
            place = SourcePlace(0, file=file, line=int(line)) if line.isdigit() else None
            yield object_to(kind, f"{did} {fact.name}", place, remedy(kind))


def _json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


def _own_paths() -> list[Path]:
    from airflow.configuration import conf

    paths = [conf.get("logging", "base_log_folder", fallback="")]
    database = conf.get("database", "sql_alchemy_conn", fallback="")
    if database.startswith("sqlite:"):
        file = database.partition("///")[2].partition("?")[0]
        paths += [f"/{file.lstrip('/')}{end}" for end in ("", "-journal", "-wal", "-shm")]
    return [Path(path) for path in paths if path]
