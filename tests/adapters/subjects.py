"""The adapters that the common suite runs over, each with its corpus and with what an independent count says of it.

To add an adapter, write a `Subject` for it and put it into `SUBJECTS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow import closure as airflow_closure
from adapters.airflow.examples import FOLDERS, airflow_root, dag_files, read_dag_file
from adapters.argo import closure, counts
from adapters.argo.edits import EDITS, edited
from adapters.kfp import closure as kfp_closure
from adapters.kfp import counts as kfp_counts
from adapters.tekton import closure as tekton_closure
from adapters.tekton import counts as tekton_counts
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_airflow.plugin import AirflowAdapter
from couler_airflow.plugin import Options as AirflowOptions
from couler_argo.plugin import ArgoAdapter, Options
from couler_kfp.plugin import KfpAdapter
from couler_kfp.plugin import Options as KfpOptions
from couler_plugins.documents import SourceFile
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Optimizer
from couler_plugins.ir import Literal, Workflow, replace, replace_steps
from couler_plugins.plan import Lowered, Plan
from couler_plugins.testing import subject as testing
from couler_plugins.testing.subject import lift_file, lift_source, lower_and_write, regenerate
from couler_tekton.plugin import Options as TektonOptions
from couler_tekton.plugin import TektonAdapter
from support import ROOT, SHARED, corpus_paths, own_files, sampled

__all__ = [
    "GENERATORS",
    "SUBJECTS",
    "Subject",
    "each_file",
    "each_subject",
    "lift_file",
    "lift_source",
    "lower_and_write",
    "regenerate",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject(testing.Subject):
    """One of our adapters, whose own corpus is widened by the shared one where that is.

    Attributes:
        pipeline: what is optimized by.
        marks: of all tests that run over it.
    """

    pipeline: str | Sequence[Optimizer] = "dedupe,prune,cache{assume-pure=true,via=memoize}"
    edits_inline: bool = False
    marks: tuple[pytest.MarkDecorator, ...] = ()

    @property
    def root(self) -> Path:
        """The folder of the shared corpus."""
        return SHARED / self.folder

    def files(self) -> list[Path]:
        return corpus_paths(self.engine)

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else f"own/{path.name}"

    def edits(self, workflow: Workflow) -> Iterator[Workflow | Unsupported]:
        for kind in EDITS:
            for number, edit in enumerate(edited(workflow, kind)):
                if number <= 3 or isinstance(edit.result, Unsupported):
                    yield edit.result


class AirflowSubject(Subject):
    """DAGs are changed in place: what was lifted from them is lifted again, and they are put back."""

    @property
    def root(self) -> Path:
        return airflow_root()

    def files(self) -> list[Path]:
        return [*own_files("airflow"), *dag_files()]

    def read(self, path: Path) -> SourceFile:
        return read_dag_file(path)

    def edited(self, workflow: Workflow) -> Workflow:
        """The workflow with a time limit for every step: names are the owner's."""
        (graph,) = workflow.graphs
        limited = {(graph.name, step.name): replace(step, timeout=Literal(value=90)) for step in graph.steps}
        return replace_steps(workflow, limited)

    def lowered(self, plan: Plan) -> tuple[Lowered, dict[int, Any]]:
        assert isinstance(plan.bundle, DagBundle)
        done = commit(plan)
        try:
            return done.lowered, {number: snapshot(live.dag) for number, live in enumerate(plan.bundle.live)}
        finally:
            done.undo()

    def relifted(self, plan: Plan, workflows: tuple[Workflow, ...]) -> tuple[Workflow, ...]:
        assert isinstance(plan.bundle, DagBundle)
        done = commit(Plan(bundle=plan.bundle, originals=plan.originals, workflows=workflows))
        try:
            for error in done.lowered.refused.values():
                raise error
            return tuple(lift_dag(live.dag, number) for number, live in enumerate(plan.bundle.live))
        finally:
            done.undo()


class KfpSubject(Subject):
    """A pipeline may have a platform document behind it."""

    def files(self) -> list[Path]:
        return [*super().files(), *sorted((ROOT / "tests/fixtures/kfp").glob("*.yaml"))]

    def origin(self, plan: Plan, workflow: Workflow) -> Any:
        data = super().origin(plan, workflow)
        assert workflow.source is not None
        follower = plan.bundle.documents[int(workflow.source[0]) + 1 :][:1]
        return [data, *(document.data for document in follower if "platforms" in document.data)]

    def grouped(self, added: Sequence[Any]) -> list[Any]:
        groups: list[Any] = []
        for document in added:
            if "platforms" in document:
                groups[-1].append(document)
            else:
                groups.append([document])
        return groups


ARGO = Subject(
    adapter=ArgoAdapter(),
    options=Options(),
    folder=Path("corpus/argo"),
    counted=counts.counted,
    normal=counts.normal,
    consistent=closure.consistent,
    excused=closure.excused,
    closed=closure.closed,
    tries=(16, 12),
)
AIRFLOW = AirflowSubject(
    adapter=AirflowAdapter(),
    options=AirflowOptions(),
    folder=Path(", ".join(FOLDERS)),
    pipeline="cache{assume-pure=true}",
    counted=airflow_closure.counted,
    consistent=airflow_closure.consistent,
    excused=airflow_closure.excused,
    closed=airflow_closure.closed,
    tries=(16, 12),
    invented=airflow_closure.INVENTED,
    edits_inline=True,
    generates=False,
    marks=(pytest.mark.airflow,),
)
KFP = KfpSubject(
    adapter=KfpAdapter(),
    options=KfpOptions(),
    folder=Path("corpus/kfp"),
    counted=kfp_counts.counted,
    normal=kfp_counts.normal,
    consistent=kfp_closure.consistent,
    excused=kfp_closure.excused,
    closed=kfp_closure.closed,
    has_fields=kfp_counts.has_fields,
    invented=kfp_closure.INVENTED,
    edits_inline=True,
)
TEKTON = Subject(
    adapter=TektonAdapter(),
    options=TektonOptions(api="alpha"),
    folder=Path("corpus/tekton"),
    counted=tekton_counts.counted,
    normal=tekton_counts.normal,
    consistent=tekton_closure.consistent,
    excused=tekton_closure.excused,
    closed=tekton_closure.closed,
    has_fields=tekton_counts.has_fields,
    invented=tekton_closure.INVENTED,
    edits_inline=True,
)
SUBJECTS = (ARGO, AIRFLOW, KFP, TEKTON)
GENERATORS = tuple(subject for subject in SUBJECTS if subject.generates)
"""The adapters of engines whose workflows can be written down without an original."""


def each_subject(subjects: Sequence[Subject] = SUBJECTS) -> list[Any]:
    """A parameter for every adapter."""
    return [pytest.param(subject, id=subject.engine, marks=subject.marks) for subject in subjects]


def each_file(subjects: Sequence[Subject] = SUBJECTS) -> list[Any]:
    """Return a parameter for every corpus file of every adapter, (subject, path); most shared ones are `slow`."""
    parameters: list[Any] = []
    for subject in subjects:
        each = {
            path: pytest.param(subject, path, id=f"{subject.engine}:{subject.shown(path)}", marks=subject.marks)
            for path in subject.files()
        }
        foreign = [path for path in each if path.is_relative_to(subject.root)]
        parameters += sampled(each.pop(path) for path in foreign)
        parameters += each.values()
    return parameters
