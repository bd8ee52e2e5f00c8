"""The `cache` optimizer: steps that were declared pure are not computed again where their key is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import Size


class Epoch(int):
    """Seconds since 1970, written as such (`1764115200`) or as a date in UTC, with a time or without (`2026-11-26`)."""

    @classmethod
    def parse(cls, text: str) -> Epoch:
        """The point in time that a text says.

        Raises:
            ValueError: the text is none.
        """
        if text.isascii() and text.isdigit() and len(text) <= 12:
            return cls(text)
        try:
            said = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r:.60} is neither a date such as 2026-11-26 nor seconds since 1970") from None
        return cls((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())

    def period(self, seconds: int) -> int:
        """The number of the period of that many seconds which it is in."""
        return int(self) // seconds


@dataclass(frozen=True)
class Cache:
    """Reuse results of steps that their owner declared pure, under keys that cover all that they depend on.

    Attributes:
        assume_pure: treat steps of which their owner says nothing as declared pure; the rules that forbid caching hold
            all the same.
        capacity: bytes that the cache may hold: what is not worth keeping then, by past runs, is not cached.
        policy: who chooses what is worth keeping (`couler plugins` lists the policies).
        via: `memoize` for the engine's own cache alone; `wrapper` to wrap commands; `both` to wrap those whose results
            the engine's own cache cannot keep; `auto` for the engine's own cache where it needs no rights beyond those
            that a stock install of the engine has.
        store: the URL of the artifact cache, for wrappers.
        image: the image that wrappers take `couler` from.
        namespace: the part of the store that is meant.
        secret: the engine's secret with what gives access to the store.
        timeout: how many seconds the store may take before a command, and after it.
        cpu: what each of a wrapper's containers requests, and gets at most; `none` to say nothing of it.
        memory: the same of memory.
        security: whether these containers ask for what Pod Security `restricted` wants, or for nothing (`inherit`).
        program: the command or the path of `couler` where the images of steps have it, instead of `image`.
        epoch: now, as a date or in seconds since 1970, for results that are good for a time, where the engine does not
            count it.
        min_seconds: where the engine makes its keys by itself, what takes less is not switched on; with `strict`, it is
            switched off.
        strict: where the engine caches all steps by itself, switch that off for the steps that a rule is against,
            instead of a warning.
        known: a file with results that are known: steps that made them are taken out, where the engine can import them.
    """

    name: ClassVar[str] = "cache"
    before: ClassVar[tuple[str, ...]] = ("fuse", "rightsize", "guard")
    reads_rows: ClassVar[bool] = True

    assume_pure: bool = False
    capacity: Size | None = None
    policy: str = "scr"
    via: Literal["auto", "memoize", "wrapper", "both"] = "auto"
    store: str = ""
    image: str = ""
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600
    cpu: str = "250m"
    memory: str = "512Mi"
    security: Literal["restricted", "inherit"] = "restricted"
    program: str = ""
    epoch: Epoch | None = None
    min_seconds: float = 1.0
    strict: bool = False
    known: str = ""

    run = work_at("couler_plugins.caching.application:apply_cache")
