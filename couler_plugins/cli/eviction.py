"""What `couler cache evict` does: rounds over namespaces, one after the other, and what is said of them."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from couler_plugins.cli.messages import log_retries, say_error
from couler_plugins.cli.outputs import write_bytes
from couler_plugins.cli.records import error_record, print_json
from couler_plugins.config import Config
from couler_plugins.discovery import load_plugins
from couler_plugins.errors import CoulerError, EngineError, PluginFailure, Unsupported
from couler_plugins.hookspecs.eviction import Evicted, Limits, Target
from couler_plugins.plugins import Plugins

if TYPE_CHECKING:
    from couler_plugins.hookspecs import CachePolicy
    from couler_plugins.hookspecs.eviction import Evictor

__all__ = ["Round", "evictor_of", "print_round", "repeat", "run_round", "usable_plugins"]

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


def usable_plugins(config: Config) -> Plugins:
    """The plugins; those that are not wholly usable are warned of, and what they print goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        plugins = load_plugins(config)
    for record in plugins.failed:
        log.warning("the plugin %s is not wholly usable: %s", record.name, "; ".join(record.errors))
    return plugins


def evictor_of(plugins: Plugins, engine: str, target: Target, artifacts: str) -> Evictor:
    """The evictor of an engine, with its artifact repository opened where there is a URL of one.

    Raises:
        InvalidInput: there is no such engine, or the URL is not understood.
        Unsupported: the engine keeps nothing by itself.
        EngineError: the repository cannot be opened.
    """
    log_retries()
    if artifacts:
        from couler_plugins.caching.artifacts.stores import open_store

        store = open_store(artifacts, plugins.stores.values())
        target = msgspec.structs.replace(target, store=store, store_url=artifacts)
    evictor = plugins.adapter(engine).evictor(target)
    if evictor is None:
        hint = "leave --engine out for the store of `couler cache`"
        raise Unsupported(f"{engine} keeps no results that could be evicted", engine=engine, hint=hint)
    return evictor


def run_round(connect: Callable[[], Evictor], policy: CachePolicy, limits: Limits) -> Round:
    """One round over all namespaces, by a new connection: credentials expire. One that fails stops no other.

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
            done.append(evictor.evict(namespace, policy, limits))
        except CoulerError as error:
            errors.append((namespace, error))
        except Exception as error:
            log.info("the traceback of the namespace %s:", namespace, exc_info=error)
            message = f"the eviction failed: {type(error).__name__}"
            errors.append((namespace, PluginFailure(message, hint="please report it; -v shows the traceback")))
    return Round(tuple(done), tuple(errors))


def print_round(found: Round, policy: CachePolicy, limits: Limits, *, as_json: bool) -> int:
    """Says what became of a round; returns its exit code."""
    if as_json:
        record = {
            "policy": policy.name,
            "capacity": limits.capacity,
            "dry_run": limits.dry_run,
            "namespaces": [_record(item) for item in found.done],
            "errors": [{"namespace": name, **error_record(error)} for name, error in found.errors],
        }
        print_json("couler.cache-evict/v1", record)
    else:
        write_bytes("".join(f"{line}\n" for item in found.done for line in _lines(item, dry_run=limits.dry_run)))
    for item in found.done:
        if item.failure:
            log.warning("the namespace %s: %s: the least recently used went instead", item.namespace, item.failure)
    for name, error in found.errors:
        if name:
            error.message = f"the namespace {name}: {error.message}"
        say_error(error)
    return found.exit_code


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


def _lines(item: Evicted, *, dry_run: bool) -> list[str]:
    lines = []
    for decision in item.decisions:
        figures = ", ".join(f"{name} {value}" for name, value in decision.figures)
        place = f"{item.namespace}/{decision.place}/{decision.key[:16]}"
        lines.append(f"{place}: {decision.outcome}: {decision.reason} ({figures})")
    lines += [f"{item.namespace}: {remark}" for remark in item.remarks]
    gone = sum(1 for decision in item.decisions if decision.outcome in ("evicted", "dropped"))
    lines.append(
        f"{item.namespace}: {gone} of {len(item.decisions)} results {'would go' if dry_run else 'went'}, "
        f"{item.before:,} bytes before and {item.after:,} after; {len(item.deleted)} artifacts deleted, "
        f"{item.waiting} wait, {item.left} stay; {item.live} workflows are running"
    )
    return lines
