"""Verdicts on caching in few lines: those that say the same are one line, and a total stands at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from couler_plugins.cli.messages import counted
from couler_plugins.cli.outputs import names, number_text
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.results import Result
from couler_plugins.driver.verdict_totals import VerdictTotals, total_of, verdict_totals
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.plan import Decision

TITLES = {
    "cached": "cached",
    "declarable": "cached after a declaration",
    "never": "never cached",
    "run-time": "decided when it runs",
    "not-in-call": "not known here",
}
NAMED, SHOWN = 6, 4
"""How many steps of a group are named, and how many of its objections are printed."""
REASONS = 6
"""How many reasons the total names."""
VERDICT_WORDS = {
    "cached": "cached",
    "declarable": "after a declaration",
    "never": "never",
    "run-time": "decided when they run",
    "not-in-call": "not known here",
}
RULE_WORDS = {
    "always": "owners who say always",
    "argument": "arguments that no cache key covers",
    "artifact-list": "lists of artifacts",
    "artifacts": "artifacts reported to the engine",
    "capacity": "no room in the cache",
    "changed-source": "sources that changed since they were loaded",
    "cheap": "steps too short to look up",
    "clock": "clocks",
    "collected": "garbage-collected outputs",
    "configured": "variables from outside",
    "controller-rights": "rights that Argo's controller may lack",
    "daemon": "daemons",
    "defaults": "template defaults",
    "dynamic": "callees that a parameter or a resolver chooses",
    "effect": "files that they write",
    "external": "callees in none of these files",
    "failure": "tasks that may fail",
    "file-lists": "file lists that are wrong",
    "files": "files that no key covers",
    "finally": "effects",
    "fixed-name": "fixed workflow names",
    "full": "no room in the cache",
    "global-output": "outputs of the whole run",
    "global-write": "globals that a program writes",
    "handler": "effects",
    "import": "modules that cannot be read",
    "inline": "templates without a name",
    "isolated-workspace": "workspaces of single steps",
    "kind": "effects",
    "lineage": "order that is only known at run time",
    "machine": "names of the machine",
    "malformed": "invalid tasks",
    "mapped": "mapped tasks",
    "native": "compiled code that may read files unseen",
    "network": "network access",
    "never": "owners who say never",
    "never-hits": "inputs that every run makes anew",
    "no-cache": "engines without a cache",
    "no-epoch": "time limits without an epoch",
    "no-declarations": "settings that workers cannot read",
    "no-inputs": "steps without inputs or a version",
    "no-outputs": "effects",
    "no-result": "effects",
    "no-shell": "commands that begin with no shell or Python",
    "no-store": "no store for results",
    "no-workspace": "no store for results",
    "not-asked": "the engine's own cache, which was not asked for",
    "not-declared": "steps not declared pure",
    "operator": "operators that cannot be cached",
    "optional-input": "optional inputs",
    "order": "order without data",
    "outlets": "outlets",
    "output": "outputs from elsewhere",
    "outputs": "outputs that cannot be kept",
    "own-place": "outputs at a place of the owner's",
    "part": "parts of a split workflow",
    "patched": "pods that a caller changes",
    "place": "places that nobody can look at",
    "pod": "whole pods",
    "printed-result": "printed results that another workflow reads",
    "producer": "steps after an uncached one",
    "program": "programs that cannot be read",
    "propagated": "parameters that are not declared",
    "randomness": "chance",
    "reads": "reads that cannot be determined",
    "recursion": "recursion",
    "replaced": "tasks that somebody else wraps",
    "resolver": "callees that come through a resolver",
    "role": "effects",
    "several-runs": "runs that say different things of their pods",
    "run-context": "names or states of the run",
    "secret": "secrets",
    "several-callers": "graphs with several callers",
    "step-action": "StepActions",
    "step-result": "results of single steps",
    "step-template": "step templates",
    "switched-off": "steps with caching switched off",
    "taken": "steps with reserved names",
    "too-large": "values too large for a key",
    "too-many-values": "too many values before them",
    "trigger": "tasks that start from a trigger",
    "unbounded-output": "outputs without a size limit",
    "uncached-caller": "callers that may not be cached",
    "uncertain-producer": "steps after one that may be skipped or fail",
    "uncounted": "loops without a limit",
    "unknown-context": "context that is only known at run time",
    "unknown-declaration": "declarations with an unknown value",
    "unknown-function": "expressions that may vary",
    "unknown-producer": "steps after an uncached one",
    "unknown-reference": "unknown values",
    "unknown-waiver": "waivers with an unknown word",
    "unreachable": "graphs that nothing calls",
    "unreadable-source": "sources that cannot be read",
    "unversioned-input": "inputs without a version",
    "value": "unknown values",
    "volume": "volumes",
    "windows": "Windows",
    "workspace": "workspaces",
}
Key = tuple[object, ...]


class VerdictGroups:
    """Prints verdicts; it remembers which objections it has printed."""

    def __init__(self) -> None:
        self._printed: set[tuple[object, ...]] = set()

    def lines(self, decisions: Sequence[Decision], file: str) -> Iterator[str]:
        """Return the lines for the verdicts of one workflow.

        Args:
            decisions: the verdicts.
            file: the file that the workflow is in.
        """
        groups = by_key((_key(decision), decision) for decision in decisions)
        for group in sorted(groups.values(), key=lambda group: list(TITLES).index(group[0].verdict)):
            yield from self._group(group, file)

    def _group(self, group: Sequence[Decision], file: str) -> Iterator[str]:
        first = group[0]
        steps = names([decision.subject for decision in group], NAMED)
        title = TITLES[first.verdict] if first.action in ("", "cache") else first.action
        if title == first.action and first.verdict != "cached":
            title = f"{title}, {TITLES[first.verdict]}"
        objections = list({_identity(item): item for decision in group for item in objections_of(decision)}.values())
        fresh = [item for item in objections if _identity(item) not in self._printed]
        if first.verdict == "cached":
            yield f"{title}: {steps}: {first.reason}{_waiver_text(first)}{_figures(group)}"
            yield from self._warnings(group, file)
            return
        rules = dict.fromkeys(words_for(item.rule) for item in objections if _identity(item) in self._printed)
        rules_text = f": {', '.join(rules)} (see above)" if rules else ""
        yield f"{title}: {steps}{rules_text}{_waiver_text(first)}"
        alike = _alike(fresh)
        for text, items in islice(alike.items(), SHOWN):
            self._printed.update(map(_identity, items))
            yield f"  {_where(items, first, file)}{text}"
        if len(alike) > SHOWN:
            rest = dict.fromkeys(words_for(items[0].rule) for items in islice(alike.values(), SHOWN, None))
            yield f"  and {len(alike) - SHOWN:,} more: {', '.join(rest)}"
        if first.verdict == "declarable":
            yield from self._warnings(group, file)

    def _warnings(self, group: Sequence[Decision], file: str) -> Iterator[str]:
        """What their owner should know of cached steps, each once."""
        warnings = {_identity(item): item for decision in group for item in decision.warnings}
        fresh = [item for identity, item in warnings.items() if identity not in self._printed]
        self._printed.update(map(_identity, fresh))
        for text, items in _alike(fresh).items():
            yield f"  warning: {_where(items, group[0], file)}{text}"


def objections_of(decision: Decision) -> tuple[Objection, ...]:
    """Return the objections that the verdict rests on: remedies matter only where nothing else is against it."""
    if decision.verdict != "never":
        return decision.objections
    return tuple(item for item in decision.objections if not item.remedy)


def _key(decision: Decision) -> Key:
    if decision.verdict == "cached":
        return (decision.verdict, decision.action, decision.reason, decision.waived)
    own = tuple(item.rule for item in objections_of(decision))
    return (decision.verdict, decision.action, own, decision.waived)


def _identity(objection: Objection) -> tuple[object, ...]:
    place = objection.place
    return (objection.rule, objection.reason, None if place is None else (place.file, place.line, place.path))


def _where(objections: Sequence[Objection], decision: Decision, file: str) -> str:
    """Where objections of one text are, to begin a line with."""
    places = [place for item in objections if (place := item.place or decision.place) is not None and place.file]
    lines = sorted({place.line for place in places if place.file == file and place.line is not None})
    others = [place for place in places if place.file != file]
    texts = [f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:NAMED]))}"] if lines else []
    texts += dict.fromkeys(place.file if place.line is None else f"{place.file}:{place.line}" for place in others)
    more = max(len(lines) - NAMED, 0) + max(len(texts) - NAMED, 0)
    return f"{', '.join(texts[:NAMED])}{f' and {more} more' if more else ''}: " if texts else ""


def _alike(objections: Sequence[Objection]) -> dict[str, list[Objection]]:
    return by_key((_text(item), item) for item in objections)


def _text(objection: Objection) -> str:
    return f"add {objection.remedy}" if objection.rule == "not-declared" else objection.advice


def _waiver_text(decision: Decision) -> str:
    return f"; its owner vouches for: {', '.join(decision.waived)}" if decision.waived else ""


def _figures(group: Sequence[Decision]) -> str:
    if len(group) > 1 or not group[0].figures:
        return ""
    return f" ({', '.join(f'{name} {number_text(value)}' for name, value in group[0].figures)})"


def total_lines(result: Result) -> list[str]:
    """Return the lines of the total; none where nothing was judged."""
    if not any(text.partition("{")[0] == "cache" for text in result.optimizers):
        return []
    total = total_of(result, "cache")
    return list(_lines(total)) if total.calls or total.uncalled else []


def total_record(result: Result) -> list[dict[str, Any]]:
    """Return the totals for JSON, one record an optimizer and engine."""
    return [msgspec.structs.asdict(total) for total in verdict_totals(result)]


def _lines(total: VerdictTotals) -> Iterator[str]:
    if total.calls:
        yield f"{counted(total.calls, 'step')} in {counted(total.workflows, 'workflow')}: {_verdicts(total)}."
    if total.never:
        yield f"Never, by reason (a step can have several): {_reasons(total.never)}."
    if total.unknown:
        yield f"Not known here: {_reasons(total.unknown)}."
    if total.declarable:
        yield f"To be declared: {_reasons(total.declarable)}."
    if total.uncalled:
        parts = ", ".join(f"{count:,} {VERDICT_WORDS[verdict]}" for verdict, count in total.uncalled.items())
        count = sum(total.uncalled.values())
        yield f"{counted(count, 'template')} or {'task' if count == 1 else 'tasks'} that nothing here calls: {parts}."


def _verdicts(total: VerdictTotals) -> str:
    count = total.verdicts.get
    parts = [f"{count('cached', 0):,} cached"]
    if count("declarable"):
        where = f" in {counted(total.places, 'place')}" if total.places else ""
        parts.append(f"{count('declarable'):,} would be after declarations{where}")
    parts += [f"{count(name):,} {VERDICT_WORDS[name]}" for name in ("never", "run-time", "not-in-call") if count(name)]
    return ", ".join(parts)


def _reasons(rules: Mapping[str, int]) -> str:
    """The most frequent reasons with their counts."""
    words: dict[str, int] = {}
    for rule, count in rules.items():
        words[words_for(rule)] = words.get(words_for(rule), 0) + count
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    more = " and others" if len(ordered) > REASONS else ""
    return ", ".join(f"{name} {count:,}" for name, count in ordered[:REASONS]) + more


def words_for(rule: str) -> str:
    """Return the plain words for a rule; its name with spaces where a plugin made it."""
    return RULE_WORDS.get(rule, rule.replace("-", " "))
