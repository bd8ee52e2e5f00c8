"""The artifact cache: results of steps by key, in a store of limited size."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from couler_plugins.caching.artifacts.administration import Administration
from couler_plugins.caching.artifacts.entry import Entry, Lost, Meta, check_meta
from couler_plugins.caching.artifacts.flight import Claim, hit_or_claim, replacing, wait_for
from couler_plugins.caching.artifacts.heartbeat import Release
from couler_plugins.caching.artifacts.results import Admission, Closing, Hit, PutResult, Refused
from couler_plugins.caching.artifacts.sources import Outputs, check_key, sources
from couler_plugins.net.redacting import redact
from couler_plugins.runs import Candidate

log = logging.getLogger(__name__)


class ArtifactCache(Administration, Closing):
    """One namespace of a cache. `open_cache` makes one; close it, or use it in a `with`.

    What steps call (`get`, `lookup`, `restore`, `put`, `claim`, `admit`) never raises for a failure of the store or the
    index, nor for a cache that is closed: that is a miss or a refusal, and a warning in the log. What people call
    raises EngineError. Keys and names that break the rules raise InvalidInput everywhere.
    """

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
        if not wait:
            return self._get(key, _any)
        hit: Hit | Literal[False] | None = wait_for(lambda: self._get_or_give_up(key), wait)
        return hit or None

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
        return self._put(key, outputs, meta or Meta())

    def claim(self, key: str, wait: float = 0.0, usable: Callable[[Entry], bool] | None = None) -> Hit | Claim:
        """The result of a key, or the leave to compute it.

        Args:
            key: the key.
            wait: seconds to wait while somebody else computes it; after that the claim is no leader's: compute too.
            usable: which results count; another is as good as none, and stays until one is put in its place.
        """
        check_key(key)
        counts = usable or _any
        put = replacing(self._put, counts)

        def attempt() -> Hit | Claim | None:
            return hit_or_claim(lambda: self._get(key, counts), lambda: self._claim(key, put))

        return wait_for(attempt, wait) or Claim(key, put)

    def admit(self, candidate: Candidate) -> Admission:
        """Whether a result would be kept, and which would go for it; nothing is changed."""
        check_key(candidate.key)
        try:
            return self._backend.admit(candidate)
        except (OSError, ValueError) as error:
            _warned("admission", error)
            return Admission(admitted=False, reason=redact(error))

    def close(self) -> None:
        """Ends all leases and claims of this process; nothing is found or stored any more."""
        backend, self._open = self._open, None
        if backend is not None:
            _quiet(backend.close)()

    def _get(self, key: str, usable: Callable[[Entry], bool]) -> Hit | None:
        hit = self._lease(key)
        if hit is None or (self._is_whole(hit) and usable(hit.entry)):
            return hit
        hit.close()
        return None

    def _get_or_give_up(self, key: str) -> Hit | Literal[False] | None:
        """A hit; False where there is none and nobody computes it; None where somebody does."""
        hit = self._get(key, _any)
        if hit is not None or self._is_claimed(key):
            return hit
        return self._get(key, _any) or False  # the one who held the claim may have stored it after our look

    def _lease(self, key: str) -> Hit | None:
        try:
            backend = self._backend
            lease = backend.lease(key)
        except (OSError, ValueError) as error:
            _warned("get", error)
            return None
        if lease is None:
            return None
        entry, release = lease
        return Hit(entry, backend.blobs, _quiet(release), self._dropping(entry))

    def _is_whole(self, hit: Hit) -> bool:
        """Whether all blobs are there; a result that lacks one is dropped."""
        try:
            missing = [output.name for output in hit.entry.outputs if not self._backend.blobs.present(output)]
        except OSError as error:
            _warned("get", error)
            return False
        if missing:
            log.warning("the result %s lacks its output %s and is dropped", hit.entry.key, ", ".join(missing))
            self._dropping(hit.entry)()
        return not missing

    def _dropping(self, entry: Entry) -> Callable[[], None]:
        return _quiet(lambda: self._backend.drop(entry))

    def _put(self, key: str, outputs: Outputs, meta: Meta, replacing: Entry | None = None) -> PutResult:
        check_key(key)
        check_meta(meta)
        try:
            return self._backend.put(key, sources(outputs), meta, replacing)
        except (OSError, ValueError) as error:
            _warned("put", error)
            return Refused(reason=redact(error))

    def _claim(self, key: str, put: Callable[[str, Outputs, Meta], PutResult]) -> Claim | None:
        try:
            release = self._backend.claim(key)
        except (OSError, ValueError) as error:
            _warned("claim", error)
            return Claim(key, put)
        return None if release is None else Claim(key, put, _quiet(release))

    def _is_claimed(self, key: str) -> bool:
        try:
            return self._backend.claimed(key)
        except (OSError, ValueError) as error:
            _warned("get", error)
            return False


def _any(entry: Entry) -> bool:
    return True


def _warned(what: str, error: Exception) -> None:
    log.warning("the cache's %s failed: %s", what, redact(error))


def _quiet(call: Release) -> Callable[[], None]:
    """The call, whose failure is a warning: what it would end ends by itself."""

    def quiet() -> None:
        try:
            call()
        except (OSError, ValueError) as error:
            _warned("release", error)

    return quiet


def restore_all(hit: Hit, targets: Mapping[str, Path]) -> None:
    """Saves all outputs beside their targets first, then renames them.

    Raises:
        Lost: there is no such output, or its blob is missing, damaged or cannot be read.
        OSError: a file cannot be written, or cannot be replaced; those before it were then.
    """
    asides: dict[Path, Path] = {}
    try:
        for name, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
            asides[aside] = target
            hit.save(name, aside)
        for aside, target in asides.items():
            aside.replace(target)
    finally:
        for aside in asides:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
