"""What `couler cache evict` does, and `rm` with an engine: rounds over namespaces or the store, and their reports."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from couler_plugins.caching.artifacts import Entry
from couler_plugins.caching.artifacts.entry import bytes_of
from couler_plugins.caching.artifacts.stores import open_store
from couler_plugins.cli.cache_options import opened
from couler_plugins.cli.messages import counted, log_retries, say, say_error, write_bytes
from couler_plugins.cli.records import entry_record, error_record, print_json
from couler_plugins.errors import CoulerError, EngineError, PluginFailure, Unsupported
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.hookspecs.eviction import Evicted, Eviction, Evictor, Limits, Target
from couler_plugins.options.config import Config
from couler_plugins.plugins import STORES, Plugins

log = logging.getLogger(__name__)


class Round(msgspec.Struct, frozen=True):
    """What became of the namespaces of one round; those that failed, by their errors."""

    done: tuple[Evicted, ...]
    errors: tuple[tuple[str, CoulerError], ...]

    @property
    def exit_code(self) -> int:
        """The code that its errors call for, and those of the policy that it went on without."""
        codes = [error.exit_code for _, error in self.errors]
        return max([*codes, *(PluginFailure.exit_code for item in self.done if item.failure)], default=0)


def evictor_of(plugins: Plugins, engine: str, target: Target, artifacts: str) -> Evictor:
    """The evictor of an engine, with its artifact repository opened where there is a URL of one.

    Raises:
        InvalidInput: there is no such engine, or the URL is not understood.
        Unsupported: the engine keeps nothing by itself.
        EngineError: the repository cannot be opened.
    """
    log_retries()
    if artifacts:
        store = open_store(artifacts, plugins.all(STORES).values())
        target = msgspec.structs.replace(target, store=store, store_url=artifacts)
    evictor = plugins.adapter(engine).evictor(target)
    if evictor is None:
        hint = "leave --engine out for the store of `couler cache`"
        raise Unsupported(f"{engine} keeps no results that could be evicted", engine=engine, hint=hint)
    return evictor


def run_round(connect: Callable[[], Evictor], act: Callable[[Evictor, str], Evicted]) -> Round:
    """One round over all namespaces, by a new connection: credentials expire. One that fails stops no other.

    Args:
        connect: makes the evictor.
        act: what it does in a namespace.

    Raises:
        InvalidInput, Unsupported: what was asked for makes no sense, in this round or any other.
    """
    done: list[Evicted] = []
    errors: list[tuple[str, CoulerError]] = []
    try:
        evictor = connect()
        namespaces = evictor.namespaces()
    except EngineError as error:
        return Round((), (("", error),))
    for namespace in namespaces:
        try:
            done.append(act(evictor, namespace))
        except CoulerError as error:
            errors.append((namespace, error))
        except Exception as error:
            log.info("the traceback of the namespace %s:", namespace, exc_info=error)
            message = f"the eviction failed: {type(error).__name__}"
            errors.append((namespace, PluginFailure(message, hint="please report it; -v shows the traceback")))
    return Round(tuple(done), tuple(errors))


def print_round(round_done: Round, policy: CachePolicy, limits: Limits, *, as_json: bool) -> int:
    """Says what became of a round; returns its exit code."""
    if as_json:
        record = {
            "policy": policy.name,
            "capacity": limits.capacity,
            "dry_run": limits.dry_run,
            "namespaces": [_record(item) for item in round_done.done],
            "errors": [{"namespace": name, **error_record(error)} for name, error in round_done.errors],
        }
        print_json("couler.cache-evict/v1", record)
    else:
        write_bytes("".join(f"{line}\n" for item in round_done.done for line in _lines(item, dry_run=limits.dry_run)))
    for item in round_done.done:
        if item.failure:
            log.warning("the namespace %s: %s: the least recently used went instead", item.namespace, item.failure)
    _say_errors(round_done)
    return round_done.exit_code


def print_removal(round_done: Round, *, dry_run: bool, as_json: bool) -> int:
    """Says which entries of an engine's cache went, and which should go and could not; returns an exit code."""
    decisions = [(item.namespace, decision) for item in round_done.done for decision in item.decisions]
    removed = [decision for _, decision in decisions if decision.outcome == "evicted"]
    entry_bytes = sum(int(dict(decision.figures).get("entry_bytes", 0)) for decision in removed)
    if as_json:
        record = {
            "removed": [decision.key for decision in removed],
            "bytes": entry_bytes,
            "dry_run": dry_run,
            "namespaces": [_record(item) for item in round_done.done],
            "errors": [{"namespace": name, **error_record(error)} for name, error in round_done.errors],
        }
        print_json("couler.cache-rm/v1", record)
    else:
        write_bytes("".join(f"{_line(namespace, decision)}\n" for namespace, decision in decisions))
        word = "would go" if dry_run else "went"
        say(f"{counted(len(removed), 'result')} {word}, {entry_bytes:,} bytes of entries")
        for remark in (f"{item.namespace}: {text}" for item in round_done.done for text in item.remarks):
            say(remark)
    _say_errors(round_done)
    if unknown := sum(decision.outcome == "kept" for _, decision in decisions):
        hint = "raise couler.io/cache-version of the step, or remove all results of its workflow: --workflow, no --step"
        say_error(Unsupported(f"nothing tells which step made {counted(unknown, 'result')}: they stay", hint=hint))
    return max(round_done.exit_code, int(len(removed) < len(decisions)))


