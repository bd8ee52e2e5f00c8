"""What was decided and which lines changed, brought to the steps that they belong to."""

from __future__ import annotations

import pytest

from couler_plugins.documents import Edit
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.inputs.sources import Text
from couler_plugins.plan import TracedEdit
from couler_plugins.viz.page.annotations import Story, tell
from couler_plugins.viz.page.hunks import FileHunks
from couler_plugins.viz.page.markup import bytes_text
from couler_plugins.viz.page.panels import page_sections, page_versions
from pluginbox import PluginBox
from support import ROOT
from viz.pagebox import result_of

CHURN = ROOT / "couler_plugins" / "demo" / "churn.yaml"


def story_of(result: Result) -> tuple[Story, dict[str, int]]:
    """The story, and the number of each step by its label."""
    versions = page_versions(result)
    sections = page_sections(result, versions)
    numbers = {
        node.label or node.role: node.number for section in sections for panel in section.panels for node in panel.steps
    }
    return tell(result, sections, len(versions) - 1), numbers


def test_versions_of_a_workflow_are_paired_by_place() -> None:
    result = result_of(CHURN, "dedupe,prune")
    assert result.optimizers == ("dedupe", "prune")
    [item] = result.workflow_versions
    assert (item.file, item.document) == (0, 0)
    assert [workflow and len(workflow.operations) for workflow in item.versions] == [9, 8, 7]
    assert page_versions(result) == [0, 1, 2]


def test_an_optimizer_that_changes_nothing_is_no_version() -> None:
    assert page_versions(result_of(CHURN, "prune{keep=csv-export},dedupe")) == [0, 2]
    assert page_versions(result_of(CHURN, "")) == [0]


def test_versions_of_a_workflow_know_their_file_and_document(plugin_box: PluginBox) -> None:
    plugin_box.add_toy()
    toys = "".join(f"---\nkind: Toy\nname: {name}\nsteps: [{{name: s, run: x}}]\n" for name in "ab")
    other = "kind: Deployment\n"
    texts = [Text(other, "o.yaml"), Text("kind: Toy\nsteps: 3\n", "bad.yaml"), Text(f"{other}{toys}", "t.yaml")]
    tin = Text("kind: Tin\nname: t\nsteps: [{name: s, run: x}]\n", "tin.yaml")
    result = result_of([*texts, tin], "hurry", plugin_box.load())
    found = {
        workflow.label: (item.file, item.document)
        for item in result.workflow_versions
        for workflow in item.versions[:1]
        if workflow is not None
    }
    assert found == {"a": (2, 1), "b": (2, 2), "t": (3, 0)}
    story, _ = story_of(result)
    assert list(story.status.values()) == ["changed"] * 3
    assert [list(numbers) for numbers in story.decided.values()] == [[0], [1], [2]]


def test_a_merge_is_told_by_the_step_that_calls_the_other_now() -> None:
    story, numbers = story_of(result_of(CHURN, "dedupe,prune"))
    assert [number for number, status in story.status.items() if status != "same"] == [numbers["nightly/billing"]]
    merged, removed = story.cards
    assert list(merged.nodes) == [numbers["nightly/billing"]]
    assert list(removed.nodes) == []
    assert len(merged.hunks) == 2
    assert "-- name: csv-export" in story.hunks[next(iter(removed.hunks))]
    assert not set(merged.hunks) & set(removed.hunks)


def test_what_goes_in_one_piece_is_told_one_by_one() -> None:
    head = CHURN.read_text("utf-8").split("    # Nobody has called")[0]
    dead = "".join(
        f"    # {name} is old\n    - name: {name}\n      container: {{image: {name}}}\n"
        for name in ("one", "two", "three")
    )
    story, _ = story_of(result_of(Text(head + dead, "w.yaml"), "prune"))
    gone = [
        [line for line in story.hunks[next(iter(told.hunks))].split("\n") if line[:1] == "-"] for told in story.cards
    ]
    assert gone == [
        [f"-# {name} is old", f"-- name: {name}", f"-  container: {{image: {name}}}"]
        for name in ("one", "two", "three")
    ]


