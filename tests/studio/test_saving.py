"""What is saved are the lines that somebody changed, and nothing that others changed is lost."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from studio.serving import DAG, Client, open_studio

IMAGE = {"do": "set", "graph": "main", "step": "load", "field": "image", "value": "busybox:1.36"}
ADD = {
    "do": "add",
    "graph": "main",
    "step": "gate",
    "use": "threshold-gate",
    "inputs": [{"name": "value", "value": "1"}, {"name": "threshold", "value": 0.5}],
    "needs": ["train"],
}
CONNECT = {"do": "connect", "graph": "main", "source": "check", "target": "gate"}


def client_on(folder: Path, text: str, **options: Any) -> Client:
    (folder / "nightly.yaml").write_bytes(text.encode())
    return open_studio(folder / "nightly.yaml", **options)


def changed_lines(folder: Path, before: str) -> list[str]:
    after = (folder / "nightly.yaml").read_bytes().decode()
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in list(lines)[2:] if not line.startswith("@@")]


def test_the_file_differs_by_these_lines(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    view = client.ask("view", path="nightly.yaml", actions=[IMAGE])
    assert view["changed"]
    diff = client.ask("diff", path="nightly.yaml", base=view["base"], actions=[IMAGE])
    assert (diff["added"], diff["removed"]) == (1, 1)
    client.ask("save", path="nightly.yaml", base=view["base"], actions=[IMAGE])
    assert changed_lines(tmp_path, DAG) == [
        '-        image: "alpine:3.20"',
        '+        image: "busybox:1.36"',
    ]


def test_a_pipeline_is_saved_too(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    before = client.ask("optimize", path="nightly.yaml", pipeline="dedupe")
    assert [item["subject"] for item in before["decisions"]] == ["check"]
    client.ask("save", path="nightly.yaml", pipeline="dedupe")
    lines = changed_lines(tmp_path, DAG)
    assert "-    - name: check" in lines
    assert "+          - {name: check, dependencies: [load], template: train}" in lines
    assert client.ask("diff", path="nightly.yaml", pipeline="dedupe")["diff"] == ""


def test_added_steps_are_drawn_and_undone(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    start = client.ask("view", path="nightly.yaml")
    actions = [IMAGE, ADD, CONNECT]
    view = client.ask("view", path="nightly.yaml", base=start["base"], actions=actions)
    assert "gate" in [node["id"] for node in view["picture"]["nodes"]]
    assert {"source": "check", "target": "gate", "kind": "order", "labels": []} in view["picture"]["edges"]
    for count in (2, 1, 0):
        view = client.ask("view", path="nightly.yaml", base=start["base"], actions=actions[:count])
        assert view["changed"] is bool(count)
    assert view == start
    client.ask("save", path="nightly.yaml", base=start["base"], actions=[])
    assert (tmp_path / "nightly.yaml").read_text() == DAG


def test_the_action_that_is_refused_is_named(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    circle = {"do": "connect", "graph": "main", "source": "train", "target": "load"}
    problem = client.ask("view", status=422, path="nightly.yaml", actions=[IMAGE, circle])
    assert problem["action"] == 1
    assert "would wait for itself" in problem["message"]
    assert problem["hint"]


def test_a_change_on_disk_is_noticed_and_kept(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    base = client.ask("view", path="nightly.yaml")["base"]
    theirs = DAG.replace("echo train", "echo their train")
    (tmp_path / "nightly.yaml").write_text(theirs)
    assert client.ask("digest?path=nightly.yaml")["digest"] != base
    view = client.ask("view", path="nightly.yaml", base=base, actions=[IMAGE])
    assert (view["base"], view["on_disk"] != base) == (base, True)
    problem = client.ask("save", status=409, path="nightly.yaml", base=base, actions=[IMAGE])
    assert problem["message"] == "the file changed on disk"
    assert (tmp_path / "nightly.yaml").read_text() == theirs
    again = client.ask("view", path="nightly.yaml", actions=[IMAGE])  # the same actions, on the new text
    client.ask("save", path="nightly.yaml", base=again["base"], actions=[IMAGE])
    assert len(changed_lines(tmp_path, theirs)) == 2


def test_a_text_that_nobody_knows_any_more(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    client.ask("view", status=409, path="nightly.yaml", base="0" * 64, actions=[IMAGE])


def test_an_empty_file_is_shown_as_one_without_workflows(tmp_path: Path) -> None:
    (entry,) = client_on(tmp_path, "").ask("state")["files"]
    assert (entry["workflows"], entry["editable"]) == ([], False)


@pytest.mark.parametrize("value", ["1e999", "Infinity", "NaN", "9" * 400])
def test_what_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    client = client_on(tmp_path, DAG)
    add = {**ADD, "inputs": [{"name": "value", "value": "1"}, {"name": "threshold", "value": value}]}
    assert "takes float" in client.ask("view", status=422, path="nightly.yaml", actions=[add])["message"]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    client = client_on(tmp_path, DAG)
    (tmp_path / "nightly.yaml").unlink()
    assert client.ask("digest?path=nightly.yaml") == {"digest": ""}
    assert "cannot be read" in client.ask("view", status=422, path="nightly.yaml")["message"]


@pytest.mark.parametrize("text", [f"\ufeff{DAG}", DAG.replace("\n", "\r\n"), DAG.rstrip("\n")])
def test_marks_and_line_ends_stay(tmp_path: Path, text: str) -> None:
    client = client_on(tmp_path, text)
    (tmp_path / "nightly.yaml").chmod(0o640)
    client.ask("save", path="nightly.yaml", actions=[IMAGE])
    saved = (tmp_path / "nightly.yaml").read_bytes().decode()
    assert saved == text.replace('"alpine:3.20"', '"busybox:1.36"')
    assert (tmp_path / "nightly.yaml").stat().st_mode & 0o777 == 0o640


def test_script_in_every_text_is_data(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    text = DAG.replace("echo load", evil).replace("alpine:3.20", evil).replace("nightly-", "x-")
    client = client_on(tmp_path, text)
    answer = client.http.post("/api/view", json={"path": "nightly.yaml"}, headers=client.headers)
    assert answer.headers["content-type"] == "application/json"
    assert any(evil in node["detail"] or "script" in node["detail"] for node in answer.json()["picture"]["nodes"])


def test_what_there_is_to_choose_from_is_explained(tmp_path: Path) -> None:
    state = client_on(tmp_path, "").ask("state")
    (guard,) = (entry for entry in state["optimizers"] if entry["name"] == "guard")
    options = {option["name"]: option["description"] for option in guard["options"]}
    assert options["delay"] == "The seconds before the first repetition."
    assert list(dict.fromkeys(entry["group"] for entry in state["catalogue"]))[:3] == ["data", "features", "train"]
