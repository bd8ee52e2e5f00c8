"""The artifact cache: results of steps by key, in a store of limited size."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from couler_plugins.caching.artifacts.admission import shrink
from couler_plugins.caching.artifacts.backend import Backend, Release
from couler_plugins.caching.artifacts.entry import Entry, Meta, check_meta
from couler_plugins.caching.artifacts.flight import Claim, wait_for
from couler_plugins.caching.artifacts.hits import Hit
from couler_plugins.caching.artifacts.lost import Lost
from couler_plugins.caching.artifacts.names import check_key
from couler_plugins.caching.artifacts.redact import redact
from couler_plugins.caching.artifacts.restoring import restore_all
from couler_plugins.caching.artifacts.results import Admission, Existed, PutResult, Refused, Report, Stats
from couler_plugins.caching.artifacts.sources import Outputs, sources
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History

__all__ = ["ArtifactCache"]

log = logging.getLogger(__name__)

T = TypeVar("T")


class ArtifactCache:
    """One namespace of a cache. `open_cache` makes one; close it, or use it in a `with`.

    What steps call (`get`, `lookup`, `restore`, `put`, `claim`, `admit`) never raises for a failure of the store or the
    index: that is a miss or a refusal, and a warning in the log. What people call raises EngineError. Keys and names
    that break the rules raise InvalidInput everywhere.
    """

    def __init__(self, backend: Backend, policy: Callable[[], CachePolicy], history: History) -> None:
        self._backend = backend
        self._policy = policy
        self._history = history

    def lookup(self, key: str) -> Entry | None:
        """What is known of a key's result; nothing keeps it from being evicted."""
        check_key(key)
        try:
            return self._backend.find(key)
        except (OSError, ValueError) as error:
            _warned("look-up", error)
            return None

    def get(self, key: str, wait: float | None = None) -> Hit | None:
        """The result of a key, kept from being evicted while it is open; None on a miss.

        Args:
            key: the key.
            wait: seconds to wait for it while somebody who claimed the key computes it.
        """
        check_key(key)
        found: Hit | Claim | None = self._get(key)
        if found is None and wait:
            found = wait_for(lambda: self._get(key) or self._unclaimed(key), wait)
        return found if isinstance(found, Hit) else None

    def restore(self, key: str, targets: Mapping[str, Path]) -> Entry | None:
        """Writes outputs of a key's result to files; None on a miss, and then no file was changed.

        Args:
            key: the key.
            targets: the file of each output that is wanted.
        """
        hit = self.get(key)
        if hit is None:
            return None
        with hit:
            try:
                restore_all(hit, targets)
            except (Lost, OSError) as error:
                _warned("restore", error)
                return None
            return hit.entry

    def put(self, key: str, outputs: Outputs, meta: Meta | None = None) -> PutResult:
        """Stores a result, unless its key has one.

        Args:
            key: the key.
            outputs: by name: bytes, the path of a file, or a `Content` with its codec.
            meta: where the result comes from.
        """
        check_key(key)
        check_meta(meta or Meta())
        try:
            return self._backend.put(key, sources(outputs), meta or Meta())
        except (OSError, ValueError) as error:
            _warned("put", error)
            return Refused(reason=redact(error))

    def claim(self, key: str, wait: float = 0.0, usable: Callable[[Entry], bool] | None = None) -> Hit | Claim:
        """The result of a key, or the leave to compute it.

        Args:
            key: the key.
            wait: seconds to wait while somebody else computes it; after that the claim is no leader's: compute too.
            usable: which results count; another is as good as none, and stays until one is put in its place.
        """
        check_key(key)
        counts = usable or _any
        found = wait_for(lambda: self._get_usable(key, counts) or self._claim_or_hit(key, counts), wait)
        return found or Claim(key, False, self._replacing(counts), _nothing)

    def admit(self, candidate: Candidate) -> Admission:
        """Whether a result would be kept, and which would go for it; nothing is changed."""
        check_key(candidate.key)
        try:
            return self._backend.admit(candidate)
        except (OSError, ValueError) as error:
            _warned("admission", error)
            return Admission(admitted=False, reason=redact(error))

    def pin(self, key: str, seconds: float) -> bool:
        """Keeps a result from being evicted for that long; False where there is none."""
        check_key(key)
        if not (math.isfinite(seconds) and seconds >= 0):
            raise InvalidInput(f"a pin of {seconds} seconds makes no sense", hint="give a finite number, 0 or more")
        return _engine(lambda: self._backend.pin(key, seconds))

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""
        check_key(key)
        return _engine(lambda: self._backend.unpin(key))

    def remove(self, key: str) -> bool:
        """Takes out a result, also one that is pinned; who reads it reads on. False where there is none."""
        check_key(key)

        def remove() -> bool:
            entry = self._backend.find(key)
            return entry is not None and self._backend.drop(entry)

        return _engine(remove)

    def evict(self, capacity: int, policy: CachePolicy | None = None) -> tuple[Entry, ...]:
        """Takes out what is worth least until the namespace holds at most so many bytes; says what went.

        What is being read or pinned stays, also where more than `capacity` remains for that.

        Args:
            capacity: bytes.
            policy: decides, as it does at the end of a run (default: the cache's own).
        """

        def evict() -> tuple[Entry, ...]:
            kept = self._backend.kept()
            free = [item for item in kept if item.free]
            room = capacity - sum(item.entry.bytes for item in kept if not item.free)
            stay = {item.entry.key for item in free}
            if sum(item.entry.bytes for item in free) > room:
                stay &= shrink(policy or self._policy(), self._history, free, room)
            # Also where nothing goes: what went before may have left bytes that nobody needs.
            return tuple(self._backend.evict([item.entry for item in free if item.entry.key not in stay]))

        return _engine(evict)

    def entries(self) -> list[Entry]:
        """All results of the namespace, by key."""
        return [item.entry for item in _engine(self._backend.kept)]

    def candidates(self) -> list[Candidate]:
        """All results of the namespace as policies see them, by key."""
        return [item.entry.candidate(used=item.used, uses=item.uses) for item in _engine(self._backend.kept)]

    def stats(self) -> Stats:
        """What the cache holds."""
        return _engine(self._backend.stats)

    def verify(self, *, repair: bool = False) -> Report:
        """Reads all blobs of the namespace and compares entries, store and counts; mends what is wrong if asked to."""
        return _engine(lambda: self._backend.verify(repair=repair))

    def rebuild(self) -> int:
        """Finds the results again that the store has and the index does not; how many."""
        return _engine(self._backend.rebuild)

    def close(self) -> None:
        """Ends all leases and claims of this process."""
        self._backend.close()

    def __enter__(self) -> ArtifactCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _get(self, key: str) -> Hit | None:
        try:
            found = self._backend.lease(key)
        except (OSError, ValueError) as error:
            _warned("get", error)
            return None
        if found is None:
            return None
        entry, release = found
        hit = Hit(entry, self._backend.blobs, _quiet(release), _quiet(lambda: self._backend.drop(entry)))
        try:
            missing = [output.name for output in entry.outputs if not self._backend.blobs.present(output)]
        except OSError as error:
            hit.close()
            _warned("get", error)
            return None
        if not missing:
            return hit
        log.warning("the result %s lacks its output %s and is dropped", key, ", ".join(missing))
        hit.close()
        _quiet(lambda: self._backend.drop(entry))()
        return None

    def _get_usable(self, key: str, usable: Callable[[Entry], bool]) -> Hit | None:
        hit = self._get(key)
        if hit is None or usable(hit.entry):
            return hit
        hit.close()
        return None

    def _claim(self, key: str, usable: Callable[[Entry], bool]) -> Claim | None:
        put = self._replacing(usable)
        try:
            release = self._backend.claim(key)
        except (OSError, ValueError) as error:
            _warned("claim", error)
            return Claim(key, False, put, _nothing)
        return None if release is None else Claim(key, True, put, _quiet(release))

    def _claim_or_hit(self, key: str, usable: Callable[[Entry], bool]) -> Hit | Claim | None:
        """A claim; a hit where the one who held it stored the result after we had looked for that."""
        claim = self._claim(key, usable)
        hit = self._get_usable(key, usable) if claim is not None and claim.leader else None
        if claim is None or hit is None:
            return claim
        claim.close()
        return hit

    def _replacing(self, usable: Callable[[Entry], bool]) -> Callable[[str, Outputs, Meta], PutResult]:
        """A `put` that takes out what the key has where that does not count, and the new one would be kept."""

        def put(key: str, outputs: Outputs, meta: Meta) -> PutResult:
            found = self.put(key, outputs, meta)
            if not isinstance(found, Existed) or usable(found.entry):
                return found
            size = sum(source.bytes for _, _, source in sources(outputs))
            admission = self.admit(msgspec.structs.replace(found.entry.candidate(), bytes=size, seconds=meta.seconds))
            if not admission.admitted:
                return Refused(reason=admission.reason)
            _quiet(lambda: self._backend.drop(found.entry))()
            return self.put(key, outputs, meta)

        return put

    def _unclaimed(self, key: str) -> Claim | None:
        """A mark that nobody computes a key, so that waiting is over."""
        try:
            return None if self._backend.claimed(key) else Claim(key, False, self.put, _nothing)
        except (OSError, ValueError) as error:
            _warned("get", error)
            return Claim(key, False, self.put, _nothing)


def _nothing() -> None:
    pass


def _any(entry: Entry) -> bool:
    return True


def _warned(what: str, error: Exception) -> None:
    log.warning("the cache's %s failed: %s", what, redact(error))


def _quiet(call: Callable[[], object]) -> Release:
    """The call, whose failure is a warning: what it would end ends by itself."""

    def quiet() -> None:
        try:
            call()
        except OSError as error:
            _warned("release", error)

    return quiet


def _engine(call: Callable[[], T]) -> T:
    """What the call gives.

    Raises:
        EngineError: the store or the index failed.
    """
    try:
        return call()
    except (OSError, ValueError) as error:
        raise EngineError(f"the cache failed: {redact(error)}") from None
