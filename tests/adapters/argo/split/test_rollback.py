"""What was split can be had again, byte for byte, or it is said why not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from adapters.argo.split.generating import layered, workflow
from couler_plugins.api import optimize
from couler_plugins.cli.group import couler
from couler_plugins.documents import dump_yaml
from couler_plugins.plan import part_files
from couler_plugins.plan.part_files import kept

TEXT = "# a comment that no document keeps\n" + dump_yaml(workflow(layered(12, 3)))


@pytest.fixture
def split(tmp_path: Path) -> Path:
    source = tmp_path / "workflow.yaml"
    source.write_text(TEXT)
    folder = tmp_path / "split"
    result = CliRunner().invoke(
        couler, ["optimize", "-p", "split{into=workflows,max-steps=3}", str(source), "-o", f"{folder}/"]
    )
    assert result.exit_code == 0, result.output
    return folder


def rolled_back(*arguments: str) -> Any:
    return CliRunner().invoke(couler, ["rollback", *arguments])


def test_the_original_comes_back_byte_for_byte(split: Path, tmp_path: Path) -> None:
    place = tmp_path / "again.yaml"
    assert rolled_back(str(split), "-o", str(place)).exit_code == 0
    assert place.read_text() == TEXT
    assert rolled_back(str(split)).stdout == TEXT


def test_what_kubectl_prints_will_do(split: Path, tmp_path: Path) -> None:
    documents = [item for item in yaml.safe_load_all((split / "added.yaml").read_text()) if item["kind"] == "ConfigMap"]
    listed = tmp_path / "listed.yaml"
    listed.write_text(dump_yaml({"apiVersion": "v1", "kind": "List", "items": documents}))
    assert rolled_back(str(listed)).stdout == TEXT


@pytest.mark.parametrize("text", ["é" * 5_000 + "a" * 5_000, "a" * 9_999 + "😀" * 2_000, "x"])
def test_a_long_text_is_kept_in_several(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_files, "CHUNK", 3_000)
    documents = kept("w", "ns", "w.yaml", text)
    assert all(len(item["data"]["text"].encode()) <= 3_000 for item in documents)
    assert len({item["metadata"]["name"] for item in documents}) == len(documents)
    for number, item in enumerate(reversed(documents)):
        (tmp_path / f"{number:03}.json").write_text(json.dumps(item))
    assert rolled_back(str(tmp_path)).stdout == text


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda found: found.pop(0), "is not all here"),
        (lambda found: found.pop(), "is not all here"),
        (lambda found: found[0]["data"].update(text="other"), "is not what was kept"),
        (lambda found: found[0]["metadata"]["annotations"].clear(), "is not all here"),
    ],
)
def test_what_is_not_whole_is_not_given_back(
    harm: Any, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_files, "CHUNK", 1_000)
    documents = list(copy.deepcopy(kept("w", "", "w.yaml", TEXT)))
    harm(documents)
    (tmp_path / "some.yaml").write_text("---\n".join(map(dump_yaml, documents)))
    result = rolled_back(str(tmp_path))
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stdout == ""


def test_files_of_one_name_in_two_folders_come_back(tmp_path: Path) -> None:
    texts = {"all/dev/workflow.yaml": TEXT, "all/prod/workflow.yaml": TEXT.replace("big", "other")}
    for name, text in texts.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_text(text)
    pipeline = ["-p", "split{into=workflows,max-steps=3}"]
    result = CliRunner().invoke(couler, ["optimize", *pipeline, str(tmp_path / "in"), "-o", str(tmp_path / "split")])
    assert result.exit_code == 0, result.output
    assert rolled_back(str(tmp_path / "split"), "-o", str(tmp_path / "out")).exit_code == 0
    assert {name: (tmp_path / "out" / name).read_text() for name in texts} == texts


def test_two_texts_of_one_name_are_no_riddle(tmp_path: Path) -> None:
    documents = [*kept("w", "", "w.yaml", "one"), *kept("w", "", "w.yaml", "two")]
    (tmp_path / "some.yaml").write_text("---\n".join(map(dump_yaml, documents)))
    result = rolled_back(str(tmp_path))
    assert result.exit_code == 2
    assert "two originals are called 'w.yaml'" in result.stderr


def test_a_slash_asks_for_a_folder(split: Path, tmp_path: Path) -> None:
    assert rolled_back(str(split), "-o", f"{tmp_path}/again/").exit_code == 0
    assert (tmp_path / "again" / "workflow.yaml").read_text() == TEXT


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    (document,) = kept("w", "", "dev/w.yaml", "text")
    (tmp_path / "some.json").write_text(json.dumps(document))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dev").symlink_to(tmp_path)
    result = rolled_back(str(tmp_path / "some.json"), "-o", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "leads out of" in result.stderr


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    (document,) = kept("w", "", "../../evil.yaml", "text")
    (tmp_path / "some.json").write_text(json.dumps(document))
    folder = tmp_path / "out"
    folder.mkdir()
    assert rolled_back(str(tmp_path / "some.json"), "-o", str(folder)).exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["evil.yaml"]


def test_nothing_to_roll_back(tmp_path: Path) -> None:
    (tmp_path / "workflow.yaml").write_text(TEXT)
    result = rolled_back(str(tmp_path))
    assert result.exit_code == 2
    assert "holds an original file" in result.stderr


def test_no_original_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    source = tmp_path / "workflow.yaml"
    source.write_text(TEXT)
    result = optimize(source, "split{into=workflows,max-steps=3,keep-original=no}")
    assert "ConfigMap" not in {document["kind"] for document in result.added_documents}
