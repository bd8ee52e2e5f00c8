"""Over every corpus, with drawn histories: only attempts and their memory change, nothing undeclared runs twice."""

from __future__ import annotations

import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.changed_places import check_places
from adapters.subjects import SUBJECTS, Subject, each_file, lift_file
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import Adapter
from couler_plugins.options.config import load_config
from couler_plugins.options.rows import Row
from couler_plugins.plan import Plan
from couler_plugins.plugins import load_plugins
from couler_plugins.reliability.optimizer import Guard
from rightsizing.drawn import runs_of
from support import own_files

# KFP warns of itself when it loads what was written.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.sampled,
]

PLUGINS = load_plugins(load_config(environ={}))
NAMES = tuple(name for letter in string.ascii_lowercase + string.digits for name in (f"*{letter}*", f"*{letter}*/*"))
ALL = Row("all steps", {"step": NAMES}, {"idempotent": True})
PLACES = {
    "argo": r"retryStrategy|timeout|podSpecPatch",
    "tekton": r"retries|timeout",
    "kfp": r"retryPolicy|spec/platformSpec|platforms(/kubernetes(/deploymentSpec(/executors(/[^/]+"
    r"(/activeDeadlineSeconds)?)?)?)?)?|components/comp-[^/]+/executorLabel|deploymentSpec/executors/[^/]+",
    "airflow": r"(retries|retry_delay|retry_exponential_backoff|max_retry_delay|execution_timeout|(has_)?retry_policy)"
    r"(/__var|/__type)?",
}
"""Where each engine has attempts, told without its adapter: the end of a path in a document."""
DECLARED = ("couler.io/cache", "couler.io/idempotent")
"""What a file has in which an owner may say that steps may run twice."""
NEVER_BEGAN = re.compile(r"\^Pod failed before init container starts|(\(\?s\))?\^init: ")
"""How a pattern begins of a message that says that nothing has run."""

REASONS = (
    "its engine cannot tell what never began, and nobody says that it may run twice",
    "it has a retry already, which stays as it is",
    "its workflow has a retry for all templates, which stays as it is",
    "a second attempt does not fit into",
    "it starts no pod of its own",
    "its row, or the option `retries`, says that it is tried once",
    "a daemon runs for as long as others need it",
    "a caller keeps it as it is",
    "its run says so",
    "what calls it says how often it is tried, and for how long",
    "what it calls is in another workflow",
    "Tekton has no retries beside onError: continue",
    "the controller of a custom task decides what is repeated",
    "it gets no timeout: fewer than",
    "it gets no timeout: its newest attempts take longer than the oldest, and would outgrow one",
    "it gets no timeout: it would be longer than",
    "it has a timeout already, which stays as it is",
    "its own timeout is short",
    "its workflow has a timeout for all templates, which stays as it is",
    "Argo has no timeout of a suspended step",
    "a sensor waits for as long as its own `timeout` says",
    "its wait for a lock would count, however long others have that",
    "its wait for a quota of Kueue would count, however long that is",
    "it runs a pipeline, whose tasks can have it",
    "KFP starts a pod for containers only",
    "KFP's driver does it, without a pod",
)
"""How the reasons begin for which a step is left alone."""


def guarded(plan: Plan, adapter: Adapter, original: Plan, *rows: Row) -> Plan:
    """The plan after `guard`, with a history of the original."""
    context = RunContext(PLUGINS, rows={"guard": rows})
    context.__dict__["_runs"] = [run for workflow in original.workflows for run in runs_of(workflow, adapter)]
    return Guard(min_samples=5).run(plan, context)


@pytest.mark.parametrize("rows", [(), (ALL,)], ids=["undeclared", "declared"])
@pytest.mark.parametrize(("subject", "path"), each_file())
def test_attempts_change_and_nothing_else(subject: Subject, path: Path, rows: tuple[Row, ...]) -> None:
    plan = lift_file(subject, path)
    new = guarded(plan, subject.adapter, plan, *rows)
    stays = [item.reason for item in new.decisions if not item.action]
    assert [reason for reason in stays if not reason.startswith(REASONS)] == []
    again = guarded(new, subject.adapter, plan, *rows)
    assert again.workflows == new.workflows
    assert not any(item.action for item in again.decisions[len(new.decisions) :])
    check_places(subject, plan, new, PLACES)
    if not rows and not any(word in file.text for file in plan.bundle.files for word in DECLARED):
        for workflow, changed in zip(plan.workflows, new.workflows, strict=True):
            assert set(added_retries(workflow, changed)) <= {NEVER_BEGAN.pattern}


def added_retries(old: Any, new: Any) -> list[str]:
    """What says which failures the retries repeat that a workflow has and had not: the pattern above if it fits."""
    nodes = [[*item.operations, *(step for graph in item.graphs for step in graph.steps)] for item in (old, new)]
    added = []
    for before, after in zip(*nodes, strict=True):
        if after.retry != before.retry:
            texts = re.findall(r"matches '([^']*)'", str(after.retry.condition.parts[0]))
            added += [NEVER_BEGAN.pattern if NEVER_BEGAN.match(text) else text for text in texts or ["anything"]]
    return added


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.engine)
def test_enough_of_our_own_corpus_is_guarded(subject: Subject) -> None:
    changes: Counter[str] = Counter()
    for path in own_files(subject.engine):
        plan = lift_file(subject, path)
        changes.update(item.action.partition(",")[0] for item in guarded(plan, subject.adapter, plan, ALL).decisions)
    repeated = changes["repeat failures that pass"] + changes["repeat any failure"]
    assert repeated >= {"airflow": 1}.get(subject.engine, 15), changes
    assert subject.engine != "argo" or not changes["repeat any failure"]
    assert changes["set a timeout"] >= {"airflow": 1}.get(subject.engine, 15), changes
