"""Chains of Python components as one task: they compute what they did, with `kfp.local`, and fail where they did."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kfp.fuse.chains import ALL, actions, apart, fuse, reasons, uncached, values_of
from adapters.kfp.local.child import without_installs
from adapters.kfp.local.corpus import ARGUMENTS, FILES
from adapters.kfp.local.running import Outcome, run
from adapters.kfp.split.generating import Made, chain, random_pipeline
from couler_plugins.api import Text, optimize
from couler_plugins.documents import read

CORPUS = {
    "essential/lightweight_python_functions_pipeline.yaml": 1,
    "essential/pipeline_with_params_containing_format.yaml": 1,
    "collected_artifacts.yaml": 1,
    "pvc_mount.yaml": 1,
    "take_nap_compiled.yaml": 1,
}
"""Pods that are saved in pipelines of the corpus, where tasks are declared idempotent."""


def same(before: Outcome, after: Outcome) -> None:
    """`kfp.local` has a point in whole numbers of mappings and lists, and a cluster has none."""
    assert not after.error, after.log
    one, other = (re.sub(r"(\d)\.0\b", r"\1", json.dumps([item.outputs, values_of(item)])) for item in (before, after))
    assert one == other


def fused(spec: dict[str, Any], pods: int) -> str:
    """The text of a pipeline, of which so many pods are saved."""
    result = fuse(spec)
    named = [action.split(" in one pod")[0].count(",") for action in actions(result)]
    assert sum(named) == pods, reasons(result)
    again = optimize(Text(result.text, "pipeline.yaml"), ALL)
    assert actions(again) == []
    return result.text


def test_a_chain_computes_what_its_tasks_did() -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    spec = apart(chain(2))
    same(run(json.dumps(spec)), run(fused(spec, 3)))


@pytest.mark.slow
@settings(max_examples=4)
@given(st.lists(st.integers(0, 2), min_size=3, max_size=6))
def test_drawn_pipelines_compute_what_they_did(steps_back: list[int]) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    edges = [sorted({max(0, at - 1 - back), at - 1}) if at else [] for at, back in enumerate(steps_back)]
    spec = apart(random_pipeline(edges))
    same(run(json.dumps(spec)), run(fused(spec, len(edges) - 1)))


@pytest.mark.slow
def test_a_failure_in_the_middle_is_one_of_the_chain(tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    spec = apart(chain(3, folder=str(tmp_path), fail="step-2"))
    assert "step-0-to-tell" in run(fused(spec, 4)).error
    assert sorted(path.name.split(".")[0] for path in tmp_path.iterdir()) == ["step-0", "step-1", "step-2"]
    (tmp_path / "mended").touch()
    same(run(json.dumps(spec)), run(fused(spec, 4)))


def typed() -> dict[str, Any]:
    """A chain that hands on each type of a parameter, texts around values, a file, and two inputs of one name."""
    pipeline = Made("typed", number="int")
    pipeline.component(
        "make",
        "def make(number: int, text: OutputPath(str)) -> NamedTuple('Made', [('whole', int), ('rate', float), "
        "('yes', bool), ('many', list), ('facts', dict)]):\n"
        "    open(text, 'w').write('a \"text\"\\nof two lines')\n"
        "    return (number, 0.5, True, [1, 'b'], {'a': {}})\n",
        {"number": "int"},
        {"text": "str", "whole": "int", "rate": "float", "many": "list", "facts": "dict"},
    )
    pipeline.spec["components"]["comp-make"]["outputDefinitions"]["parameters"]["yes"] = {"parameterType": "BOOLEAN"}
    pipeline.component(
        "tell",
        "def tell(number: int, text: str, yes: bool, rate: float, many: list, facts: dict, around: str) -> str:\n"
        "    return repr([number, text, yes, rate, many, facts, around])\n",
        {"number": "int", "text": "str", "rate": "float", "many": "list", "facts": "dict", "around": "str"},
        {"Output": "str"},
    )
    pipeline.spec["components"]["comp-tell"]["inputDefinitions"]["parameters"]["yes"] = {"parameterType": "BOOLEAN"}
    pipeline.task("make", "make", {"number": "$number"})
    passed = {name: f"make.{name}" for name in ("text", "yes", "rate", "many", "facts")}
    channel = "pipelinechannel--make-whole"
    pipeline.task("tell", "tell", {"number": 4, **passed, channel: "make.whole"})
    text = f"<{{{{$.inputs.parameters['{channel}']}}}}>"
    pipeline.spec["root"]["dag"]["tasks"]["tell"]["inputs"]["parameters"]["around"] = {
        "runtimeValue": {"constant": text}
    }
    pipeline.output("told", "tell", "str")
    return pipeline.spec


@pytest.mark.slow
def test_values_of_all_types_are_handed_on() -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    spec = uncached(typed())
    after = run(fused(spec, 1))
    same(run(json.dumps(spec)), after)
    assert after.outputs["told"].startswith("[4, 'a \"text\"\\nof two lines', True, 0.5, [1")
    assert after.outputs["told"].endswith("'<3>']")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CORPUS if name in FILES])
def test_pipelines_of_the_corpus_compute_what_they_did(name: str) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    spec = uncached(without_installs(read(FILES[name].read_text("utf-8"), name).documents[0].data))
    after = fused(spec, CORPUS[name])
    if name.startswith(("take", "collected", "pvc")):
        return  # these do not run with `kfp.local`: it is slow, or lacks something
    same(run(json.dumps(spec), ARGUMENTS.get(name)), run(after, ARGUMENTS.get(name)))


@pytest.mark.slow
def test_kfp_takes_what_is_made() -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    from kfp.components import load_component_from_text

    assert load_component_from_text(fused(apart(chain(3)), 4)).name == "chained"
