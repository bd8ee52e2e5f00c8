"""What tuning leaves in a workflow, so that it finds its own work when it runs again, and the workflow without it.

What facets of tuning share: the note in a workflow, annotations that ask for tuning, and refusals of trials.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Literal as OneOf

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.tuning import FanOut, Trials, Tuning
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.values import default_of, with_arguments, with_default
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Operation,
    Reference,
    Scalar,
    Step,
    Value,
    Workflow,
    call_sites,
    callables,
    remove_callables,
    replace,
    replace_callables,
)
from couler_plugins.plan import Plan


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was done to one step.

    Attributes:
        key: of all that it was made of: the task with what the owner had set, the tuner, the number of trials.
        was: the constants that its owner passed, by hyperparameter; None where nothing was passed.
        flows: the parameters of the workflow that hand over what was tuned, by hyperparameter: how these are referred
            to, and their names. Without trials, `was` and `now` are theirs.
        now: those that are passed instead, where that is all; empty where trials run first.
        trials, best: the steps that were added before it.
        added: what these call, where that was added, too.
    """

    key: str
    was: dict[str, Scalar]
    flows: dict[str, tuple[str, str]] = msgspec.field(name="handed", default={})
    now: dict[str, Scalar] = {}
    trials: str = ""
    best: str = ""
    added: tuple[str, ...] = ()


def handed_over(parameters: Mapping[str, Reference]) -> dict[str, tuple[str, str]]:
    """How a note says which parameters of the workflow hand hyperparameters over."""
    return {name: (reference.to, reference.name) for name, reference in parameters.items()}


def read_notes(text: str) -> dict[str, Note]:
    """The notes of a workflow, by `graph/step`; none where they cannot be read: then nothing of ours is known there."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Note])
    except (msgspec.DecodeError, RecursionError):
        return {}


def write_notes(notes: Mapping[str, Note]) -> str:
    """The text of some notes; empty for none."""
    return msgspec.json.encode(dict(sorted(notes.items()))).decode() if notes else ""


def stands(workflow: Workflow, place: tuple[str, str], note: Note) -> bool:
    """Whether a step still is as tuning has left it: its owner has set nothing else since."""
    graph, step = _find(workflow, place)
    if graph is None or step is None:
        return False
    passed = {item.name: item.value for item in step.arguments if item.kind == "parameter"}
    if not note.trials:
        return all(_now(workflow, passed.get(name), note, name) == Literal(value=note.now[name]) for name in note.now)
    names = {item.name for item in graph.steps}
    return {note.trials, note.best} <= names and all(
        passed.get(name) == Reference(to="output", kind="parameter", step=note.best, name=name) for name in note.was
    )


def moved_from(workflow: Workflow, place: tuple[str, str], notes: Mapping[str, Note]) -> str:
    """Where a step was when it was tuned, if it has been moved into another graph since; empty if it has not."""
    if "/".join(place) in notes:
        return ""
    for name in notes:
        graph, _, step = name.rpartition("/")
        if step == place[1] and _find(workflow, (graph, step))[1] is None:
            return name
    return ""


def without_tuning(workflow: Workflow, place: tuple[str, str], note: Note) -> Workflow:
    """The workflow with one step as its owner wrote it, where it `stands`."""
    graph, step = _find(workflow, place)
    assert graph is not None
    assert step is not None
    was: dict[str, Value | None] = {
        name: None if value is None else Literal(value=value) for name, value in note.was.items()
    }
    gone = {note.trials, note.best} - {""}
    if not gone:
        bare = with_arguments(step, {name: value for name, value in was.items() if name not in note.flows})
        workflow = replace_callables(workflow, {graph.name: _replaced(graph, bare)})
        for name, (_, parameter) in note.flows.items():
            workflow = with_default(workflow, parameter, Literal(value=note.was[name]))
        return workflow
    arguments = {
        name: Reference(to=_refers(to), kind="parameter", name=parameter)
        for name, (to, parameter) in note.flows.items()
    }
    bare = with_arguments(step, {**was, **arguments})
    bare = replace(bare, needs=_find_step(graph, note.trials).needs)
    without = replace_callables(workflow, {graph.name: _without(_replaced(graph, bare), gone)})
    # What other optimizers have merged is called by another name than the note says.
    added = {
        *note.added,
        *(step.call.name for step in graph.steps if step.name in gone and isinstance(step.call, Call)),
    }
    others = [site for site in call_sites(without) if site.graph is None or site.graph.name not in added]
    called = {site.step.call.name for site in others if isinstance(site.step.call, Call)}
    callees = callables(without)
    return remove_callables(without, [name for name in sorted(added) if name in callees and name not in called])


def _now(workflow: Workflow, passed: Value | None, note: Note, name: str) -> Value | None:
    """What a hyperparameter is, be it by what its parameter of the workflow is unless a run says otherwise."""
    if name not in note.flows:
        return passed
    _, parameter = note.flows[name]
    unchanged = passed is None or (isinstance(passed, Reference) and passed.name == parameter)
    return default_of(workflow, parameter) if unchanged else None


def _refers(to: str) -> OneOf["parameter", "input"]:
    return "input" if to == "input" else "parameter"


def _find(workflow: Workflow, place: tuple[str, str]) -> tuple[Graph | None, Step | None]:
    graph = next((graph for graph in workflow.graphs if graph.name == place[0]), None)
    step = next((step for step in graph.steps if step.name == place[1]), None) if graph else None
    return graph, step


def _find_step(graph: Graph, name: str) -> Step:
    return next(step for step in graph.steps if step.name == name)


def _replaced(graph: Graph, step: Step) -> Graph:
    return replace(graph, steps=tuple(step if item.name == step.name else item for item in graph.steps))


def _without(graph: Graph, names: set[str]) -> Graph:
    stages = graph.stages and tuple(
        left for stage in graph.stages if (left := tuple(name for name in stage if name not in names))
    )
    regions = tuple(
        replace(region, steps=tuple(name for name in region.steps if name not in names)) for region in graph.regions
    )
    steps = tuple(item for item in graph.steps if item.name not in names)
    return replace(graph, steps=steps, stages=stages, regions=regions)


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
