"""Our own workflows and Argo's examples: those of scripts run for real, all others refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.subjects import ARGO
from couler_argo.plugin import ArgoAdapter
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Request
from couler_plugins.running.local.jobs import works_of
from running.local.running import runs
from support import first_of

RUN = {
    "own/flow-style.yaml": {},
    "own/loop-param.yaml": {},
    "colored-logs.yaml": {},
    "conditional-artifacts.yaml": {"result"},
    "conditional-parameters.yaml": {"stepresult"},
    "dag-conditional-artifacts.yaml": {"result"},
    "dag-conditional-parameters.yaml": {"stepresult"},
    "parameter-aggregation-script.yaml": {},
    "pod-spec-from-previous-step.yaml": {},
    "recursive-for-loop.yaml": {},
    "retry-conditional.yaml": {},
    "retry-script.yaml": {},
    "withsequence-nested-result.yaml": {},
}
"""The examples that run here, with the names of their outputs; some toss coins."""
SLOW = ("colored-logs.yaml", "withsequence-nested-result.yaml")
"""Those that print for long, or start many steps by chance."""
REASONS = {
    "own/artifacts.yaml": "its kind is container, and --local runs only scripts",
    "own/container-set.yaml": "its kind is containerSet, and --local runs only scripts",
    "own/daemon.yaml": "it keeps running beside the steps after it",
    "own/http-plugin.yaml": "its kind is http, and --local runs only scripts",
    "own/map-reduce.yaml": "its kind is container, and --local runs only scripts",
    "own/resource.yaml": "its kind is resource, and --local runs only scripts",
    "own/suspend.yaml": "its kind is suspend, and --local runs only scripts",
    "coinflip.yaml": "heads: its kind is container, and --local runs only scripts",
    "map-reduce.yaml": "split: its output 'parts' goes to a place of its own (s3)",
    "expression-destructure-json.yaml": "main: the function 'jsonpath' of an expression is not supported by --local",
    "suspend-template.yaml": "approve: its kind is suspend, and --local runs only scripts",
    "k8s-jobs.yaml": "rand-num: its kind is resource, and --local runs only scripts",
    "volumes-pvc.yaml": "its kind is container, and --local runs only scripts",
    "daemon-step.yaml": "it keeps running beside the steps after it",
}


FILES = {ARGO.shown(path): path for path in ARGO.files()}


def example(name: str) -> str:
    return FILES[name].read_text()


@pytest.mark.parametrize("name", first_of((name for name in RUN if name in FILES and name not in SLOW), 5))
def test_examples_of_scripts_run(tmp_path: Path, name: str) -> None:
    ran = runs(example(name), tmp_path)
    if name == "retry-script.yaml":  # it fails two times out of three, and has eleven attempts
        assert ran.status.steps == 1
        return
    if name == "retry-conditional.yaml":  # it always fails
        assert "exit code " in ran.status.message
        return
    assert (ran.well, set(ran.outputs)) == (True, set(RUN[name])), ran.status
    if name.endswith("artifacts.yaml"):
        assert Path(ran.outputs["result"]).read_text() in ("it was heads", "it was tails")
    if name == "recursive-for-loop.yaml":
        results = [path.read_text() for path in ran.folder.glob("steps/*/made/result")]
        assert sorted(map(int, results)) == list(range(1, 11))
    if name == "parameter-aggregation-script.yaml":
        results = [path.read_text() for path in ran.folder.glob("steps/*divide*/made/result")]
        assert sorted(results) == ["1", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SLOW if name in FILES])
def test_slow_examples_run(tmp_path: Path, name: str) -> None:
    hurried = example(name).replace("time.sleep(1)", "time.sleep(0)")  # it prints a hundred lines, one a second
    assert runs(hurried, tmp_path, parallel=8).well


@pytest.mark.parametrize("name", [name for name in REASONS if name in FILES])
def test_what_only_a_cluster_can_run_is_refused_with_the_reason(name: str) -> None:
    documents = [document.data for document in read(example(name), name).documents]
    with pytest.raises(Unsupported) as caught:
        works_of(ArgoAdapter(), documents, Request(run="r"))
    assert REASONS[name] in str(caught.value)


def test_every_example_is_run_or_refused() -> None:
    ran: set[str] = set()
    for name, path in FILES.items():
        try:
            documents = [document.data for document in read(path.read_bytes(), path.name).documents]
            works_of(ArgoAdapter(), documents, Request(run="r"))
        except (Unsupported, InvalidInput):
            pass
        else:
            ran.add(name)
    assert ran == set(RUN) & set(FILES)
