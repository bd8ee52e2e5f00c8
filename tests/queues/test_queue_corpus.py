"""Over every corpus: only labels and time to wait change, each pod has the labels or a reason, twice is once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.changed_places import check_places
from adapters.subjects import SUBJECTS, Subject, each_file, lift_file
from couler_plugins.driver.context import RunContext
from couler_plugins.ir import Call, CallSite, Workflow, call_sites
from couler_plugins.options.config import load_config
from couler_plugins.plan import Plan
from couler_plugins.plugins import load_plugins
from couler_plugins.queues.application import QUEUE
from couler_plugins.queues.optimizer import Queue
from support import own_files

# KFP warns of itself when it loads what was written.
pytestmark = [
    pytest.mark.sampled,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

PLUGINS = load_plugins(load_config(environ={}))
PLACES = {
    "argo": r"metadata(/labels(/.*)?)?|timeout|activeDeadlineSeconds",
    "tekton": r"metadata(/labels(/.*)?)?|timeouts?|spec/timeouts(/(pipeline|tasks|finally))?"
    r"|spec/taskRunSpecs(/\d+.*)?",
    "kfp": r"spec/platformSpec|platforms(/kubernetes(/deploymentSpec(/executors(/[^/]+(/podMetadata.*)?)?)?)?)?"
    r"|components/comp-[^/]+/executorLabel|deploymentSpec/executors/[^/]+",
    "airflow": r"labels.*|(schedule|startup)_timeout_seconds|execution_timeout.*|dagrun_timeout.*",
}
"""Where each engine has them, told without its adapter: the end of a path in a document."""
REASONS = (
    "its owner says something of Kueue already",
    "it is a daemon: it keeps its quota while others need it",
    "it may start others and wait for them",
    "it would hold its lock while it waits for a quota",
    "what calls it would hold its lock",
    "only the run knows",
    "its workflow has a `timeout` for all templates",
    "its `timeout` counts the wait",
    "it runs in no pod of its own",
    "what it calls is in another workflow: name the file of",
    "what it runs is in another object",
    "a StepAction is a part of a Task",
    "it runs a pipeline, whose tasks can have it",
    "KFP starts a pod for containers only",
    "KFP's driver does it, without a pod",
    "it starts no pod, and the Kubernetes executor does not run it",
    "only the run, or the template of its pod, says what it has already",
    "Airflow gives up on a worker that waits",
    "a row of the settings says never",
    "it would wait for ever",
)
"""How the reasons begin for which a pod waits in no queue of ours."""


def queued(plan: Plan) -> Plan:
    return Queue(name_="team", wait=600).run(plan, RunContext(PLUGINS))


def without_queue(subject: Subject, workflow: Workflow) -> Iterator[str]:
    """The calls of operations that have no queue, as the adapter reads what it wrote."""
    home = subject.adapter.homes()["labels"]
    operations = {item.name: item for item in workflow.operations}
    for site in call_sites(workflow):
        operation = operations.get(site.step.call.name) if isinstance(site.step.call, Call) else None
        if operation is None:
            continue
        own = home.of(workflow, site, operation)
        if own.at == "workflow":
            labels = own.read("labels", workflow)(CallSite(site.graph, site.step))
        else:
            labels = own.read("labels", operation) if own.at == "operation" else ()
        if QUEUE not in dict(labels or ()):
            yield site.label


@pytest.mark.parametrize(("subject", "path"), each_file())
def test_labels_and_time_to_wait_change_and_nothing_else(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    new = queued(plan)
    stays = [item for item in new.decisions if not item.action]
    assert [item.reason for item in stays if not item.reason.startswith(REASONS)] == []
    reasons = {(item.workflow, name) for item in stays for name in (item.subject, *item.affects)}
    missing = [(one.label, name) for one in new.workflows for name in without_queue(subject, one)]
    assert [place for place in missing if place not in reasons] == []
    again = queued(new)
    assert again.workflows == new.workflows
    assert not any(item.action for item in again.decisions[len(new.decisions) :])
    check_places(subject, plan, new, PLACES)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.engine)
def test_enough_of_our_own_corpus_waits(subject: Subject) -> None:
    changes: Counter[str] = Counter()
    for path in own_files(subject.engine):
        changes.update(item.action for item in queued(lift_file(subject, path)).decisions)
    assert changes["put into a queue"] >= {"airflow": 5}.get(subject.engine, 40)
