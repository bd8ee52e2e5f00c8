"""What a task reads by itself is a part of what its result depends on; what it does beside that forbids keeping it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from airflow_runs import Runs

pytestmark = pytest.mark.airflow


def body(code: str, top: str = "") -> str:
    return f"{top}\nwith DAG('d', schedule=None) as dag:\n    @task\n    def work(x):\n        {code}\n    work(5)\n"


def test_a_file_that_was_changed_is_a_miss_and_putting_it_back_a_hit(
    runs: Runs, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "rates.csv"
    text = body(f"return pathlib.Path({str(data)!r}).read_text()", "import pathlib")
    seen = []
    monkeypatch.setattr("couler_airflow.runtime.run.log", logging.getLogger("reads"))  # Airflow switches ours off
    caplog.set_level(logging.INFO, "reads")
    for content in ("1", "1", "2", "1", "2"):
        data.write_text(content)
        value, told = runs.run(text)
        seen.append((value, told["hit"]))
    assert seen == [("1", False), ("1", True), ("2", False), ("1", True), ("2", True)]
    assert f"computed again: file {data} is not as it was" in caplog.text


def test_a_variable_of_the_environment_is_read_by_value(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    text = body("return os.environ.get('REGION')", "import os")
    seen = []
    for region in ("eu", "us", "eu"):
        monkeypatch.setenv("REGION", region)
        value, told = runs.run(text)
        seen.append((value, told["hit"]))
    assert seen == [("eu", False), ("us", False), ("eu", True)]


def test_a_folder_counts_by_what_is_in_it(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = body(f"return sorted(os.listdir({str(tmp_path / 'data')!r}))", "import os")
    assert [runs.run(text)[1]["hit"] for _ in range(2)] == [False, True]
    (tmp_path / "data" / "new").touch()
    assert runs.run(text)[0] == ["new"]


@pytest.mark.parametrize(
    ("code", "rule", "allow"),
    [
        ("import subprocess; return subprocess.run(['true']).returncode", "programs", ("programs",)),
        (
            "import socket as s; a = s.socket(); a.connect_ex(('127.0.0.1', 9)); return a.close() or 1",
            "network",
            ("network",),
        ),
        ("open(FILE, 'w').close(); return 1", "effect", ()),
        ("import os; os.mkdir(FILE); return 1", "effect", ()),
    ],
)
def test_what_it_does_beside_reading_forbids_that_its_result_is_kept(
    runs: Runs, tmp_path: Path, code: str, rule: str, allow: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))  # or what is written here is no effect
    text = body(code.replace("FILE", repr(str(tmp_path / "out"))))
    _, told = runs.run(text)
    assert (told["cached"], told["rules"]) == (False, [rule])
    assert runs.entries() == []
    if allow:
        assert [runs.run(text, allow=allow)[1]["hit"] for _ in range(2)] == [False, True]


def test_what_its_owner_allows_is_in_no_read_set(runs: Runs, tmp_path: Path) -> None:
    data = tmp_path / "model.bin"
    text = body(f"return len(pathlib.Path({str(data)!r}).read_text())", "import pathlib")
    hits = []
    for content in ("1", "2"):
        data.write_text(content)
        hits.append(runs.run(text, allow=("files",))[1]["hit"])
    assert hits == [False, True]
