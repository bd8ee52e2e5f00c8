"""Every hook works as its page says: the examples in docs/plugins/hooks.md are the plugins of these tests."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from types import FunctionType

import pytest

from couler_plugins import Text, lift, optimize
from couler_plugins.driver.context import RunContext
from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.hookspecs import HOOKSPECS
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.hookspecs.trials import Trial
from couler_plugins.hpo.proposals import ask_tuner
from couler_plugins.hpo.reading import read_task
from couler_plugins.inputs.sources import read_source
from couler_plugins.ir import Literal
from couler_plugins.parallelism.check import ask_partitioner
from couler_plugins.plugins import PARTITIONERS, STEPS, STORES, TUNERS
from couler_plugins.reliability.classification import classify
from couler_plugins.runs import Attempt, Candidate, History
from pluginbox import PluginBox
from support import ROOT

PAGE = (ROOT / "docs" / "plugins" / "hooks.md").read_text()
TOY = "kind: Toy\nname: a\nsteps:\n- {name: get, run: curl}\n"


HOOKS: list[FunctionType] = [
    value for module in HOOKSPECS for value in vars(module).values() if hasattr(value, "couler_plugins_spec")
]


def heading(hook: FunctionType) -> str:
    return f"## `{hook.__name__}{str(inspect.signature(hook)).replace(chr(39), '')}`"


def example(name: str) -> str:
    section = re.search(rf"^## `{name}\(.*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    (code,) = re.findall(r"^```python\n(.*?)^```", section[0], re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture
def box(plugin_box: PluginBox) -> PluginBox:
    plugin_box.add_toy()
    return plugin_box


def install(box: PluginBox, hook: str) -> None:
    box.add("example", example(hook))
    (record,) = (record for record in box.records() if record.name == "example")
    assert record.hooks == (hook,)
    assert not record.errors


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_a_hook_is_documented_with_its_exact_signature(hook: FunctionType) -> None:
    assert heading(hook) in PAGE.splitlines()
    assert inspect.getdoc(hook)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_the_example_of_a_hook_is_short(hook: FunctionType) -> None:
    lines = [line for line in example(hook.__name__).splitlines() if line.strip()]
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_a_hook_has_a_test_of_its_name(hook: FunctionType) -> None:
    trees = [ast.parse(path.read_text()) for path in Path(__file__).parent.glob("test_*.py")]
    names = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert f"test_hook_{hook.__name__}" in names


def test_nothing_is_documented_that_is_no_hook() -> None:
    documented = re.findall(r"^## `(\w+)", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(hook.__name__ for hook in HOOKS)


def test_hook_couler_optimizers(box: PluginBox) -> None:
    install(box, "couler_optimizers")
    result = optimize(Text(TOY), "time-limit{seconds=5}")
    assert result.documents[0]["steps"][0]["timeout"] == 5
    assert not optimize(Text(result.text), "time-limit{seconds=5}").changed


def test_hook_couler_adapters(box: PluginBox) -> None:
    install(box, "couler_adapters")
    text = "kind: AcmeFlow\nsteps: [1,  2]\n"
    result = optimize(Text(text), "hurry", to="acme")
    assert result.text == text
    assert box.load().adapter("acme").engine == "acme"


def test_hook_couler_profiles(box: PluginBox) -> None:
    install(box, "couler_profiles")
    Path("durations.json").write_text(json.dumps({"a": {"main/get": 12.5}}))
    plugins = box.load()
    (workflow,) = lift(Text(TOY), plugins=plugins).workflows
    assert RunContext(plugins).profile(workflow, "main/get").seconds == 12.5
    assert RunContext(plugins).profile(workflow, "main/other").seconds is None


def test_hook_couler_runs(box: PluginBox, tmp_path: Path) -> None:
    install(box, "couler_runs")
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"flow": "a", "tasks": [{"name": "main/get", "took": 4.5}]}))
    plugins = box.load()
    (workflow,) = lift(Text(TOY), plugins=plugins).workflows
    (item,) = read_source(str(log), 1000)
    assert item.file is not None
    context = RunContext(plugins, history=[item.file])
    (run,) = context.runs(workflow)
    assert run.steps[0].seconds == 4.5


def test_hook_couler_partitioners(box: PluginBox) -> None:
    install(box, "couler_partitioners")
    dag = Dag.of("abcd", [[], [0], [1], [2]], [1.0] * 4)
    partitioner = box.load().parse(PARTITIONERS, "slices{steps=3}")
    assert ask_partitioner(partitioner, dag, Budget(steps=3)).labels == (0, 0, 0, 1)
    with pytest.raises(PluginFailure, match="part 0 takes 3 steps of at most 2"):
        ask_partitioner(partitioner, dag, Budget(steps=2))


def test_hook_couler_tuners(box: PluginBox) -> None:
    install(box, "couler_tuners")
    rate = {"type": "float", "low": 0, "high": 1, "default": 0.5}
    task = read_task({"data": {"name": "toy", "metric": "loss"}, "space": {"rate": rate}})
    tuner = box.load().parse(TUNERS, "nearby")
    first = ask_tuner(tuner, task, [], 0)
    assert first is not None
    assert first.values == (("rate", 0.5),)
    trial = Trial(number=0, values=first.values, state="complete", value=1.0)
    second = ask_tuner(tuner, task, [trial], 1)
    assert second is not None
    assert second == ask_tuner(tuner, task, [trial], 1)
    assert 0 <= float(dict(second.values)["rate"]) <= 1


def test_hook_couler_steps(box: PluginBox) -> None:
    install(box, "couler_steps")
    step = box.load().get(STEPS, "count-words")
    built = step.build({"text": "one two"})
    assert [(argument.name, argument.value) for argument in built.arguments] == [("text", Literal(value="one two"))]
    (container,) = built.operation.containers
    assert container.image == Literal(value="busybox:1.37")
    with pytest.raises(InvalidInput, match="the step 'count-words' needs the input 'text'"):
        step.build({})


def test_hook_couler_cache_policies(box: PluginBox) -> None:
    install(box, "couler_cache_policies")
    policy = RunContext(box.load()).policy("newest")
    candidates = [Candidate(key=key, bytes=5, created=made) for key, made in (("a", 1.0), ("b", 3.0), ("c", 2.0))]
    assert policy.keep(candidates, 10, History()) == {"b", "c"}
    assert policy.online() is policy


def test_hook_couler_artifact_stores(box: PluginBox) -> None:
    install(box, "couler_artifact_stores")
    store = box.load().get(STORES, "team").open("team://growth")
    assert store.put("a/b", b"1")
    assert Path("teams/growth/a/b").read_bytes() == b"1"
    assert not store.put("a/b", b"2", replace=False)
    with store.read("a/b") as stream:
        assert stream.read() == b"1"
    assert [found.name for found in store.list("a/")] == ["a/b"]
    store.delete("a/b")
    with pytest.raises(FileNotFoundError):
        store.read("a/b")


def test_hook_couler_before_optimizer(box: PluginBox, caplog: pytest.LogCaptureFixture) -> None:
    install(box, "couler_before_optimizer")
    optimize(Text(TOY), "hurry")
    assert "hurry gets 1 steps" in caplog.text


def test_hook_couler_after_optimizer(box: PluginBox) -> None:
    install(box, "couler_after_optimizer")
    optimize(Text(TOY), "hurry,hurry")
    assert Path("audit.log").read_text() == "[hurry] a get: timeout set: it had none\n"


def test_hook_couler_causes(box: PluginBox) -> None:
    install(box, "couler_causes")
    box.declare("built-in", "couler_plugins.optimizers")
    causes = RunContext(box.load()).causes()
    assert causes[0].name == "no-licence", "before the built-in ones"
    failed = Attempt(exit_code=1, message="main: Error (exit code 1): Licensed number of users already reached")
    assert classify(failed, "argo", causes).cause_class == "throttled"
    assert classify(failed, "argo", causes[1:]).name == "program-failed"
