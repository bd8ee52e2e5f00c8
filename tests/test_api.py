from __future__ import annotations

import copy
import gc
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import couler_plugins
from couler_plugins import Text, convert, lift, lower, optimize
from couler_plugins.api import Source
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, Unsupported
from pluginbox import PluginBox
from toy_plugin import Hurry

TOY = """\
# a comment
kind: Toy
name: a
steps:
- name: get  # here
  run: curl
- {name: use, run: cat, after: [get], timeout: 5}
"""
HURRIED = TOY.replace("  run: curl\n", "  run: curl\n  timeout: 60\n")
TIN = TOY.replace("Toy", "Tin").replace("name: a", "name: t")
OTHER = "kind: Deployment\nx: [1,   2]\n"
NO_STEPS = "kind: Toy\nname: a\nsteps: 3\n"
BROKEN = TOY.replace("after: [get]", "after: [nobody]")


@pytest.fixture(autouse=True)
def _toys(plugin_box: PluginBox) -> None:
    plugin_box.add_toy()


def document(**changes: Any) -> dict[str, Any]:
    return {"kind": "Toy", "name": "a", "steps": [{"name": "get", "run": "curl"}], **changes}


def test_a_text_is_optimized(plugin_box: PluginBox) -> None:
    result = optimize(Text(TOY, "a.yaml"), "hurry")
    assert result.text == HURRIED
    (file,) = result.files
    assert (file.name, file.status, file.workflows) == ("a.yaml", "changed", 1)
    assert [str(decision) for decision in file.decisions] == ["[hurry] a get: timeout set: it had none"]
    (edit,) = file.edits
    assert (edit.edit.op, edit.edit.after, edit.subject, edit.decision) == (
        "add",
        ("steps", 0, "timeout"),
        "main/get",
        0,
    )
    assert result.documents[0]["steps"][0]["timeout"] == 60
    assert optimize(Text(result.text), "hurry").text == result.text


def test_nothing_is_changed_without_an_optimizer() -> None:
    result = optimize(Text(TOY), "")
    assert result.text == TOY
    assert not result.changed
    assert result.files[0].status == "ok"


def test_the_pipeline_is_the_configured_one_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_PIPELINE", "hurry{seconds=7}")
    assert "timeout: 7" in optimize(Text(TOY)).text
    assert "timeout: 8" in optimize(Text(TOY), [Hurry(8)]).text


def test_a_mapping_is_optimized_and_stays_as_it_is() -> None:
    given = document()
    before = copy.deepcopy(given)
    result = optimize(given, "hurry")
    assert given == before
    assert result.documents == (document(steps=[{"name": "get", "run": "curl", "timeout": 60}]),)
    assert optimize([given, document(kind="Deployment")], "hurry").documents[1]["kind"] == "Deployment"


def test_paths_folders_and_globs(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "b.yml").write_text(TOY)
    (folder / "deep" / "a.json").write_text('{"kind": "Toy", "name": "j", "steps": []}')
    (folder / "notes.txt").write_text("kind: Toy")
    (folder / ".hidden" / "c.yaml").write_text("kind: Toy")
    found = {source: [file.relative for file in optimize(source, "hurry").files] for source in ("in", "in/*.yml")}
    assert found == {"in": [".hidden/c.yaml", "b.yml", "deep/a.json"], "in/*.yml": ["b.yml"]}
    globbed = optimize(f"{folder}/**", "hurry")
    assert [file.relative for file in globbed.files] == ["b.yml", "deep/a.json", "notes.txt"]
    assert optimize(folder / "b.yml", "hurry").text == HURRIED
    assert (folder / "b.yml").read_text() == TOY
    assert len(optimize([folder, folder / "b.yml", "in/../in/b.yml"], "").files) == 3


def test_a_file_that_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    sources: list[Source] = [
        Text(NO_STEPS, "no-steps"),
        Text(BROKEN, "broken"),
        Text(": [", "bad"),
        "missing",
        Text(TOY, "good"),
    ]
    result = optimize(sources, "hurry")
    status = {file.name: file.status for file in result.files}
    assert status == dict.fromkeys(("no-steps", "broken", "bad", "missing"), "refused") | {"good": "changed"}
    errors = {file.name: file.error for file in result.files}
    assert [(error.file, error.line) for error in errors.values() if error] == [
        ("no-steps", 3),
        ("broken", 7),
        ("bad", 1),
        ("missing", None),
    ]
    with pytest.raises(InvalidInput, match="no-steps:3: steps is no list"):
        _ = result.documents


