"""From a description to a form: decomposition, retrieval, generation, repairs, and a score that says when to stop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.generation.asking import Subtasks, Talk, judged, printable
from couler_plugins.generation.calibration import Calibration, calibrate
from couler_plugins.generation.composition import compose
from couler_plugins.generation.form import CODE, Form, Problem, schema_for
from couler_plugins.generation.generation_options import GenerationOptions
from couler_plugins.generation.lake import Library, listing
from couler_plugins.generation.retrieval import retrieve
from couler_plugins.generation.validation import validate
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.llm.access import BudgetReached
from couler_plugins.llm.client import LONGEST_TEXT, Client, Malformed, ModelUnavailable, read_answer

WHOLE = 100
"""Steps of a catalogue that a model is told of without retrieval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A form without problems.

    Attributes:
        form: the form.
        steps: the ready-made steps that it uses, by name.
        calibration: how well it fits the description.
        subtasks: what the description was taken apart into.
        repairs: how often the model was told of problems.
        notes: what the user should know of how it came about.
    """

    form: Form
    steps: Mapping[str, CatalogueStep]
    calibration: Calibration
    subtasks: tuple[str, ...] = ()
    repairs: int = 0
    notes: tuple[str, ...] = ()


def generate(
    client: Client,
    description: str,
    library: Library,
    manner: GenerationOptions | None = None,
    before: Form | None = None,
    feedback: Sequence[str] = (),
) -> Generated:
    """The workflow that a description asks for.

    Args:
        client: the model.
        description: in plain language.
        library: what it may be written of.
        manner: how it is asked for.
        before: the workflow that feedback is of.
        feedback: what the user said of it, the latest last.

    Raises:
        InvalidInput: there is no description, or the model gave nothing that can be used, or its budget is used up.
        EngineError: the model's server gives no answers.
    """
    if not description.strip():
        raise InvalidInput("there is no description", hint="say in a sentence what the workflow is to do")
    if any(len(text) > LONGEST_TEXT for text in (description, *feedback)):
        message = f"the description or the feedback is longer than {LONGEST_TEXT:,} characters"
        raise InvalidInput(message, hint="say it in fewer words, and the rest as feedback on what comes out")
    return _Round(client, description, library, manner or GenerationOptions(), before, tuple(feedback)).run()


class _Round:
    """One workflow being asked for."""

    def __init__(
        self,
        client: Client,
        description: str,
        library: Library,
        manner: GenerationOptions,
        before: Form | None,
        feedback: tuple[str, ...],
    ) -> None:
        self.manner, self.library, self.before, self.feedback = manner, library, before, feedback
        self.description = description
        self.talk = Talk(client, manner)
        self.subtasks: tuple[str, ...] = ()
        self.steps: dict[str, CatalogueStep] = {}
        self.best: tuple[Form, Calibration] | None = None
        self.repairs = 0
        self.notes: list[str] = []

    def run(self) -> Generated:
        try:
            self._write()
        except (BudgetReached, ModelUnavailable) as error:
            if self.best is None:
                raise _given_up(error) from error
            self.notes.append(f"it was not asked further: {error}")
        assert self.best is not None, "there was neither a workflow nor an error"
        form, calibration = self.best
        if calibration.score < self.manner.threshold:
            self.notes.append(f"it scores {calibration.score:.2f}, less than {self.manner.threshold:g}")
        used = {step.use: self.steps[step.use] for step in form.steps if step.use not in CODE}
        return Generated(
            form=form,
            steps=used,
            calibration=calibration,
            subtasks=self.subtasks,
            repairs=self.repairs,
            notes=tuple(self.notes),
        )

    def _write(self) -> None:
        self.subtasks = self._decomposed() if self.manner.stages.decompose else ()
        self.steps = self._retrieved()
        uses = (*self.steps, *(CODE if self.manner.code else ()))
        self.talk.begin("generate" if self.before is None else "feedback", self._document(), schema_for(uses))
        attempts = self.manner.attempts if self.manner.stages.calibrate else 1
        for attempt in range(attempts):
            form = self._attempt(last_chance=self.best is None)
            if form is None:
                break
            calibration = calibrate(form, self._wish(), self.subtasks, self.steps)
            if self._is_better(form, calibration):
                self.best = form, calibration
            if calibration.score >= self.manner.threshold or not calibration.gaps:
                break
            if attempt + 1 < attempts:
                self.talk.say("improve", gaps=_listed(calibration.gaps))

    def _wish(self) -> str:
        return " ".join((self.description, *self.feedback))

    def _is_better(self, form: Form, calibration: Calibration) -> bool:
        if self.best is None or calibration.score != self.best[1].score:
            return self.best is None or calibration.score > self.best[1].score
        if not self.manner.judge or form == self.best[0]:
            return False
        old, new = (judged(self.talk, self._wish(), one) for one in (self.best[0], form))
        return new > old

    def _decomposed(self) -> tuple[str, ...]:
        names = sorted(self.library.steps)[:WHOLE]
        self.talk.begin("decompose", {"steps": names, "description": self._wish()}, Subtasks.schema())
        try:
            tasks = read_answer(self.talk.answer(), Subtasks).subtasks
        except Malformed as error:
            self.notes.append(f"the description was not taken apart: {error}")
            return ()
        return tuple(dict.fromkeys(task[:LONGEST_TEXT] for task in tasks if task.strip()))[: Subtasks.MOST]

    def _retrieved(self) -> dict[str, CatalogueStep]:
        """The steps that may be used; those that the workflow has already, where feedback is of one, always."""
        catalogue = self.library.steps
        names = [step.use for step in self.before.steps if step.use in catalogue] if self.before is not None else []
        if self.manner.stages.retrieve:
            names += retrieve((*self.subtasks, *self.feedback, self.description), catalogue)
        else:
            names += sorted(catalogue)[:WHOLE]
        return {name: catalogue[name] for name in dict.fromkeys(names)}

    def _document(self) -> dict[str, Any]:
        """What a model is told: what questions share comes first, as servers cache that; the description is last."""
        document = listing(self.steps.values())
        if not self.manner.code:
            document["rules"] = ["neither python nor container may be used"]
        if self.manner.stages.retrieve and (examples := self.library.examples(self._wish())):
            document["examples"] = examples
        if self.subtasks:
            document["subtasks"] = list(self.subtasks)
        if self.before is None:
            return {**document, "description": self.description}
        workflow = msgspec.to_builtins(self.before)
        return {**document, "workflow": workflow, "description": self.description, "feedback": list(self.feedback)}

    def _attempt(self, *, last_chance: bool) -> Form | None:
        """A form without problems; None where the model gives none and there is one already.

        Raises:
            InvalidInput: it gives none, and there is none yet.
        """
        repairs = self.manner.repairs if self.manner.stages.repair else 0
        problems: list[str] = []
        for turn in range(repairs + 1):
            if turn:
                self.repairs += 1
                self.talk.say("repair", problems=_listed(problems))
            try:
                form = read_answer(self.talk.answer(), Form)
            except Malformed as error:
                problems = [f"it is not what was asked for: {error}"]
                continue
            result = self._problems(form)
            if not result:
                return form
            problems = [str(problem) for problem in result]
        if last_chance:
            raise _useless(problems, self.talk.last)
        self.notes.append("a further workflow could not be used")
        return None

    def _problems(self, form: Form) -> list[Problem]:
        forbidden = () if self.manner.code else CODE
        problems = [
            Problem(code="unknown-step", step=step.name, message=f"{step.use!r} may not be used", remedy="use others")
            for step in form.steps
            if step.use in forbidden
        ]
        problems += validate(form, self.steps)
        if problems:
            return problems
        try:
            compose(form, self.steps)
        except CoulerError as error:  # a step of the catalogue has rules of its own
            message, remedy = error.message, error.hint or "change it"
            return [Problem(code="bad-value", step=error.step or "", message=message, remedy=remedy)]
        return []


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line[:LONGEST_TEXT]}" for line in lines[:20])


def _given_up(error: Exception) -> CoulerError:
    if isinstance(error, BudgetReached):
        return InvalidInput(f"there is no workflow yet, and {error}", hint="allow more")
    hint = "check that a server runs at --url and has the --model, or try again later"
    return EngineError(f"there is no workflow: {error}", hint=hint)


def _useless(problems: Sequence[str], last: str) -> InvalidInput:
    said = json.dumps(last[:200], ensure_ascii=False)
    message = f"the model gave no workflow that can be used. The last one: {'; '.join(problems[:5])}. It said {said}"
    return InvalidInput(
        printable(message), hint="say more of what the steps are, allow more repairs, or ask a larger model"
    )
