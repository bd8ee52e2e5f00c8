"""What a store has of the steps that `couler explain` shows: who made it, when, and until when it is good.

Only entries are read, which say where results come from; no result is opened.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from couler_plugins.caching import artifacts
from couler_plugins.cli.cache_options import long_work, opened
from couler_plugins.cli.messages import counted
from couler_plugins.cli.outputs import names, number_text, printable, utc_text
from couler_plugins.cli.records import entry_record
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.results import Result
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.eviction import step_names
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.config import Config
from couler_plugins.plan import Decision

TTL = "reused for seconds"
"""The figure of a decision that says how long a result is good for."""
UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
NAMED = 6
Match = Literal["key", "step", "none"]
log = logging.getLogger(__name__)


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has of one step.

    Attributes:
        step: the step, as decisions name it.
        match: `key`: the result that a run would find; `step`: the newest of the step, since only a run knows the key;
            `none`.
        key: the key, where it is clear before a run.
        entry: the result.
        expires: when it is too old by the step's own declaration, in seconds since 1970; None for never.
    """

    step: str
    match: Match = "none"
    key: str = ""
    entry: artifacts.Entry | None = None
    expires: float | None = None


class StoredResults:
    """The entries of a store by who made them.

    Args:
        place: the URL of the store, for people.
        entries: the entries.
        keys: those that are clear before a run; see `ResultKeys`.
        now: the time, in seconds since 1970.
    """

    def __init__(
        self, place: str, entries: Iterable[artifacts.Entry], keys: Mapping[tuple[str, str], str], now: float
    ) -> None:
        self.place = place
        self._keys = keys
        self._now = now
        self._by_key: dict[str, artifacts.Entry] = {}
        self._newest: dict[tuple[str, str], artifacts.Entry] = {}
        for entry in sorted(entries, key=lambda entry: (entry.created, entry.key)):
            self._by_key[entry.key] = entry
            names = {*step_names(entry.meta.step), entry.meta.type}
            self._newest.update({(_family(entry.meta.family), name): entry for name in names if name})

    def result(self, decision: Decision) -> StepResult:
        """Return what there is of the step that a decision is about."""
        key = self._keys.get((decision.workflow, decision.subject), "")
        exact = self._by_key.get(key)
        entry = exact or self._of_step(decision)
        if entry is None:
            return StepResult(step=decision.subject, key=key)
        ttl = dict(decision.figures).get(TTL)
        expires = entry.created + ttl if isinstance(ttl, int) else None
        match: Match = "key" if exact is not None else "step"
        return StepResult(step=decision.subject, match=match, key=key, entry=entry, expires=expires)

    def results(self, decisions: Iterable[Decision]) -> Iterator[StepResult]:
        """Yield what there is of each step that is cached, and of others if there is something."""
        for decision in decisions:
            result = self.result(decision) if decision.verdict else None
            if result is not None and (result.entry is not None or decision.verdict in ("cached", "run-time")):
                yield result

    def lines(self, decisions: Iterable[Decision]) -> Iterator[str]:
        """Yield what there is of the steps of one workflow, those of which the same is to say in one line."""
        groups = by_key((self._text(result), result.step) for result in self.results(decisions))
        if groups:
            yield f"results in {self.place}"
        for text, steps in groups.items():
            yield f"  {names(steps, NAMED)}: {text}"

    def _of_step(self, decision: Decision) -> artifacts.Entry | None:
        """The newest result of a step; of what it calls, where that is all that its makers have recorded."""
        calls = [*reversed(decision.calls.split("/")), *decision.affects]
        places = [(decision.workflow, name) for name in (*step_names(decision.subject), *calls)]
        places += [
            (workflow, name) for workflow in calls for name in calls
        ]  # a Task, or a library, is a family as well
        newest = (self._newest.get((_family(workflow), name)) for workflow, name in places)
        return next(filter(None, newest), None)

    def _text(self, result: StepResult) -> str:
        entry = result.entry
        if entry is None:
            return "nothing under its key, and nothing else of it" if result.key else "nothing of it"
        maker = "/".join(filter(None, (entry.meta.family, entry.meta.step)))
        run = f" in the run {entry.meta.run}" if entry.meta.run else ""
        figures = [f"bytes {entry.bytes:,}"]
        figures += [] if entry.meta.seconds is None else [f"seconds {number_text(round(entry.meta.seconds, 1))}"]
        what = "stored under its key" if result.match == "key" else "newest result"
        what += ", but nothing under its key" if result.key and result.match == "step" else ""
        origin = f"made {age_text(self._now - entry.created)} by {printable(maker) or 'nobody known'}{printable(run)}"
        return f"{what}: {origin} ({', '.join(figures)}){self._validity(result)}"

    def _validity(self, result: StepResult) -> str:
        if result.expires is None:
            return ""
        word = "good until" if result.expires >= self._now else "too old since"
        return f", {word} {utc_text(result.expires)}"


def read_results(config: Config, keys: Mapping[tuple[str, str], str]) -> StoredResults | None:
    """Return what the store of the settings has; None, with a warning, where it cannot be read.

    Raises:
        InvalidInput: no store is set.
    """
    place = redact_url(config.cache_store)
    try:
        folder = artifacts.folder_of(config.cache_store) if config.cache_store else None
        if folder is not None and not folder.is_dir():
            raise EngineError("there is no such folder")  # opening it would make one
        with long_work(config, "looking at what is stored"), opened(config) as cache:
            return StoredResults(place, cache.entries(), keys, time.time())
    except EngineError as error:
        log.warning("what is stored in %s is not shown: %s", place, error.message)
        return None


def results_record(stored: StoredResults | None, result: Result) -> dict[str, Any] | None:
    """What the store has, as JSON; None where it could not be read."""
    if stored is None:
        return None
    steps = [
        {
            "path": file.name,
            "workflow": label,
            "step": item.step,
            "match": item.match,
            **({"key": item.key} if item.key else {}),
            **({"expires": item.expires} if item.expires is not None else {}),
            **({"entry": entry_record(item.entry)} if item.entry is not None else {}),
        }
        for file in result.files
        for label, decisions in by_key((one.workflow, one) for one in file.decisions).items()
        for item in stored.results(decisions)
    ]
    return {"store": stored.place, "steps": steps}


def age_text(seconds: float) -> str:
    """Return an age in its largest unit: `3 days ago`."""
    for unit, size in UNITS:
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"


def _family(text: str) -> str:
    """A workflow's name in a form that all makers of results agree on: some leave out what a label cannot have."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
