"""What a task reads and does while it runs: reads are kept with its result, and all else forbids that it is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from couler_airflow.cache.around import join_remedies, remedy
from couler_airflow.cache.key import CHANCE
from couler_airflow.marks import Declaration
from couler_airflow.runtime.outputs import Outputs
from couler_plugins.caching.code.uncacheable import Uncacheable, object_to
from couler_plugins.caching.dataplane.copies import copies_folder
from couler_plugins.caching.reads import Fact, Observation, Read, ReadSet, observe, verify
from couler_plugins.caching.reads.databases import database_name
from couler_plugins.caching.reads.kinds import ABSENT
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import Objection, SourcePlace

NO_PATHS = frozenset({"variable", "variables", "directory", "module"})
ENVIRONMENT = frozenset({"variable", "variables"})
OF_RUN = "AIRFLOW_CTX_"
NOT_WRITTEN = "a hit would not write {}, which no outputs= of the task names"


@contextlib.contextmanager
def observed() -> Iterator[Observation]:
    """Observe a task, without what Airflow itself does in the same process: its logs, its database.

    A local copy of a dataset is no read: its version says all, and another worker may not have it yet.
    """
    with observe(ignored=[*_own_database(), copies_folder()], logs=_logs()) as seen:
        yield seen


def reads_that_count(
    seen: Observation, declaration: Declaration, result: bytes, outputs: Outputs, *, of_run: bool, draws_idly: bool
) -> ReadSet:
    """Return what a task has read, without what its owner says is no matter.

    Args:
        seen: what was observed.
        declaration: what its owner says of it.
        result: what it returned, as JSON: a temporary file that is named there is for somebody else.
        outputs: the files and folders that are kept with it.
        of_run: whether variables count that Airflow sets anew for each run.
        draws_idly: whether it may draw from NumPy's shared generator.

    Raises:
        Uncacheable: it did more than reading, or nobody can tell what it read.
    """
    facts, allow = seen.facts, declaration.allow
    said = (*allow, *(CHANCE if declaration.itself else ()))
    written = *facts.written, *(one for one in facts.leftovers if _json(one.name) in result)
    chances = (one for one in facts.chances if not (draws_idly and one.name == "numpy.random"))
    objections = [
        *_objections("network", "it connected to {}", _other_connections(facts.connections), allow),
        *_objections("programs", "it started {}", facts.programs, allow),
        *_objections("programs", "it loaded {}", facts.native, allow),
        *_objections("clock", "{} has asked for the time in it", facts.clocks, said),
        *_objections("randomness", "{} has drawn by chance in it, without a seed", chances, said),
        *_objections("effect", NOT_WRITTEN, (one for one in written if not outputs.covers(one.name)), ()),
        *(Objection("outputs", reason) for reason in outputs.reasons(seen.created, allow)),
    ]
    if not objections and seen.reads is None:
        objections = [Objection("reads", seen.reason)]
    if objections or seen.reads is None:
        raise Uncacheable(objections=join_remedies(objections, declaration))
    left_out = ENVIRONMENT if "environment" in allow else frozenset()
    files = "files" in allow

    def counts(read: Read) -> bool:
        # What an output held before stays a part of what it holds, whatever its owner says of other files.
        waived = files and read.kind not in NO_PATHS and not outputs.holds(read.name)
        is_of_run = read.kind == "variable" and read.name.startswith(OF_RUN) and not of_run
        return read.kind not in left_out and not waived and not is_of_run

    kept = ReadSet(tuple(read for read in seen.reads.reads if counts(read)))
    if own := _replaced(kept, outputs):
        reason = f"it has read its output {own.name} and made another of it: a next run would not find what was there"
        raise Uncacheable(reason, rule="outputs")
    return kept


def _replaced(reads: ReadSet, outputs: Outputs) -> Read | None:
    """Return what was read of an output that was there before, and is not like that any more."""
    own = (read for read in reads.reads if read.kind not in NO_PATHS and outputs.holds(read.name))
    return verify(ReadSet(tuple(read for read in own if read.value != ABSENT)))


def _objections(kind: str, did: str, facts: Iterable[Fact], allow: Iterable[str]) -> Iterator[Objection]:
    if (waiver_of(kind) or kind) not in allow:
        for fact in facts:
            file, _, line = fact.place.rpartition(":")
            place = SourcePlace(0, file=file, line=int(line)) if line.isdigit() else None
            yield object_to(kind, did.format(fact.name), place, remedy(kind))


def _other_connections(connections: Iterable[Fact]) -> list[Fact]:
    """Leave out Airflow's own database, which `dag.test` asks in the same process."""
    from airflow.configuration import conf
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        own = database_name(make_url(conf.get("database", "sql_alchemy_conn", fallback="")))
    except ArgumentError:
        own = ""
    return [fact for fact in connections if fact.name != own]


def _json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


def _logs() -> list[Path]:
    from airflow.configuration import conf

    folder = conf.get("logging", "base_log_folder", fallback="")
    return [Path(folder)] if folder else []


def _own_database() -> list[Path]:
    from airflow.configuration import conf

    database = conf.get("database", "sql_alchemy_conn", fallback="")
    if not database.startswith("sqlite:"):
        return []
    file = database.partition("///")[2].partition("?")[0]
    return [Path(f"/{file.lstrip('/')}{end}") for end in ("", "-journal", "-wal", "-shm")]