def test_what_lowering_refuses_is_refused_by_file() -> None:
    result = optimize([Text(TOY, "a"), Text(TIN, "t")], "hurry", to="toy{strict=true}")
    assert [file.status for file in result.files] == ["refused", "changed"]
    assert isinstance(result.files[0].error, Unsupported)
    with pytest.raises(ValueError, match="there are 2 files"):
        _ = optimize([Text(TOY, "a"), Text(TIN, "t")], "").text


def test_one_file_may_hold_workflows_of_several_engines() -> None:
    text = f"{TOY}---\n{OTHER}---\n{TIN}"
    result = optimize(Text(text), "hurry")
    assert result.text == f"{HURRIED}---\n{OTHER}---\n{HURRIED.replace('Toy', 'Tin').replace('name: a', 'name: t')}"
    (file,) = result.files
    assert [edit.document for edit in file.edits] == [2, 0]
    assert [file.decisions[edit.decision or 0].workflow for edit in file.edits] == ["t", "a"]
    only = optimize(Text(text), "hurry", engine="tin").text
    assert only.startswith(TOY)
    assert only.endswith("after: [get], timeout: 5}\n")
    assert only != text


def test_a_file_that_one_engine_refuses_stays_whole() -> None:
    text = f"{TIN}---\n{NO_STEPS}"
    (file,) = optimize(Text(text), "hurry").files
    assert (file.status, file.text, file.original) == ("refused", None, text)


def test_decisions_find_their_file_among_workflows_of_one_name() -> None:
    hurried = Text(TOY.replace("run: curl", "run: curl\n  timeout: 1"), "b")
    result = optimize([Text(TOY, "a"), hurried, Text(TOY, "c")], "hurry")
    assert [len(file.decisions) for file in result.files] == [1, 0, 1]


def test_what_nobody_claims_passes_through() -> None:
    result = optimize(Text(OTHER), "hurry")
    assert result.text == OTHER
    assert result.files[0].workflows == 0


def test_a_document_that_two_engines_claim_has_to_be_given_to_one(plugin_box: PluginBox) -> None:
    source = """
        from toy_plugin import ToyAdapter
        from couler_plugins import hookimpl
        class Greedy(ToyAdapter):
            engine = "greedy"
        @hookimpl
        def couler_adapters(): return [Greedy()]
    """
    plugin_box.add("greedy", source)
    result = optimize([Text(TOY, "both"), Text(TIN, "tin")], "hurry")
    assert [file.status for file in result.files] == ["refused", "changed"]
    assert "greedy and toy both understand this document\n  hint: choose one" in str(result.files[0].error)
    assert optimize(Text(TOY), "hurry", engine="toy").text == HURRIED


@pytest.mark.parametrize("method", ["claims", "load", "lift", "lower", "dump"])
def test_an_adapter_that_raises_is_named(plugin_box: PluginBox, method: str) -> None:
    source = f"""
        from toy_plugin import ToyAdapter
        from couler_plugins import hookimpl
        class Faulty(ToyAdapter):
            engine = "faulty"
            kind = "Faulty"
            def {method}(self, *arguments):
                raise KeyError("oops")
        @hookimpl
        def couler_adapters(): return [Faulty()]
    """
    plugin_box.add("faulty", source)
    with pytest.raises(PluginFailure, match=r"the adapter 'faulty' failed in .*KeyError: 'oops'"):
        optimize(Text(TOY.replace("Toy", "Faulty")), "hurry")


@pytest.mark.parametrize(("name", "meant"), [("kubeflow", "kfp"), ("Argo-Workflows", "argo"), ("hera", "argo")])
def test_engines_are_known_by_the_names_that_people_use(plugin_box: PluginBox, name: str, meant: str) -> None:
    for engine in ("kfp", "argo"):
        plugin_box.declare(f"{engine}-engine", f"couler_{engine}.plugin")
    with pytest.raises(InvalidInput, match=f"there is no adapter '{name}'\n  hint: did you mean '{meant}'. there is "):
        optimize(Text(TOY), "", to=name)


