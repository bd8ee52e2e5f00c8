"""Steps of plugins: held to the contract when they are registered, listed, and found by name."""

from __future__ import annotations

import json

import pytest

from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.plugins import STEPS
from pluginbox import PluginBox

PLUGIN = """
from couler_plugins import hookimpl
from couler_plugins.steps import StepInput, StepOutput, container_step


def step(**fields):
    fields = {{"name": "count", "description": "Counts.", "image": "busybox", "command": ["true"], **fields}}
    return container_step(**fields)


A = StepInput(name="a", description="A.")


@hookimpl
def couler_steps():
    return [{step}]
"""


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("StepInput", "couler_steps(): StepInput is a class (return an instance of it)"),
        ("7", "couler_steps(): the step '7': it has no name"),
        ('step(name="Count")', "the step 'Count': its name 'Count' is not kebab-case"),
        ('step(description="")', "the step 'count': it has no description"),
        ("step(inputs=[A, A])", "the step 'count': two of its inputs are called 'a'"),
        ('step(inputs=[StepInput(name="a_b", description="A.")])', "'a_b' among its inputs is not kebab-case"),
        ('step(outputs=["a"])', "the step 'count': it has no tuple of outputs (StepOutput)"),
        ('step(inputs=[StepInput(name="image", description="A.")])', "two of its inputs are called 'image'"),
    ],
)
def test_what_is_no_step_is_said_with_its_plugin(plugin_box: PluginBox, step: str, problem: str) -> None:
    plugin_box.add("mine", PLUGIN.format(step=step))
    (record,) = plugin_box.records()
    assert "steps" not in record.provides
    assert problem in record.errors[0]


def test_a_step_without_build_is_none(plugin_box: PluginBox) -> None:
    fields = "name='odd', description='Odd.', inputs=(), outputs=()"
    source = f"from types import SimpleNamespace\n{PLUGIN.format(step=f'SimpleNamespace({fields})')}"
    plugin_box.add("mine", source)
    (record,) = plugin_box.records()
    assert record.errors == ("couler_steps(): the step 'odd': it has no method build(arguments)",)


def test_steps_are_found_by_name_and_clashes_are_refused(plugin_box: PluginBox) -> None:
    plugin_box.add("mine", PLUGIN.format(step='step(inputs=[A]), step(name="other")'))
    plugins = plugin_box.load()
    assert list(plugins.all(STEPS)) == ["count", "other"]
    with pytest.raises(InvalidInput, match="there is no ready-made step 'cont'") as missing:
        plugins.get(STEPS, "cont")
    assert missing.value.hint == "did you mean 'count'? there is count, other"
    plugin_box.add("yours", PLUGIN.format(step="step()"))
    clashing = plugin_box.load()
    assert list(clashing.all(STEPS)) == ["other"]
    with pytest.raises(PluginFailure, match=r"2 plugins have a ready-made step 'count': mine .* and yours"):
        clashing.get(STEPS, "count")


def test_steps_are_listed_with_what_they_take_and_give(plugin_box: PluginBox) -> None:
    from click.testing import CliRunner

    from couler_plugins.cli.group import couler

    plugin_box.add("mine", PLUGIN.format(step="step(inputs=[A], tags=['text'])"))
    done = CliRunner().invoke(couler, ["plugins"])
    assert done.exit_code == 0
    assert "  ready-made step count: Counts.\n" in done.stdout
    (plugin,) = json.loads(CliRunner().invoke(couler, ["plugins", "--format", "json"]).stdout)["plugins"]
    (step,) = plugin["steps"]
    assert (step["name"], step["summary"], step["tags"]) == ("count", "Counts.", ["text"])
    assert [item["name"] for item in step["inputs"]] == ["a", "image", "cpu", "memory", "secrets"]
    assert step["inputs"][1]["default"] == "busybox"
    assert step["outputs"] == []
