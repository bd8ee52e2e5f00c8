from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.hookspecs import Context
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Call, Step, Workflow
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins
from couler_plugins.viz.page import page
from couler_plugins.viz.page.markup import clean, escaped, json_island
from pluginbox import PluginBox
from support import ROOT, corpus_files
from viz.pagebox import Element, data_of, make_page, parse, result_of

CHURN = ROOT / "couler_plugins" / "demo" / "churn.yaml"
EVIL = """</script><script>alert(1)</script><img src=x onerror=alert(1)> "'&amp; ]]> <!-- {{x}} `${1}`"""
HIDDEN = "user\u202egnp.exe \u2028 \u2029 \x07 \x85"


def toys(box: PluginBox) -> Plugins:
    box.add_toy()
    return box.load()


def toy(*names: str, **changes: Any) -> Text:
    steps = [{"name": name, "run": f"run {name}", "when": name, **changes} for name in names]
    return Text(json.dumps({"kind": "Toy", "name": f"w {names[0]}", "steps": steps}), f"{names[0]}.json")


def steps(tree: Element) -> list[Element]:
    return tree.all("g", "step")


def assert_whole(html: str) -> Element:
    """Balanced, ids unique, references to what is there, and nothing from elsewhere."""
    tree = parse(html)
    ids = [item.attributes["id"] for item in tree.walk() if "id" in item.attributes]
    assert len(ids) == len(set(ids))
    for item in tree.walk():
        for name in ("href", "src", "action", "xlink:href", "srcset", "poster", "data"):
            if name in item.attributes:
                assert name == "href"
                assert (item.attributes[name] or "").removeprefix("#") in ids
        assert not [name for name in item.attributes if name.startswith("on")]
    assert {item.name for item in tree.walk()} & {"link", "iframe", "object", "embed", "base", "img", "form"} == set()
    [style] = tree.all("style")
    assert not re.search(r"@import|url\((?!#)", style.text)
    assert "://" not in style.text + script_of(tree)
    return tree


def script_of(tree: Element) -> str:
    [script] = [item for item in tree.all("script") if "type" not in item.attributes]
    return script.text


def test_the_page_of_the_example() -> None:
    tree = assert_whole(make_page(CHURN, "dedupe,prune"))
    assert [item.text for item in tree.all("h1")] == ["churn-*"]
    assert tree.all("p", "summary")[0].text == "1 of 8 steps changed, 2 operations removed, −733 bytes"
    assert tree.all("p", "meta")[0].text == "churn.yaml · pipeline  dedupe,prune"
    assert [item.text for item in tree.all("fieldset")[0].all("span")] == ["Before", "After dedupe", "After"]
    rows = [item.text for item in tree.all("nav")[0].all("li")]
    assert rows == [
        "billing-features merge into usage-features it does exactly what usage-features does",
        "csv-export remove neither the entrypoint nor a handler reaches it",
    ]
    assert [item.text.split()[0] for item in tree.all("g", "changed")] == ["billing"]
    assert [item.text for item in tree.all("figure")[0].all("h3")] == ["nightly"]


def test_a_changed_step_tells_what_it_was() -> None:
    tree = parse(make_page(CHURN, "dedupe,prune"))
    [billing] = tree.all("g", "changed")
    texts = {item.text: item.attributes.get("class") for item in billing.all("text", "what")}
    assert texts == {"billing-features": "what vx v0", "usage-features": "what vx v1 v2"}
    data = data_of(tree)
    step = data["steps"][(billing.attributes["id"] or "")[1:]]
    assert (step["name"], step["graph"], step["status"]) == ("billing", "nightly", "changed")
    assert dict(step["facts"])["runs"] == "usage-features"
    assert dict(step["before"])["runs"] == "billing-features"
    assert [data["decisions"][number]["action"] for number in step["decisions"]] == ["merge into usage-features"]
    hunk = data["hunks"][step["hunks"][0]].split("\n")
    assert hunk[0] == "@@ line 25 @@"
    assert hunk[2:5] == [" - name: billing", "-  template: billing-features", "+  template: usage-features"]


def test_without_optimizers_it_is_the_workflow() -> None:
    tree = assert_whole(make_page(CHURN))
    assert tree.all("p", "summary")[0].text == "8 steps, as written"
    assert tree.all("fieldset") == []
    assert tree.all("g", "changed") == []
    assert tree.all("", "vx") == []


def test_nothing_to_do_is_said() -> None:
    tree = assert_whole(make_page(CHURN, "prune{keep=csv-export}"))
    assert "nothing changed" in tree.all("p", "summary")[0].text
    assert "no change" in tree.all("nav")[0].text


@pytest.mark.parametrize("name", [EVIL, HIDDEN, "'\"><svg onload=alert(1)>", "__proto__", ""])
def test_no_text_of_a_manifest_becomes_markup(name: str, plugin_box: PluginBox) -> None:
    names = [name, f"{name}2"]
    html = make_page(toy(*names), "hurry", toys(plugin_box))
    html.encode()
    tree = assert_whole(html)
    plain = assert_whole(make_page(toy("a", "b"), "hurry", plugin_box.load()))
    assert [item.name for item in tree.walk() if item.name != "title"] == [
        item.name for item in plain.walk() if item.name != "title"
    ]
    assert script_of(tree) == script_of(plain)
    assert sorted(step["name"] for step in data_of(tree)["steps"].values()) == sorted(map(clean, names))
    assert not re.search("[\u2028\u2029\u202e\x07\x85]", html)


