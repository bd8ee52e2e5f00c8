"""Over every corpus, with drawn histories: only sizes change, each container has some or a reason, twice is once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.changed_places import check_places, comments
from adapters.subjects import SUBJECTS, Subject, each_file, lift_file
from couler_plugins import Result, optimize
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import Adapter
from couler_plugins.options.config import Config, load_config
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import load_plugins
from couler_plugins.rightsizing.optimizer import Rightsize
from rightsizing.drawn import history_in, runs_of
from support import SHARED, own_files, where_shared

# KFP warns of itself when it loads what was written.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PLUGINS = load_plugins(load_config(environ={}))
PLACES = {
    "argo": r"resources(/(requests|limits)(/(cpu|memory))?)?",
    "tekton": r"(computeR|r)esources(/(requests|limits)(/(cpu|memory))?)?|spec/taskRunSpecs(/\d+)?",
    "kfp": r"container/resources(/((resourceC|c)pu|(resourceM|m)emory)(Request|Limit))?"
    r"|components/comp-[^/]+/executorLabel|deploymentSpec/executors/[^/]+",  # of those that share one
    "airflow": r"container_resources.*|executor_config.*",
}
"""Where each engine has sizes, told without its adapter: the end of a path in a document."""
REASONS = (
    "its run says it",
    "its limit of memory comes from",
    "its annotation couler.io/rightsize says so",
    "no past attempt of its steps is known",
    "a podSpecPatch may say the sizes of its pod",
    "it has no container of its own",
    "a StepAction is a part of a Task",
    "it runs a pipeline, whose tasks can have it",
    "what it runs is in another object",
    "what it calls is in another workflow",
    "KFP starts a pod for containers only",
    "KFP's driver does it, without a pod",
    "it starts no pod, and the Kubernetes executor does not run it",
    "only the run, or the template of its pod, says what it has already",
    "its sizes are right within",
)
"""How the reasons begin for which a container has no new sizes."""


def sized(plan: Plan, adapter: Adapter, original: Plan) -> Plan:
    """The plan after `rightsize`, with a history of the original."""
    context = RunContext(PLUGINS)
    context.__dict__["_runs"] = [run for workflow in original.workflows for run in runs_of(workflow, adapter)]
    return Rightsize().run(plan, context)


def without_sizes(plan: Plan, adapter: Adapter) -> Iterator[tuple[str, str]]:
    """The containers without requests of both, each by its workflow and operation."""
    for workflow in plan.workflows:
        for operation in workflow.operations:
            for item in adapter.pod_sizes(workflow, operation).containers:
                if not {"cpu", "memory"} <= {name for name, _ in (*item.requests, *item.limits)}:
                    yield workflow.label, operation.name


@pytest.mark.parametrize(("subject", "path"), each_file())
def test_sizes_change_and_nothing_else(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    new = sized(plan, subject.adapter, plan)
    stays = {(item.workflow, item.subject) for item in new.decisions if not item.action}
    # A decision without a subject is about all operations of its workflow.
    assert not [place for place in without_sizes(new, subject.adapter) if not {place, (place[0], "")} & stays]
    assert [item.reason for item in new.decisions if not item.action and not item.reason.startswith(REASONS)] == []
    again = sized(new, subject.adapter, plan)
    assert again.workflows == new.workflows
    assert not any(item.action for item in again.decisions[len(new.decisions) :])
    check_places(subject, plan, new, PLACES)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.engine)
def test_enough_of_our_own_corpus_is_sized(subject: Subject) -> None:
    changes: Counter[str] = Counter()
    for path in own_files(subject.engine):
        plan = lift_file(subject, path)
        changes.update(item.action for item in sized(plan, subject.adapter, plan).decisions)
    assert changes["set requests and limits"] >= {"airflow": 5}.get(subject.engine, 40)


def rightsized(folder: Path, config: Config) -> Result:
    return optimize(str(folder), [Rightsize()], config=config, plugins=PLUGINS)


FIELD = sorted(path.name for path in (SHARED / "corpus" / "field").glob("*")) or ["missing"]


@pytest.mark.slow
@pytest.mark.parametrize("name", where_shared("corpus/field", FIELD))
def test_repositories_of_others_get_sizes_and_nothing_else(name: str, tmp_path: Path) -> None:
    folder = SHARED / "corpus" / "field" / name
    traces = optimize(str(folder), [], config=Config(), plugins=PLUGINS).workflow_versions
    workflows = [workflow for trace in traces if (workflow := trace.versions[0]) is not None]
    runs = [run for workflow in workflows for run in runs_of(workflow, PLUGINS.adapter(workflow.engine))]
    result = rightsized(folder, history_in(tmp_path, runs))
    decisions: list[Decision] = [item for file in result.files for item in file.decisions]
    assert [item.reason for item in decisions if not item.action and not item.reason.startswith(REASONS)] == []
    for file in result.files:
        for edit in file.edits:
            place = "/".join(map(str, edit.edit.after or edit.edit.before or ()))
            assert re.search(rf"(^|/)({PLACES['argo']}|{PLACES['tekton']})$", place), place
        if file.status == "changed":
            assert comments(file.original or "") == comments(file.text or "")
    if name == "ClimateImpactLab__downscaleCMIP6":  # its pods were all sized by hand
        changes = [dict(item.figures) for item in decisions if item.action]
        assert sum(item["memory before"] != item["memory after"] for item in changes) >= 25
