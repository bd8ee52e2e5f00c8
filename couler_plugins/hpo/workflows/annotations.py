"""What facets of tuning share: the note in a workflow, annotations that ask for tuning, and refusals of trials."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.tuning import FanOut, Trials, Tuning
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.ir import Operation, Step, Workflow
from couler_plugins.plan import Plan

Place = tuple[str, str]
TUNED = "couler.io/tuned"
"""The annotation of a workflow that says what tuning has done to it."""
PREFIX = f"{ANNOTATION}."
"""How annotations of a workflow begin that ask for tuning one of its steps."""


class DocumentTuning(Tuning):
    """The facet for one workflow.

    Args:
        workflow: the workflow.
        plan: all workflows that it may call.

    Attributes:
        part_of, tuned: see `Tuning`.
    """

    part_of = ""
    tuned = ""

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow = workflow
        self._libraries = plan.libraries

    def prints(self, callee: Operation) -> bool:
        """No step can read what another one prints."""
        return False

    def fan_out(self, trials: Trials) -> FanOut:
        """The trials in the engine's own terms.

        Raises:
            Unsupported: the engine would not run each of them by itself, or they would disturb others.
        """
        for reason, hint in self.objections(trials):
            raise Unsupported(reason, feature="tune{trials}", hint=hint)
        return self.arrange(trials)

    @abstractmethod
    def objections(self, trials: Trials) -> Iterator[tuple[str, str]]:
        """Why these trials cannot run, each with a hint."""

    @abstractmethod
    def arrange(self, trials: Trials) -> FanOut:
        """The trials, which nothing is against."""


def requests_in(
    annotations: Mapping[str, str],
    steps: Mapping[Place, Step],
    of_callee: Callable[[Step], tuple[str, str] | None],
    graph: str = "",
) -> dict[Place, tuple[str, str]]:
    """What annotations say of tuning steps; see `Tuning.requests`.

    Args:
        annotations: those of the workflow, which name steps. One that names none is among the results.
        steps: its steps.
        of_callee: what is said of all steps that call the same.
        graph: the only one whose steps are named; empty where names begin with that of the graph.
    """
    own = {key.removeprefix(PREFIX): text for key, text in annotations.items() if key.startswith(PREFIX)}
    names = {place: place[1] if graph else ".".join(place) for place in steps}
    requests = {}
    for place, step in steps.items():
        name = names[place]
        request = (f"the annotation {PREFIX}{name}", own[name]) if name in own else of_callee(step)
        if request is not None:
            requests[place] = request
    for name in sorted(own.keys() - set(names.values())):
        first, _, last = name.partition(".")
        requests[(graph, name) if graph else (first, last)] = f"the annotation {PREFIX}{name}", own[name]
    return requests
