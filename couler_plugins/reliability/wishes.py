"""Which retry and which timeout a step is to have, and why, or why it stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.hookspecs import Adapter, Cause
from couler_plugins.ir import MEBIBYTE, Literal, Operation, Retry, Scalar, SettableStep, Value, parse_quantity
from couler_plugins.ir.attempts import AttemptLimits
from couler_plugins.reliability.classification import classify
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.reliability.rules import Rule
from couler_plugins.reliability.timeouts import SPARE, durations_of, retries_within, timeout_after
from couler_plugins.runs import Attempt

Figures = tuple[tuple[str, Scalar], ...]

PASSING = frozenset({"infrastructure", "throttled"})
"""The classes of failures that another attempt may not meet."""
DECLARED = "its owner says that it may run twice"
UNDECLARED = (
    "nobody says that it may run twice: write idempotent = true in a row [[guard.declare]] that names it, or "
    'couler.io/idempotent: "true" where it can have annotations'
)
CALLED_ELSEWHERE = (
    "nobody says that it may run twice: what is said of a step is not said of other workflows that call its template; "
    'write couler.io/idempotent: "true" at the template, or a row [[guard.declare]] with its `task`'
)
UNTOLD = "its engine cannot tell what never began, and "
OWN_RETRY = "it has a retry already, which stays as it is"
OWN_TIMEOUT = "it has a timeout already, which stays as it is"
SHORT = "its own timeout is short: it is less than 1.25 times what past attempts took, or has ended some"


class Unit(NamedTuple):
    """What has one setting: a call, or an operation with all its calls.

    Attributes:
        step: the call, or one of them, with the settings in force.
        operation: what is called; None where that is in another workflow.
        rule: what its owner says.
        limits: what holds for its attempts.
        attempts: its past attempts, oldest first.
        lost: past attempts after which their runs failed.
        beside: the seconds that others on its longest path through its graph take.
        undeclared: what is missing for a declaration, where it lacks one.
        loops: whether it runs more than once in a run.
    """

    step: SettableStep
    operation: Operation | None
    rule: Rule
    limits: AttemptLimits
    attempts: Sequence[Attempt]
    lost: Sequence[Attempt]
    beside: float
    undeclared: str
    loops: bool


class Wish(NamedTuple):
    """What is decided on one setting.

    Attributes:
        value: what is written; None where nothing is.
        action: what is done, in a few words.
        reason: why; why not, where nothing is done.
        figures: the numbers behind it.
        memory: gives the operation more memory from attempt to attempt; None where it stays the same.
    """

    value: Retry | Value | None = None
    action: str = ""
    reason: str = ""
    figures: Figures = ()
    memory: Callable[[Operation], Operation] | None = None


class Decider(NamedTuple):
    """Decides on retries and timeouts.

    Attributes:
        options: the options of `guard`.
        adapter: the adapter of the engine.
        causes: the table of causes.
    """

    options: Guard
    adapter: Adapter
    causes: Sequence[Cause]

    def retry(self, unit: Unit) -> Wish:
        """Return the retry of a step."""
        rule, limits, options = unit.rule, unit.limits, self.options
        if limits.refusal:
            return Wish(reason=limits.refusal)
        own = self._undeclared_limit(unit) if rule.idempotent else None
        if unit.step.retry is not None and own is None:
            return self._narrowed(unit, unit.step.retry) if options.narrow else Wish(reason=OWN_RETRY)
        if not (rule.idempotent or limits.exact):
            return Wish(reason=UNTOLD + unit.undeclared)
        wanted = own or (options.retries if rule.retries is None else rule.retries)
        if not wanted:
            return Wish(reason="its row, or the option `retries`, says that it is tried once")
        delays = self._delays(wanted, unit.limits.spread)
        number, spent = self._within(unit, delays)
        if number < 1:
            return Wish(reason=f"a second attempt does not fit into {spent}", figures=self._figures(unit, 1))
        memory, why = self._memory(unit, number) if rule.idempotent else (None, "")
        classes = (PASSING | {"resource"}) if memory is not None else PASSING
        retry = self._spaced(number, unit.limits.spread)
        limited = self._limited(retry, classes, declared=bool(rule.idempotent))
        if limited is None and not rule.idempotent:
            return Wish(reason=UNTOLD + unit.undeclared)
        reason = DECLARED if rule.idempotent else unit.undeclared
        reason += f"; {number} and not {wanted} times, since more does not fit into {spent}" if number < wanted else ""
        reason += f"; not after it ran out of memory, since {why}" if why and limited is not None else ""
        which = "failures that pass" if rule.idempotent else "failures before its start"
        action = f"repeat {which if limited is not None else 'any failure'}, {number} times at most"
        if memory is not None:
            action += f", each with {options.memory_factor:g} times the memory"
        figures = self._figures(unit, number + 1)
        return Wish(limited or retry, action, reason, figures, memory if limited is not None else None)

    def timeout(self, unit: Unit) -> Wish:
        """Return the timeout of a step."""
        options, limits = self.options, unit.limits
        if not options.timeouts or not unit.attempts:
            return Wish()
        durations = durations_of(unit.attempts, loops=unit.loops)
        own, longest = seconds_in(unit.step.timeout), round(durations.longest or 0)
        figures: Figures = (("attempts that succeeded", durations.samples), ("seconds at most", longest))
        if unit.step.timeout is not None:
            ended = self._classes(unit.attempts)["timeout"]
            is_short = own is not None and (longest * SPARE > own or ended > 0)
            figures += (("timeout", own or "only the run knows"), ("ended by it", ended))
            return Wish(reason=SHORT if is_short else OWN_TIMEOUT, figures=figures if is_short else ())
        if limits.timed:
            return Wish(reason=limits.timed)
        seconds, reason = timeout_after(durations, options.timeout_factor, options.min_timeout, options.min_samples)
        if seconds is None:
            return Wish(reason=reason, figures=figures[:1])
        highest = unit.rule.max_timeout
        if highest is not None and highest < durations.most * SPARE:
            return Wish(reason="it gets no timeout: past attempts took nearly as long as the `max-timeout` of its row")
        seconds = min(seconds, highest or seconds)
        total, name = self._total(unit)
        if seconds > total:
            return Wish(reason=f"it gets no timeout: it would be longer than {name}", figures=figures)
        reason = (
            f"{options.timeout_factor:g} times what past attempts took at most, and {options.min_timeout} s at least"
        )
        figures += (("timeout before", "none"), ("timeout after", f"{seconds} s"))
        return Wish(Literal(value=seconds), "set a timeout", reason, figures)

    def _undeclared_limit(self, unit: Unit) -> int | None:
        """Return the limit of a retry that is what `guard` writes as long as nobody declares the step."""
        retry = unit.step.retry
        limit = retry.limit.value if retry is not None and isinstance(retry.limit, Literal) else None
        if retry is None or not isinstance(limit, int):
            return None
        ours = self._limited(self._spaced(limit, unit.limits.spread), PASSING, declared=False)
        return limit if ours is not None and _said(retry) == _said(ours) else None

    def _narrowed(self, unit: Unit, retry: Retry) -> Wish:
        if retry.condition is not None or not unit.limits.exact:
            return Wish(reason=OWN_RETRY)
        limited = self._limited(retry, PASSING, declared=True, old=retry)
        if limited is None:
            return Wish(reason=OWN_RETRY)
        reason = "the option `narrow` says so, and its retry repeated any failure"
        return Wish(limited, "repeat only failures that pass", reason, self._figures(unit, None))

    def repeats(self, attempt: Attempt, *, declared: bool) -> bool | None:
        """Return whether what is written repeats a failure; None where it repeats any, and nothing undeclared."""
        classes = PASSING | {"resource"} if self.adapter.offers("memory_by_attempt") else PASSING
        retry = self._limited(Retry(), classes, declared=declared)
        return None if retry is None else self.adapter.repeats(retry, attempt)

    def _limited(
        self, retry: Retry, classes: frozenset[str], *, declared: bool, old: Retry | None = None
    ) -> Retry | None:
        """Return a retry of failures of these classes; without its owner's word or retry, only before its start."""
        table = [
            one if one.cause_class in classes and (declared or one.before_start) else _not_repeated(one)
            for one in self.causes
        ]
        return self.adapter.retry_by_cause(retry, table, old)

    @property
    def _written(self) -> set[str]:
        """The features that the engine can have."""
        return {item.feature for item in self.adapter.capabilities if item.support == "full"}

    def _spaced(self, number: int, spread: float) -> Retry:
        """Return a retry with the delays that the engine can have."""
        options, written = self.options, self._written
        last = options.delay * options.factor ** (number - 1) * (spread if options.factor > 1 else 1)
        numbers = {"limit": number, "delay": options.delay, "factor": options.factor}
        if last > options.max_delay:
            numbers |= {"max_delay": options.max_delay} if "Retry.max_delay" in written else {"factor": 1}
        values: dict[str, Any] = {
            name: Literal(value=one) for name, one in numbers.items() if f"Retry.{name}" in written
        }
        return Retry(**values)

    def _delays(self, number: int, spread: float) -> list[float]:
        """Return how long the delay before each repetition may be; only growing ones are spread."""
        options = self.options
        if "Retry.delay" not in self._written:
            return [0.0] * number
        first = options.delay * (spread if options.factor > 1 else 1)
        return [float(min(first * options.factor**one, options.max_delay)) for one in range(number)]

    def _total(self, unit: Unit) -> tuple[float, str]:
        """Return how many seconds all attempts may take together, and what says so."""
        own = (float(self.options.max_total), f"`max-total`, {self.options.max_total} s")
        around = unit.limits.seconds
        return own if around is None or around > own[0] else (around, f"{unit.limits.bound}, {around:g} s")

    def _within(self, unit: Unit, delays: Sequence[float]) -> tuple[int, str]:
        """Return how many repetitions fit into the time for all attempts, and what bounds that."""
        total, name = self._total(unit)
        if unit.beside and total == unit.limits.seconds:
            total, name = total - unit.beside, f"{name} beside {round(unit.beside)} s of what is before and behind it"
        longest = durations_of(unit.attempts, loops=unit.loops).longest
        attempt = seconds_in(unit.step.timeout) or longest
        return (len(delays) if attempt is None else retries_within(total, attempt, delays)), name

    def _memory(self, unit: Unit, number: int) -> tuple[Callable[[Operation], Operation] | None, str]:
        """Return what gives an operation more memory from attempt to attempt, or why it gets the same."""
        factor = self.options.memory_factor
        if unit.operation is None or factor <= 1:
            return None, "" if factor <= 1 else "what it calls is in another workflow"
        most = unit.rule.max_memory or parse_quantity(self.options.max_memory)
        growth = (factor, number, None if most is None else most // MEBIBYTE * MEBIBYTE)
        why = unit.limits.memory or self.adapter.memory_by_attempt(unit.operation, *growth)[1]
        return (None, why) if why else (lambda item: self.adapter.memory_by_attempt(item, *growth)[0], "")

    def _classes(self, attempts: Sequence[Attempt]) -> Counter[str]:
        failed = (one for one in attempts if one.succeeded is False)
        return Counter(classify(one, self.adapter.engine, self.causes).cause_class for one in failed)

    def _figures(self, unit: Unit, attempts: int | None) -> Figures:
        """Return how attempts failed in the past, by class, and how many runs were lost for what passes."""
        figures: Figures = () if attempts is None else (("attempts at most", attempts),)
        if not unit.attempts:
            return figures
        failed = self._classes(unit.attempts)
        lost = sum(number for name, number in self._classes(unit.lost).items() if name in PASSING)
        figures += (("past attempts", len(unit.attempts)),)
        figures += tuple((f"failed: {name}", number) for name, number in sorted(failed.items()))
        return (*figures, ("runs lost for what passes", lost))


def _said(retry: Retry) -> tuple[object, ...]:
    """Return what a retry says, however it was read."""
    numbers = (getattr(one, "value", one) for one in (retry.limit, retry.delay, retry.factor, retry.max_delay))
    parts = getattr(retry.condition, "parts", ())
    return (*numbers, "".join(getattr(part, "native", part) for part in parts), retry.native_extra)


def _not_repeated(cause: Cause) -> Cause:
    """Return a row of the table that says that such failures are not repeated."""
    is_repeated = cause.cause_class in (*PASSING, "resource")
    return replace(cause, cause_class="deterministic") if is_repeated else cause


def seconds_in(value: Value | None) -> float | None:
    """Return the seconds of a timeout; None where there is none, or only the run knows it."""
    number = value.value if isinstance(value, Literal) else None
    if isinstance(number, str):
        number = getattr(as_seconds(number), "value", None)
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) and number > 0 else None