def test_hostile_reasons_and_diffs(plugin_box: PluginBox) -> None:
    toys(plugin_box)
    plugin_box.add(
        "evil",
        f"""
        from typing import ClassVar
        from dataclasses import dataclass
        from couler_plugins import hookimpl
        from couler_plugins.ir import Literal, replace

        @dataclass(frozen=True)
        class Evil:
            "Sets timeouts."
            name: ClassVar[str] = "evil"
            text: str = ""
            def run(self, plan, ctx):
                return plan.map_operations(
                    self.name, lambda item: replace(item, timeout=Literal(value={EVIL!r})),
                    action={EVIL!r}, reason={EVIL!r})

        @hookimpl
        def couler_optimizers():
            return [Evil]
        """,
    )
    plugins = plugin_box.load()
    tree = assert_whole(make_page(toy("a"), "evil", plugins))
    data = data_of(tree)
    assert (data["decisions"][0]["action"], data["decisions"][0]["reason"]) == (EVIL, EVIL)
    assert any("</script>" in line for line in data["hunks"])
    assert EVIL in tree.all("nav")[0].text


@given(st.text())
def test_escaping(text: str) -> None:
    assert not re.search(r"[<>\"]|&(?!(amp|lt|gt|quot|#x27);)", escaped(text))
    island = json_island([clean(text)])
    assert not re.search("[<>&\u2028\u2029]", island)
    assert json.loads(island) == [clean(text)]
    assert all(character.isprintable() or character in "\n\t" for character in clean(text))


def test_what_cannot_be_encoded_is_replaced() -> None:
    assert clean("a\ud800b") == "a\N{REPLACEMENT CHARACTER}b"


def test_several_files_have_a_picker_and_sections(plugin_box: PluginBox) -> None:
    plugins = toys(plugin_box)
    tree = assert_whole(make_page([toy("a"), toy("b", timeout=5)], "hurry", plugins))
    assert [item.text for item in tree.all("", "picker")[0].all("li")] == ["w a 1 of 1 changed", "w b 1 step"]
    assert [item.text for item in tree.all("h2") if item.all("small")] == ["w a Toy · a.json", "w b Toy · b.json"]
    assert tree.all("h1")[0].text == "2 workflows"
    assert tree.all("nav")[0].all("b")[0].text == "w a a"


def test_a_refused_file_is_named(plugin_box: PluginBox) -> None:
    broken = Text("kind: Toy\nsteps: 3\n", "broken.yaml")
    tree = assert_whole(make_page([toy("a"), broken], "hurry", toys(plugin_box)))
    assert tree.all("p", "refused")[0].text == "broken.yaml  was left as it is: steps is no list"


def test_what_is_left_alone_is_folded_and_short(plugin_box: PluginBox) -> None:
    toys(plugin_box)
    plugin_box.add(
        "idle",
        """
        from dataclasses import dataclass, replace
        from typing import ClassVar
        from couler_plugins import Decision, hookimpl

        @dataclass(frozen=True)
        class Idle:
            "Does nothing."
            name: ClassVar[str] = "idle"
            def run(self, plan, ctx):
                for workflow in plan.workflows:
                    plan = plan.with_workflow(workflow, workflow, *(
                        Decision(optimizer="idle", workflow=workflow.label, subject=f"main/{step.name}",
                                 reason="it is cheap already")
                        for step in workflow.graphs[0].steps
                    ))
                return plan

        @hookimpl
        def couler_optimizers():
            return [Idle]
        """,
    )
    plugins = plugin_box.load()
    tree = assert_whole(make_page(toy(*(f"s{n}" for n in range(1000))), "idle", plugins))
    [folded] = tree.all("details")
    assert "open" not in folded.attributes
    assert folded.all("summary")[0].text == "1,000 left alone"
    assert "and 988 more" in folded.text
    assert tree.all("nav")[0].all("li") == []
    assert tree.all("g", "changed") == []
    data = data_of(tree)
    assert data["decisions"][data["steps"]["7"]["decisions"][0]]["reason"] == "it is cheap already"


def test_without_scripts_steps_and_changes_are_there() -> None:
    tree = parse(make_page(CHURN, "dedupe"))
    style = tree.all("style")[0].text
    assert ":root:not(.live) .scripted { display: none; }" in style
    assert len(steps(tree)) == 8
    for row in tree.all("nav")[0].all("a"):
        target = (row.attributes["href"] or "")[1:]
        assert [item for item in tree.walk() if item.attributes.get("id") == target]
    assert tree.all("body")[0].attributes["data-version"] == "1"


def test_the_policy_allows_nothing_from_elsewhere() -> None:
    tree = parse(make_page(CHURN, "dedupe"))
    [policy] = [item for item in tree.all("meta") if item.attributes.get("http-equiv")]
    assert policy.attributes["content"] == (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    )