def _say_errors(round_done: Round) -> None:
    for name, error in round_done.errors:
        if name:
            error.message = f"the namespace {name}: {error.message}"
        say_error(error)


def repeat(pause: float | None, once: Callable[[], int]) -> int:
    """Does something once, or (with a pause, in seconds) until somebody stops it; returns an exit code."""
    code = once()
    while pause is not None:
        time.sleep(pause)
        code = once()
    return code


def _record(item: Evicted) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(item)
    record["decisions"] = [{**decision, "figures": dict(decision["figures"])} for decision in record["decisions"]]
    return record


def _lines(item: Evicted, *, dry_run: bool) -> Iterator[str]:
    yield from (_line(item.namespace, decision) for decision in item.decisions)
    yield from (f"{item.namespace}: {remark}" for remark in item.remarks)
    gone = sum(1 for decision in item.decisions if decision.outcome in ("evicted", "dropped"))
    yield (
        f"{item.namespace}: {gone} of {len(item.decisions)} results {'would go' if dry_run else 'went'}, "
        f"{item.before:,} bytes before and {item.after:,} after; {len(item.deleted)} artifacts deleted, "
        f"{item.waiting} wait, {item.remaining} stay; {item.live} workflows are running"
    )


def _line(namespace: str, decision: Eviction) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in decision.figures)
    return f"{namespace}/{decision.place}/{decision.key[:16]}: {decision.outcome}: {decision.reason} ({figures})"


def trim(config: Config, policy: CachePolicy, capacity: float, *, as_json: bool) -> int:
    """One round over the store of `couler cache`; says what went, and returns the exit code.

    Args:
        config: the settings; the limit that the store has is lifted where there is to be none.
        policy: decides what goes.
        capacity: the bytes that results may take; infinitely many where there is no limit.
        as_json: whether it is said as JSON.
    """
    unlimited = math.isinf(capacity)
    try:
        with opened(config, writing=unlimited) as cache:
            gone = cache.evict(capacity, policy)
            bytes_now = bytes_of(cache.entries())
    except CoulerError as error:
        say_error(error)
        return error.exit_code
    if as_json:
        record = {
            "policy": policy.name,
            "capacity": None if unlimited else int(capacity),
            "evicted": [entry_record(entry) for entry in gone],
            "bytes": bytes_now,
        }
        print_json("couler.cache-trim/v1", record)
        return 0
    write_bytes("".join(map(_trimmed_line, gone)))
    say(f"{len(gone)} results went, {bytes_now:,} bytes are left")
    return 0


def _trimmed_line(entry: Entry) -> str:
    step = f", {entry.meta.step}" if entry.meta.step else ""
    return f"{entry.key[:16]}: evicted ({entry.bytes:,} bytes{step})\n"
