"""Workers make the keys and look results up by themselves: they are asked, and told why not."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from couler_plugins.caching.calls import Place, steps_of, stripped
from couler_plugins.caching.decisions import NAME, Judgement, decision_on, ordered
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import CacheChange, EngineCache, Objection, Request
from couler_plugins.ir import Directive, Step, Workflow, replace_steps, with_directive
from couler_plugins.plan import Decision

ASKED = Directive(kind=NAME)


class WorkerKeys(EngineCache[Request, CacheSettings]):
    """The cache of one workflow of an engine whose workers look results up, under keys that they make.

    Args:
        workflow: the workflow.
    """

    key_model = "worker"
    options = frozenset()

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow

    @property
    @abstractmethod
    def settings_objection(self) -> Objection | None:
        """Why workers with the settings of this place cache nothing at all; None where they do."""

    @abstractmethod
    def requests(self, *, assume_pure: bool, explains: bool) -> Mapping[Place, Request]:
        """Return what to ask of each step, by graph and step, in the order of the source.

        Args:
            assume_pure: whether a step of which its owner says nothing counts as declared pure.
            explains: whether anybody reads objections and doubts; which steps are asked is the same without.
        """

    @property
    def bare(self) -> Workflow:
        """The workflow with no step asked."""
        return stripped(self.workflow)

    def verdicts(self, settings: CacheSettings) -> Mapping[Place, Request]:
        """Return what to ask of each step."""
        return self.requests(assume_pure=settings.assume_pure, explains=settings.ctx.explains)

    def apply(self, verdicts: Mapping[Place, Request], settings: CacheSettings) -> CacheChange:
        """Return the workflow with the steps asked that workers look at, and why.

        Where workers would cache nothing at all, the first decision says so, without a verdict.
        What was asked before stays: a step that is asked again is not asked anew.
        """
        workflow, steps = self.workflow, steps_of(self.workflow)
        places = {place for place, step in steps.items() if ASKED in step.directives}
        changed = {
            place: with_directive(steps[place], ASKED)
            for place, request in verdicts.items()
            if request.is_asked and place not in places
        }
        decisions = []
        if settings.ctx.explains and (changed or places) and (missing := self.settings_objection) is not None:
            reason = missing.advice
            decisions.append(Decision(optimizer=NAME, workflow=workflow.label, reason=reason, objections=(missing,)))
        decisions += [
            self._decision("/".join(place), steps[place], request, settings.ctx, new=place in changed)
            for place, request in verdicts.items()
        ]
        return CacheChange(workflow=replace_steps(workflow, changed) if changed else workflow, decisions=decisions)

    def _decision(self, subject: str, step: Step, request: Request, ctx: Context, *, new: bool) -> Decision:
        against = ordered(request.objections or request.doubts)
        if request.objections:
            reasons = [item.advice if request.verdict == "declarable" else item.reason for item in against]
        else:
            reasons = [f"{request.declared} says that it is pure" if new else "its worker looks up its result already"]
            reasons += [f"decided when it runs: {item.reason}" for item in against]
        return decision_on(
            self.workflow,
            subject,
            ctx,
            step=step,
            judgement=Judgement(request.verdict, against),
            objection=against[0] if request.objections else None,
            reasons=[*reasons, request.note],
            action=("check in the worker" if request.objections else NAME) if new else "",
            waived=request.waived,
        )
