"""Computes something unless its result is in the cache, also where only a run tells what it would read.

A key of what is known beforehand has a list of read sets. The first that holds leads to the key of the result.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from couler_plugins.caching.artifacts import ArtifactCache, Claim, Damaged, Entry, Hit, Lost, Meta, Outputs, Refused
from couler_plugins.caching.dataplane.contents import resolved
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.observed_reads import holding
from couler_plugins.caching.dataplane.outputs import contents, is_fresh, lacking, place
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.reads.read_sets import ReadSet
from couler_plugins.caching.reads.traces import Traces, decode_traces, trace_key
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
                log.info("there is no result to reuse, so it is computed")
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


READS = "reads"
LARGEST = 16 << 20  # bytes of a list of read sets

Observing = Callable[[], tuple[int, ReadSet | None]]
"""Runs something: its exit code, and what it has read; None where that does not tell what its result depends on."""
Finding = Callable[[Traces, Collection[Path]], ReadSet | None]


def reuse_or_observe(
    task: Task,
    opening: contextlib.AbstractContextManager[ArtifactCache],
    compute: Observing,
    find: Finding = holding,
) -> int:
    """Put a result into place; where there is none for what is there to read, compute it and keep what was computed.

    Args:
        task: what is computed; its key covers what is known beforehand.
        opening: opens the cache.
        compute: writes the outputs. What it raises goes through.
        find: returns the read set that still holds, of traces and the places of outputs; None where none does.

    Returns:
        0 where the result was reused, else what `compute` returns.

    Raises:
        InvalidInput: what names the store is not understood; nothing was computed.
    """
    stack = contextlib.ExitStack()
    keeping: _Keeping | None = None
    try:
        limit = None if task.timeout is None else task.timeout + task.wait
        with time_limit(limit), contextlib.ExitStack() as attempt:
            cache = attempt.enter_context(opening)
            # Nothing is a result under the key of the task itself: whoever has the claim on it computes one.
            claim = cache.claim(task.key, wait=task.wait, usable=_nothing)
            attempt.enter_context(claim)
            if _is_placed(task, cache, find):
                return 0
            keeping = _Keeping(task, cache, claim)
            stack = attempt.pop_all()
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache, what is wanted is computed
        _warn("going on without the cache", error)
    try:
        started = time.monotonic()
        code, reads = compute()
        if code == 0 and reads is not None and keeping is not None:
            keeping.keep(reads, time.monotonic() - started)
    finally:
        try:
            with time_limit(task.timeout):
                stack.close()
        except Exception as error:  # noqa: BLE001  # it is computed, and that is what counts
            _warn("the cache could not be closed", error)
    return code


def _nothing(entry: Entry) -> bool:
    return False


def _is_placed(task: Task, cache: ArtifactCache, find: Finding) -> bool:
    """Whether there is a result for what there is to read; it is in place then."""
    places = {name: resolved(path) for name, path in task.outputs.items()}
    reads = find(_traces(cache, task.key), places.values())
    hit = None if reads is None else cache.get(trace_key(task.key, reads))
    if hit is None:
        return False
    with hit:
        if not is_fresh(hit.entry, task.max_age) or lacking(hit.entry, task.outputs):
            return False
        try:
            place(hit, places)
        except Damaged as error:
            log.warning("the result cannot be used: %s", error)
            return False
    log.info("this result was computed before")
    return True


def _traces(cache: ArtifactCache, key: str) -> Traces:
    """The read sets of a key; none where they cannot be understood: anybody may have written them."""
    hit = cache.get(key)
    if hit is None:
        return Traces()
    with hit:
        try:
            size = hit.entry.output(READS).bytes
            return decode_traces(hit.read(READS)) if size <= LARGEST else Traces()
        except (InvalidInput, Lost) as error:
            log.warning("the reads of former runs cannot be used: %s", error)
            return Traces()


class _Keeping(NamedTuple):
    """Where a result is kept."""

    task: Task
    cache: ArtifactCache
    claim: Hit | Claim

    def keep(self, reads: ReadSet, seconds: float) -> None:
        """Keep what was computed, and what it has read."""
        task, meta = self.task, msgspec.structs.replace(self.task.meta, seconds=seconds)
        try:
            if task.objection is not None and (reason := task.objection()):
                log.warning("the result is not kept: %s", reason)
                return
            places = {name: resolved(path) for name, path in task.outputs.items()}
            with time_limit(task.timeout):
                key = trace_key(task.key, reads)
                with self.cache.claim(key, usable=_nothing) as claim:
                    kept = _put(claim, contents(places), meta)
                if not kept:
                    return
                # Others may have added theirs while the command ran.
                _put(self.claim, {READS: _traces(self.cache, task.key).add(reads, key.encode()).encode()}, meta)
        except Exception as error:  # noqa: BLE001  # it is computed, and that is what counts
            _warn("the result is not kept", error)


def _put(claim: Hit | Claim, outputs: Outputs, meta: Meta) -> bool:
    kept = None if isinstance(claim, Hit) else claim.put(outputs, meta)
    if isinstance(kept, Refused):
        log.warning("the result is not kept: %s", kept.reason)
    return kept is not None and not isinstance(kept, Refused)
