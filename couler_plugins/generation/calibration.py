"""How well a form fits a description, between 0 and 1, without asking any model.

In the paper, who wrote the workflow also scores it. Here a score is counted from words, values and edges: it is always
the same, and says what is missing. What it cannot see is whether the workflow means the right thing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from couler_plugins.generation.form import CODE, Form, FormStep
from couler_plugins.generation.retrieval import Index, retrieve, words
from couler_plugins.generation.scope import waits_for
from couler_plugins.hookspecs import CatalogueStep

WEIGHTS = {"subtasks": 0.35, "steps": 0.2, "edges": 0.15, "catalogue": 0.15, "values": 0.15}
ENOUGH = 0.6
"""The share of a subtask's words that a step has to have to be the one that does it."""

LIKELY = 3
"""Steps of the catalogue that a subtask may mean."""

CLAUSE = re.compile(r"[.;:!?](?:\s|$)|,\s|\b(?:and|then|but)\b")

VALUE = re.compile(r"(?<![\w.-])(?:\d+(?:\.\d+)?|[a-z0-9]+://[^\s,;)\"']+|\"[^\"]+\"|'[^']+')(?![\w-])")
"""What a description gives literally: numbers, URLs, and what stands in quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A score, and what it is made of.

    Attributes:
        parts: shares by name: `subtasks` that a step does, `steps` that do a subtask, steps that `edges` join to the
            others, steps from the `catalogue` where that has one, `values` of the description that are in the form.
        gaps: what is missing, in words.
    """

    parts: Mapping[str, float]
    gaps: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """The mean of the parts, by their weights."""
        return round(sum(WEIGHTS[name] * share for name, share in self.parts.items()), 4)


def calibrate(
    form: Form, description: str, subtasks: Sequence[str], catalogue: Mapping[str, CatalogueStep]
) -> Calibration:
    """The score of a form that has no problems.

    Args:
        form: the form.
        description: what was asked for.
        subtasks: what it was taken apart into; its clauses where it was not.
        catalogue: the steps that could have been used.
    """
    tasks = (*subtasks,) or clauses(description)
    said = {step.name: set(words(_said(step, catalogue))) for step in form.steps}
    wanted = {task: set(words(task)) for task in tasks}
    gaps: list[str] = []
    parts: dict[str, float] = {}

    shares = {task: max(_share(own, found) for found in said.values()) for task, own in wanted.items() if own}
    if subtasks:  # a clause need not be something to do
        gaps += [f"no step seems to do this: {task}" for task, share in shares.items() if share < ENOUGH]
    parts["subtasks"] = _mean([min(1.0, share / ENOUGH) for share in shares.values()])

    meant = set(retrieve(tasks, catalogue, len(catalogue), each=LIKELY))
    strangers = [step.name for step in form.steps if step.use not in CODE and step.use not in meant]
    gaps += [f"nothing in the description asks for the step {name!r}" for name in strangers]
    parts["steps"] = 1 - len(strangers) / len(form.steps)

    alone = _apart(form)
    gaps += [f"the step {name!r} has nothing to do with the others" for name in alone]
    parts["edges"] = 1 - len(alone) / len(form.steps)

    instead = _instead(form, description, catalogue)
    gaps += [f"the step {name!r} is written out, and the catalogue has {other!r}" for name, other in instead.items()]
    parts["catalogue"] = 1 - len(instead) / len(form.steps)

    values = {found.strip("\"'").rstrip(".:!?") for found in VALUE.findall(description)}
    text = "\n".join((msgspec.json.encode(form).decode(), *(" ".join(step.command) for step in form.steps)))
    lost = sorted(value for value in values if value not in text)
    gaps += [f"the description says {value!r}, and the workflow does not" for value in lost]
    parts["values"] = 1 - len(lost) / len(values) if values else 1.0
    return Calibration(parts=parts, gaps=tuple(gaps))


def clauses(description: str) -> tuple[str, ...]:
    """The parts of a description, as far as its punctuation tells them."""
    parts = tuple(clause.strip() for clause in CLAUSE.split(description) if words(clause))
    return parts or (description,)


def _said(step: FormStep, catalogue: Mapping[str, CatalogueStep]) -> str:
    """All that a step says of itself."""
    entry = catalogue.get(step.use)
    own = [step.name, step.code, *step.command, *(str(taken.value or "") for taken in step.inputs)]
    own += [entry.name, entry.description, *entry.tags] if entry is not None else []
    return " ".join(own)


def _share(wanted: set[str], found: set[str]) -> float:
    return len(wanted & found) / len(wanted)


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares) if shares else 1.0


def _apart(form: Form) -> list[str]:
    """The steps that are not in the largest group of steps that are joined by edges."""
    group = {step.name: {step.name} for step in form.steps}
    for step in form.steps:
        for other in waits_for(step):
            if group[other] is not group[step.name]:
                joined = group[other] | group[step.name]
                group.update(dict.fromkeys(joined, joined))
    largest = max(group.values(), key=len)
    return [step.name for step in form.steps if step.name not in largest]


def _instead(form: Form, description: str, catalogue: Mapping[str, CatalogueStep]) -> dict[str, str]:
    """Steps that are written out, unasked, though the catalogue has one with all words of their names, by name."""
    called = {name: f"{name} {' '.join(step.tags)}" for name, step in catalogue.items()}
    index = Index(called)
    replacements: dict[str, str] = {}
    for step in form.steps:
        own = set(words(step.name))
        best = index.best(step.name, 1) if own and step.use in CODE and not _is_named(step, description) else []
        if best and own <= set(words(called[best[0]])):
            replacements[step.name] = best[0]
    return replacements


def _is_named(step: FormStep, description: str) -> bool:
    """Whether a description itself wants a step to be written out: it names the image, or Python."""
    return step.image in description if step.use == "container" else step.use in description.lower()