def file(old: str, new: str, edits: tuple[TracedEdit, ...] = ()) -> FileResult:
    return FileResult(name="f", relative="f", status="changed", original=old, text=new, edits=edits)


def hunk(old: str, new: str, edit: Edit) -> list[str]:
    hunks = FileHunks(file(old, new))
    return hunks.texts[hunks.of_edit(0, edit)].split("\n") if hunks.of_edit(0, edit) >= 0 else []


def test_a_hunk_has_context_and_no_needless_indentation() -> None:
    old = "a:\n    b: 1\n    c: 2\n    d: 3\n    e: 4\n    f: 5\n"
    new = old.replace("d: 3", "d: 9")
    edit = Edit("replace", ("a", "d"), ("a", "d"), 3, 9)
    assert hunk(old, new, edit) == ["@@ line 2 @@", " b: 1", " c: 2", "-d: 3", "+d: 9", " e: 4", " f: 5"]


def test_an_added_line_is_found_by_where_it_came() -> None:
    edit = Edit("add", None, ("b",), None, 2)
    assert hunk("a: 1\nc: 3\n", "a: 1\nb: 2\nc: 3\n", edit) == ["@@ line 1 @@", " a: 1", "+b: 2", " c: 3", " "]


def test_lines_replaced_one_by_one_are_told_one_by_one() -> None:
    old, new = "a: 1\nb: 1\nc: 1\n", "a: 2\nb: 2\nc: 1\n"
    edits = [Edit("replace", (name,), (name,), 1, 2) for name in "ab"]
    traced = tuple(TracedEdit(document=0, edit=edit) for edit in edits)
    hunks = FileHunks(file(old, new, traced))
    assert [hunks.texts[hunks.of_edit(0, edit)].split("\n")[1:] for edit in edits] == [
        ["-a: 1", "+a: 2"],
        ["-b: 1", "+b: 2", " c: 1", " "],
    ]


@pytest.mark.parametrize("text", ["a: 1\n", "\x00", '{"a": "\\ud83d"}'])
def test_an_edit_whose_lines_nobody_finds_is_shown_by_its_values(text: str) -> None:
    edit = Edit("replace", ("x", 0), ("x", 0), {"k": 1}, [2])
    assert hunk(text, text, edit) == ["@@ x[0] @@", "-k: 1", "+- 2"]


def test_long_hunks_are_cut() -> None:
    lines = hunk("", "".join(f"- {n}\n" for n in range(500)), Edit("replace", (), (), None, []))
    assert len(lines) == 82
    assert lines[-1].endswith("more lines @@")
    [_, line, *_] = hunk("a: b\n", f"a: {'x' * 9999}\n", Edit("replace", ("a",), ("a",), "b", ""))[1:]
    assert len(line) == 400


@pytest.mark.parametrize(
    ("size", "text"),
    [(-1, "−1 byte"), (702, "+702 bytes"), (-1_240, "−1.2 kB"), (3_400_000, "+3.4 MB")],
)
def test_differences_in_size(size: int, text: str) -> None:
    assert bytes_text(size) == text


def test_an_edit_without_a_decision_is_shown_all_the_same() -> None:
    result = result_of(CHURN, "dedupe")
    [before] = result.files
    edits = tuple(TracedEdit(document=edit.document, edit=edit.edit, subject=edit.subject) for edit in before.edits)
    bare = FileResult(
        name=before.name,
        relative=before.relative,
        status="changed",
        original=before.original,
        text=before.text,
        passes=before.passes,
        edits=edits,
        workflows=1,
    )
    story, numbers = story_of(
        Result(files=(bare,), optimizers=result.optimizers, workflow_versions=result.workflow_versions)
    )
    assert story.cards[0].hunks == {}
    assert list(story.changed_lines) == [numbers["nightly/billing"]]