def test_options_of_adapters_are_checked() -> None:
    with pytest.raises(InvalidInput, match="the adapter 'toy' has no option 'strikt'\n  hint: did you mean 'strict'"):
        optimize(Text(TOY), "", to="toy{strikt=true}")
    with pytest.raises(InvalidInput, match="there is no adapter 'argo'"):
        optimize(Text(TOY), "", to="argo")
    with pytest.raises(InvalidInput, match="there is no adapter 'argo'"):
        optimize(Text(TOY), "", engine="argo")
    with pytest.raises(InvalidInput, match="--to names 'toy' twice"):
        optimize(Text(TOY), "", to="toy,toy{strict=true}")


def test_an_optimizer_object_is_held_to_the_contract() -> None:
    bad: Any = [object()]
    with pytest.raises(PluginFailure, match="this is no optimizer: object: it has no name"):
        optimize(Text(TOY), bad)


def test_lift_and_lower_are_each_others_inverse(plugin_box: PluginBox) -> None:
    plan = lift(Text(TOY))
    assert [workflow.name for workflow in plan.workflows] == ["a"]
    lowered = lower(plan)
    assert not lowered.changed
    assert not lowered.edits
    plan = plan.map_operations("me", Hurry(3).hurried, action="hurried", reason="a test")
    assert lower(plan, to="toy").changed[0]["steps"][0]["timeout"] == 3
    assert lower(plan, to="toy{strict=true}").refused
    with pytest.raises(Unsupported, match="toy workflows cannot be written for tin yet"):
        lower(plan, to="tin")
    empty = lift(Text("kind: Tin\nsteps: []\n")).without({0})
    assert not lower(empty).changed


def test_lift_says_what_it_cannot_lift() -> None:
    with pytest.raises(InvalidInput, match="no-steps:3: steps is no list"):
        lift(Text(NO_STEPS, "no-steps"))
    with pytest.raises(InvalidInput, match=r"found workflows of several engines \(tin, toy\)"):
        lift([Text(TOY), Text(TIN)])
    assert lift([Text(TOY), Text(TIN)], engine="tin").workflows[0].engine == "tin"
    with pytest.raises(InvalidInput, match=r"x: there is no workflow that a plugin understands\n.*tin, toy"):
        lift(Text(OTHER, "x"))
    with pytest.raises(InvalidInput, match="missing: it cannot be read"):
        lift("missing")
    with pytest.raises(InvalidInput, match="nothing matches this pattern"):
        lift("*.nothing")


def test_convert_to_the_own_engine_is_the_identity_even_for_broken_workflows() -> None:
    for text in (TOY, BROKEN, OTHER, f"{OTHER}---\n{TOY}"):
        assert convert(Text(text), "toy").text == text


def test_convert_to_another_engine_is_refused_by_file() -> None:
    result = convert([Text(TOY, "a"), Text(TIN, "t")], "toy")
    assert [file.status for file in result.files] == ["ok", "refused"]
    assert isinstance(result.files[1].error, Unsupported)
    assert "t: tin workflows cannot be written for toy yet" in str(result.files[1].error)
    with pytest.raises(InvalidInput, match="does not name one engine"):
        convert(Text(TOY), "toy,tin")


@pytest.mark.parametrize("bad", [{"a": object()}, {"a": float("nan")}])
def test_a_mapping_that_is_no_document_is_an_error(bad: Mapping[str, Any]) -> None:
    with pytest.raises(CoulerError):
        optimize(bad, "")


def test_the_size_of_what_is_read_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_MAX_BYTES", "10")
    (tmp_path / "a.yaml").write_text(TOY)
    for source in (tmp_path / "a.yaml", Text(TOY)):
        (file,) = optimize(source, "").files
        assert "--max-bytes" in str(file.error)


def test_the_garbage_collector_is_as_it_was() -> None:
    assert gc.isenabled()
    optimize(Text(TOY), "hurry")
    assert gc.isenabled()


def test_the_package_offers_its_names_lazily() -> None:
    assert set(couler_plugins.__all__) == {name for name in couler_plugins.__all__ if hasattr(couler_plugins, name)}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = couler_plugins.nothing  # type: ignore[attr-defined]
    code = "import sys; from couler_plugins import hookimpl; print({'yaml', 'rustworkx', 'click'} & {*sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout == "set()\n"