def test_steps_can_be_reached_and_say_what_they_are() -> None:
    tree = parse(make_page(CHURN, "dedupe"))
    for svg in (item for item in tree.all("svg") if "role" in item.attributes):
        boxes = svg.all("g", "step")
        assert [item.attributes["tabindex"] for item in boxes] == ["0", *["-1"] * (len(boxes) - 1)]
        assert {item.attributes["role"] for item in boxes} == {"button"}
    labels = {item.attributes["aria-label"] for item in steps(tree)}
    assert "billing, runs usage-features, changed" in labels
    assert "publish, runs publish, if {choose.result} != none" in labels


@pytest.mark.slow
def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from couler_plugins.cli import main; main()", "graph", "--format", "html"]
    texts = set()
    for seed in ("0", "1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "workflow.yaml").write_bytes(CHURN.read_bytes())
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command_line = [*command, "-p", "dedupe,prune", str(folder / "workflow.yaml")]
        done = subprocess.run(command_line, env=environment, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
    assert str(tmp_path).encode() not in texts.pop()


@pytest.mark.parametrize("path", corpus_files("argo"))
def test_every_corpus_workflow_has_a_page(path: Path) -> None:
    tree = assert_whole(make_page(path, "dedupe,prune"))
    assert len(steps(tree)) == len(data_of(tree)["steps"])


@dataclass(frozen=True)
class Split:
    """Moves the feature sets of the example into a graph of their own."""

    name: ClassVar[str] = "split"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        del ctx
        steps = ["usage", "billing", "support", "join"]
        return plan.move_steps(self.name, plan.workflows[0], "nightly", steps, "features", reason="they make one table")


def test_steps_that_move_keep_both_places() -> None:
    """One picture holds all versions; what a version does not have is hidden in it."""
    tree = assert_whole(make_page(CHURN, [Split()]))
    panels = {item.all("h3")[0].text: item for item in tree.all("figure")}
    assert panels["features"].attributes["class"] == "panel vx v1"
    states = {item.all("text")[0].text: item.attributes["class"] for item in panels["nightly"].all("g", "step")}
    assert states["features"] == "step added vx v1"
    assert states["usage"] == "step removed vx v0"
    assert states["train"] == "step changed"
    assert states["choose"] == "step"
    style = tree.all("style")[0].text
    assert '[data-version="0"] .vx:not(.v0){display:none}' in style
    assert tree.all("p", "summary")[0].text.startswith("1 of 8 steps changed, 5 steps added, 4 steps removed, 1 graph")
    [row] = tree.all("nav")[0].all("a")
    [shown_first] = [item for item in steps(tree) if f"#{item.attributes['id']}" == row.attributes["href"]]
    assert shown_first.all("text")[0].text == "features"


def test_a_workflow_that_an_optimizer_made() -> None:
    made = Workflow(name="made", engine="toy", kind="Toy", entry=Step(name="go", call=Call(name="work")))
    result = Result(
        files=(),
        optimizers=("split",),
        workflow_versions=(WorkflowVersions(file=None, document=None, versions=(None, made)),),
    )
    tree = assert_whole(page(result))
    assert tree.all("h1")[0].text == "made"
    assert [item.attributes["class"] for item in steps(tree)] == ["step added vx v1"]


def test_costs_are_a_table_and_a_fact_of_each_step(plugin_box: PluginBox) -> None:
    plugins = toys(plugin_box)
    result = result_of(toy("one", EVIL), "hurry", plugins)
    rows = [("a run", "", "8 → 4"), ("main/one", "2", "6 → 3"), (f"main/{EVIL}", "1", "2 → 1")]
    html = page(result, lambda workflow: ("of 3 runs", ("step", "hours", "USD"), rows, (f"no {EVIL}",)))
    tree = assert_whole(html)
    [costs] = tree.all("details", "cost")
    assert costs.all("summary")[0].text.split() == ["Cost", "of", "a", "run", "8", "→", "4", "USD"]
    assert [[cell.text for cell in (*row.all("th"), *row.all("td"))] for row in costs.all("tr")] == [
        ["step", "hours", "USD"],
        *map(list, rows),
    ]
    assert [item.text for item in costs.all("p")] == ["of 3 runs; without cache hits", f"no {EVIL}"]
    facts = {step["name"]: dict(step["facts"]) for step in data_of(tree)["steps"].values()}
    assert facts["one"]["cost of a run"] == "2 hours; 6 → 3 USD"
    assert assert_whole(page(result)).all("details", "cost") == []


def test_of_many_costs_the_first_are_shown(plugin_box: PluginBox) -> None:
    result = result_of(toy("one"), "", toys(plugin_box))
    rows = [("a run", "9"), *((f"main/s{number}", "1") for number in range(60))]
    tree = assert_whole(page(result, lambda workflow: ("", ("step", "USD"), rows, ())))
    [costs] = tree.all("details", "cost")
    assert len(costs.all("tr")) == 1 + 50
    assert costs.all("p")[0].text == "and 11 more steps: see their details"
