"""From a plan back to the DAGs it came from: a commit that changes them in place, once, and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from couler_airflow.bundle import TASKS, DagBundle, LiveDag, snapshot
from couler_airflow.generating.workflows import generated
from couler_airflow.journal import Journal
from couler_airflow.patching import patch
from couler_airflow.plugin import Options
from couler_airflow.split.commit import parts_of, split
from couler_plugins.documents import Edit, Path, diff
from couler_plugins.engine_kit.lowering import trace
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.ir import Source, Workflow
from couler_plugins.plan import Lowered, Plan, TracedEdit


class Commit:
    """A plan that was carried out.

    Attributes:
        lowered: what came of it; edits and documents only where the DAGs were serialized when they were lifted.
    """

    def __init__(self, lowered: Lowered, journals: Iterable[Journal], changed: Iterable[LiveDag]) -> None:
        self.lowered = lowered
        self._journals = tuple(journals)
        self._changed = tuple(changed)

    def undo(self) -> None:
        """Puts every DAG back into the state in which it was lifted; the plan can be carried out again."""
        for journal in self._journals:
            journal.undo()
        for live in self._changed:
            live.spent = False


def lower(plan: Plan, options: Options) -> Lowered:
    """Change the DAGs of a plan in place, and say what that changed; write workflows of other engines down as DAGs.

    Raises:
        Unsupported: as `commit`.
    """
    return commit(plan, options).lowered


def commit(plan: Plan, options: Options | None = None) -> Commit:
    """Carries out a plan. A DAG of which nothing is to change is not touched; workflows of other engines are written.

    What one DAG cannot be goes to `Lowered.refused`; all DAGs of its file are then as they were.

    Raises:
        Unsupported: a workflow of Airflow comes from no DAG: there are no operators to run it; or one of another
            engine has something that a DAG cannot do.
    """
    bundle = plan.bundle
    originals: dict[Source | None, Workflow] = {original.source: original for original in plan.originals}
    parts: dict[int, list[Workflow]] = {}
    if any(workflow.engine != "airflow" for workflow in plan.workflows):
        return Commit(generated(plan, options or Options()), (), ())
    for workflow in plan.workflows:
        split = _split_from(workflow)
        if isinstance(bundle, DagBundle) and workflow.source is None and split is not None:
            parts.setdefault(split, []).append(workflow)
        elif not isinstance(bundle, DagBundle) or workflow.source not in originals:
            raise Unsupported(
                f"{workflow.label!r} comes from no DAG, and an operator is a Python object that cannot be written down",
                engine="airflow",
                feature="Workflow.operations",
                hint="lift the DAG itself, and lower what comes of that",
            )
    if not isinstance(bundle, DagBundle):
        return Commit(Lowered(bundle=bundle, added=plan.side, decisions=plan.decisions), (), ())
    pairs = [(originals[workflow.source], workflow) for workflow in plan.workflows if workflow.source is not None]
    return _Committer(plan, bundle, parts).commit([(old, new) for old, new in pairs if new is not old and new != old])


def _split_from(workflow: Workflow) -> int | None:
    """The document whose tasks a part has; None where it has none of any."""
    sources = (step.source for graph in workflow.graphs for step in graph.steps)
    return next((int(source[0]) for source in sources if source is not None), None)


class _Committer:
    def __init__(self, plan: Plan, bundle: DagBundle, parts: Mapping[int, Sequence[Workflow]]) -> None:
        self._plan = plan
        self._bundle = bundle
        self._parts = parts
        self._refused: dict[int, Exception] = {}
        self._journals: dict[int, Journal] = {}
        self._changed: dict[int, Workflow] = {}

    def commit(self, pairs: Sequence[tuple[Workflow, Workflow]]) -> Commit:
        for old, new in pairs:
            assert new.source
            document = int(new.source[0])
            file = self._bundle.file_numbers[document]
            if file in self._refused:
                continue
            try:
                self._carry_out(document, old, new, self._journals.setdefault(file, Journal()))
            except CoulerError as error:
                error.file = error.file or self._bundle.files[file].name
                self._refuse(file, error)
            except BaseException:
                for number in list(self._journals):
                    self._refuse(number)
                raise
        data, edits = self._differences()
        parts = [part for number in self._parts if number in data for part in parts_of(self._bundle.live[number].dag)]
        lowered = Lowered(
            bundle=self._bundle,
            changed=data,
            added=(*map(snapshot, parts), *self._plan.side),
            edits=tuple(edits),
            decisions=self._plan.decisions,
            refused=self._refused,
        )
        return Commit(lowered, self._journals.values(), [self._bundle.live[document] for document in self._changed])

    def _carry_out(self, document: int, old: Workflow, new: Workflow, journal: Journal) -> None:
        live = self._bundle.live[document]
        if live.spent:
            raise InvalidInput(
                f"a plan was carried out on the DAG {old.name!r} already",
                engine="airflow",
                hint="lift the DAG as it is now",
            )
        self._changed[document] = new
        live.spent = True
        if document in self._parts:
            split(live, old, new, self._parts[document], journal)
        else:
            patch(live.dag, dict(enumerate(live.operators)), old, new, journal)

    def _refuse(self, file: int, error: Exception | None = None) -> None:
        self._journals[file].undo()
        for document in [number for number in self._changed if self._bundle.file_numbers[number] == file]:
            self._bundle.live[document].spent = False
            del self._changed[document]
        if error is not None:
            self._refused[file] = error

    def _differences(self) -> tuple[Mapping[int, Any], list[TracedEdit]]:
        data: dict[int, Any] = {}
        edits: list[TracedEdit] = []
        for document, workflow in self._changed.items():
            before = self._bundle.documents[document].data
            if before is None:
                continue
            after = snapshot(self._bundle.live[document].dag)
            result = diff(before, after)
            if result:
                data[document] = after
                edits += self._traced(result, document, workflow)
        return data, edits

    def _traced(self, edits: Iterable[Edit], document: int, workflow: Workflow) -> list[TracedEdit]:
        original = next(item for item in self._plan.originals if item.source == workflow.source)

        def names_of(edit: Edit) -> tuple[str, str]:
            subject = _subject(edit.after, workflow) if edit.before is None else _subject(edit.before, original)
            return subject, workflow.name

        return trace(edits, document, names_of, self._plan.decisions_about(document, workflow.label))


def _subject(path: Path | None, workflow: Workflow) -> str:
    """The step that a path in a serialized DAG leads to; empty for the DAG as a whole."""
    match (path or ())[:3]:
        case (*place, int(number)) if tuple(place) == TASKS:
            return f"{workflow.name}/{workflow.graphs[0].steps[number].name}"
    return ""
