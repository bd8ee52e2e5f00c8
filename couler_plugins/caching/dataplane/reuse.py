"""Computes something unless its result is in the cache; no failure of the cache fails what is computed."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from couler_plugins.caching.artifacts import ArtifactCache, Claim, Damaged, Entry, Hit, Meta, Refused
from couler_plugins.caching.dataplane.contents import resolved
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.outputs import contents, is_fresh, lacking, place
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.errors import InvalidInput

log = logging.getLogger(__name__)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Something whose result may be kept.

    Attributes:
        key: the key of its result.
        outputs: the files and folders that are its result, by name.
        meta: where the result comes from.
        max_age: how many seconds old a result may be; None for any age.
        wait: how many seconds to wait for somebody who computes the same.
        timeout: how many seconds the store may take before computing, and after it; None for no limit.
        accepts: which results may be reused; None for all.
        places: those of the step, which a result has to fit; None for none.
        objection: says, once it is computed, why it is not the result of what the key covers; empty where it is.
    """

    key: str
    outputs: Mapping[str, Path]
    meta: Meta
    max_age: float | None = None
    wait: float = 0.0
    timeout: float | None = None
    accepts: Callable[[Entry], bool] | None = None
    places: Places | None = None
    objection: Callable[[], str] | None = None


def reuse_or_compute(
    task: Task, opening: contextlib.AbstractContextManager[ArtifactCache], compute: Callable[[], int]
) -> int:
    """Puts a result into place; where there is none, computes it and keeps what was computed.

    Args:
        task: what is computed.
        opening: opens the cache.
        compute: writes the outputs and returns an exit code: 0 where they are there. What it raises goes through.

    Returns:
        0 where the result was reused, else what `compute` returns.

    Raises:
        InvalidInput: the key is none, or what names the store is not understood; nothing was computed.
    """
    claim, placed = None, False
    stack = contextlib.ExitStack()
    try:
        with time_limit(_limit(task, task.wait)), contextlib.ExitStack() as attempt:
            claim = _placed_or_claimed(task, attempt.enter_context(opening), attempt)
            placed = claim is None
            stack = contextlib.ExitStack() if placed else attempt.pop_all()
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache, what is wanted is computed
        _warn("the cache could not be closed" if placed else "going on without the cache", error)
    if placed:
        return 0
    try:
        started = time.monotonic()
        code = compute()
        if code == 0 and claim is not None:
            _keep(task, claim, stack, time.monotonic() - started)
    finally:
        _close(task, stack)
    return code


def _limit(task: Task, more: float = 0.0) -> float | None:
    return None if task.timeout is None else task.timeout + more


def _placed_or_claimed(task: Task, cache: ArtifactCache, stack: contextlib.ExitStack) -> Claim | None:
    """The right to compute the result, until the stack ends; None where there was one, which is in place now."""
    damaged: list[Entry] = []

    def usable(entry: Entry) -> bool:
        """What is not stays for others until the command has made what takes its place."""
        accepted = task.accepts is None or task.accepts(entry)
        whole = entry not in damaged and is_fresh(entry, task.max_age) and not lacking(entry, task.outputs)
        return accepted and whole and (task.places is None or task.places.holds(entry))

    while True:
        with contextlib.ExitStack() as attempt:
            claim = cache.claim(task.key, wait=task.wait, usable=usable)
            attempt.enter_context(claim)
            if not isinstance(claim, Hit):
                stack.push(attempt.pop_all())
                return claim
            try:
                place(claim, _places(task))
            except Damaged as error:
                log.warning("the result cannot be used: %s", error)
                damaged.append(claim.entry)
            else:
                log.info("this result was computed before")
                return None


def _places(task: Task) -> dict[str, Path]:
    """Where the outputs lead, through all links: where a command writes them, and so where they belong."""
    return {name: resolved(path) for name, path in task.outputs.items()}


def _keep(task: Task, claim: Claim, stack: contextlib.ExitStack, seconds: float) -> None:
    """Keeps what was computed, and closes the cache."""
    meta = msgspec.structs.replace(task.meta, seconds=seconds)
    try:
        if task.objection is not None and (reason := task.objection()):
            log.warning("the result is not kept: %s", reason)
            return
        with time_limit(_limit(task)), stack:
            listed = {} if task.places is None else task.places.listed()
            kept = claim.put({**contents(_places(task)), **listed}, meta)
            if isinstance(kept, Refused):
                log.warning("the result is not kept: %s", kept.reason)
    except Exception as error:  # noqa: BLE001  # it is computed, and that is what counts
        _warn("the result is not kept", error)


def _close(task: Task, stack: contextlib.ExitStack) -> None:
    try:
        with time_limit(_limit(task)):
            stack.close()
    except Exception as error:  # noqa: BLE001  # it is computed, and that is what counts
        _warn("the cache could not be closed", error)


def _warn(what: str, error: Exception) -> None:
    log.info("the traceback:", exc_info=error)
    log.warning("%s: %s", what, reason_of(error))
