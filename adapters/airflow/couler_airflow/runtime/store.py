"""The artifact cache as a task sees it: none of its failures, and no store that hangs, keeps a task from its work.

Calls run in a thread beside the task, which waits for them only so long. A timer by signal would take the place of the
one that Airflow holds `execution_timeout` with.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from couler_airflow.codec import CODEC, OUTPUT
from couler_airflow.installed import installed_plugins
from couler_airflow.settings import Settings
from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Claim,
    Content,
    Entry,
    Hit,
    Lost,
    Meta,
    Outputs,
    Refused,
    open_cache,
)
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.placing import Placement
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import ArtifactStore
from couler_plugins.plugins import STORES

T = TypeVar("T")
log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


class Store:
    """The cache of one run of a task; use it in a `with`.

    Args:
        settings: which store, and how long to wait for it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache: ArtifactCache | None = None
        self._claim: Claim | None = None
        self._given_up = False
        self.failure = ""

    def find(self, key: str, usable: Callable[[Entry], bool], wait: float) -> tuple[Entry, bytes] | None:
        """A result and its bytes; None where there is none, and it is for the caller to compute it.

        Args:
            key: its key.
            usable: which results count.
            wait: seconds to wait for another worker that computes the same.
        """
        if self._try("opening", self.open) is None:
            return None
        return self._try("look-up", lambda: self._find(key, usable, wait), wait)

    def keep(self, data: bytes, meta: Meta, meanwhile: Callable[[], object] = _nothing) -> str:
        """Keep a result under the key that was asked for.

        Args:
            data: the result.
            meta: where it comes from.
            meanwhile: is called while the store works; it does not raise.

        Returns:
            why it was not kept; else an empty text.
        """
        refused = self._try("put", lambda: self._keep(data, meta), meanwhile=meanwhile)
        return (self.failure or "the store failed") if refused is None else refused

    def fetch(self, key: str, write: Callable[[Hit], None], placement: Placement) -> None:
        """Have a result written beside its places.

        Args:
            key: its key.
            write: writes it.
            placement: discarded where that takes longer than anybody waits.

        Raises:
            Lost: there is none, or it cannot be read.
            OSError: it cannot be written.
        """

        def work() -> Exception | bool:
            try:
                hit = self.open().get(key)
                if hit is None:
                    return Lost("the outputs are not in the store any more")
                with hit:
                    write(hit)
            except (Lost, OSError) as error:  # the store still answers
                return error
            finally:
                if self._given_up:
                    placement.discard()
            return True

        outcome = self._try("restoring of outputs", work)
        if outcome is not True:
            raise outcome or Lost(self.failure)

    def keep_beside(self, key: str, contents: Callable[[], Outputs], meta: Meta) -> Entry | str:
        """Keep what belongs to a result under a key of its own; return why not where it cannot be kept."""

        def work() -> Entry | str:
            try:
                outputs = contents()
            except (InvalidInput, OSError) as error:
                return reason_of(error)
            with self.open().claim(key, usable=lambda entry: False) as claim:
                assert not isinstance(claim, Hit), "none is usable"
                kept = claim.put(outputs, meta)
            return kept.reason if isinstance(kept, Refused) else kept.entry

        return self._try("put of outputs", work) or self.failure or "the store failed"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        cache, self._cache = self._cache, None
        if cache is not None:
            closing = threading.Thread(target=cache.close, name="couler cache: release", daemon=True)
            closing.start()
            closing.join(0 if self._given_up else self._settings.cache_timeout)

    def _find(self, key: str, usable: Callable[[Entry], bool], wait: float) -> tuple[Entry, bytes] | None:

        damaged: list[Entry] = []
        while True:
            claim = self.open().claim(key, wait=wait, usable=lambda entry: entry not in damaged and usable(entry))
            if not isinstance(claim, Hit):
                self._claim = claim
                return None
            with claim:
                try:
                    return claim.entry, claim.read(OUTPUT)
                except Lost as error:
                    log.warning("the result cannot be used: %s", error.message)
                    damaged.append(claim.entry)

    def _keep(self, data: bytes, meta: Meta) -> str:

        if self._claim is None:
            return "the store was not there before"
        kept = self._claim.put({OUTPUT: Content(data, CODEC)}, meta)
        return kept.reason if isinstance(kept, Refused) else ""

    def open(self) -> ArtifactCache:
        """Return the cache, opened once.

        Raises:
            InvalidInput: the settings make no sense, or what serves the store is not installed.
            EngineError: the store or the index cannot be opened.
        """
        if self._cache is None:
            settings = self._settings
            cache = open_cache(
                settings.cache_store,
                namespace=settings.cache_namespace,
                index=settings.cache_index or None,
                capacity=settings.cache_capacity.bytes,
                patience=min(20.0, settings.cache_timeout),
                stores=_stores(settings.cache_store),
            )
            if self._given_up:  # nobody is waiting for it any more
                cache.close()
            self._cache = cache
        return self._cache

    def _try(
        self, what: str, call: Callable[[], T], wait: float = 0.0, meanwhile: Callable[[], object] = _nothing
    ) -> T | None:
        """What a call returns; None where it fails or takes too long, and everything after it then."""
        if self._given_up:
            return None
        outcome: list[Any] = []
        failure: list[Exception] = []

        def work() -> None:
            try:
                outcome.append(call())
            except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache, the task goes on
                failure.append(error)

        thread = threading.Thread(target=work, name=f"couler cache: {what}", daemon=True)
        thread.start()
        try:
            meanwhile()
            thread.join(self._settings.cache_timeout + wait)
        except BaseException:  # the time of the task is up: what the call does from now on is for nobody
            self._given_up = True
            raise
        if not outcome:
            self._given_up = True
            self._say(what, failure[0] if failure else TimeoutError(f"no answer in {self._settings.cache_timeout:g} s"))
            return None
        return outcome[0]  # type: ignore[no-any-return]  # what the call of the store returned

    def _say(self, what: str, error: Exception) -> None:
        self.failure = reason_of(error)
        log.warning("the cache's %s failed, and the task goes on without it: %s", what, self.failure)


def _stores(place: str) -> Iterable[type[ArtifactStore]]:
    """Those that plugins give, for a URL: loading plugins takes a task a third of a second, which a folder need not."""
    return installed_plugins().all(STORES).values() if "://" in place else ()
