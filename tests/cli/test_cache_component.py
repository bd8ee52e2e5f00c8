"""`couler cache component-run`: whatever is wrong with it, the command after `--` runs, once, and its code is ours."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler

SPEC = "v1:" + 64 * "0"


class Site:
    """One component: it reads a parameter and an artifact, and makes an artifact and a parameter.

    Args:
        folder: where everything is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "data").write_text("abc")
        self.runs = 0

    def told(self, run: str, **more: Any) -> dict[str, Any]:
        """What the launcher tells of a run."""
        folder = self._folder / run
        folder.mkdir(exist_ok=True)
        dataset = {"schemaTitle": "system.Dataset"}
        read = {"name": run, "type": dataset, "uri": f"s3://b/{run}/data", "metadata": more.get("metadata", {})}
        made = {"name": "out", "type": dataset, "uri": f"s3://b/{run}/out"}
        values = {"couler-salt": "s", "number": more.get("number", 1)}
        return {
            "inputs": {"parameterValues": values, "artifacts": {"data": {"artifacts": [read]}}},
            "outputs": {
                "parameters": {"size": {"outputFile": str(folder / "size")}},
                "artifacts": {"out": {"artifacts": [made]}},
                "outputFile": str(folder / "output.json"),
            },
        }

    def run(self, run: str, *options: str, told: Any = None, code: int = 0, script: str = ":") -> Result:
        """Run the component; `runs` counts how often its command did."""
        folder = self._folder / run
        text = json.dumps(self.told(run) if told is None else told)
        script = f'echo >>"$0"; cp "$1" "$2"; printf 3 >"$3"; {script}; exit "$4"'
        words = [
            "sh",
            "-c",
            script,
            self._folder / "count",
            self._folder / "data",
            folder / "out",
            folder / "size",
            code,
        ]
        said = [f"--store={self._folder / 'store'}", f"--executor-input={text}", f"--spec={SPEC}"]
        said += [f"--input=data={self._folder / 'data'}", f"--output=out={folder / 'out'}", *options]
        runner = CliRunner(env={"COULER_CACHE_STORE": None})
        (self._folder / "count").write_text("")
        result = runner.invoke(couler, ["cache", "component-run", *said, "--", *map(str, words)])
        self.runs = (self._folder / "count").read_text().count("\n")
        return result


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_hit_puts_everything_into_place_for_the_new_run(site: Site, tmp_path: Path) -> None:
    assert (site.run("one").exit_code, site.runs) == (0, 1)
    assert (site.run("two").exit_code, site.runs) == (0, 0)
    assert [(tmp_path / run / name).read_text() for run in ("one", "two") for name in ("out", "size")] == [
        "abc",
        "3",
    ] * 2


@pytest.mark.parametrize(
    ("more", "hits"),
    [
        ({}, True),
        ({"number": 2}, False),
        ({"metadata": {"rows": 1}}, False),
        ({"metadata": {"store_session_info": "x"}}, True),
    ],
)
def test_what_is_in_the_key(site: Site, more: dict[str, Any], hits: bool) -> None:
    site.run("one")
    site.run("two", told=site.told("two", **more))
    assert site.runs == (not hits)


def test_the_spec_and_a_declared_identity_are_in_the_key(site: Site) -> None:
    site.run("one")
    site.run("two", f"--spec=v1:{64 * '1'}")
    assert site.runs == 1
    for run, runs in (("three", 1), ("four", 1)):  # the name differs from run to run
        site.run(run, "--identity")
        assert site.runs == runs


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ({}, ()),
        ([], ()),
        ("x", ()),
        ({"inputs": {"parameterValues": {}}, "outputs": {"outputFile": "/nowhere", "artifacts": {}}}, ()),
        (None, ("--nonsense",)),
        (None, ("--timeout=never",)),
        (None, ("--store=nothing://there",)),
        (None, ("--namespace=NOT ONE",)),
        (None, ("--input=data=/nowhere",)),
        (None, ("--input=data",)),
    ],
)
def test_whatever_is_wrong_the_command_runs_once(site: Site, told: Any, options: tuple[str, ...]) -> None:
    for code in (0, 7):
        result = site.run(f"run{code}", *options, told=told, code=code)
        assert (result.exit_code, site.runs) == (code, 1)
        assert "warning" in result.output


def test_what_the_executor_tells_comes_back_with_the_names_of_the_new_run(site: Site, tmp_path: Path) -> None:
    """It tells of the launcher's own log as well, which is no output of the component."""

    def told(run: str) -> dict[str, Any]:
        log = {"name": "executor-logs", "uri": f"s3://b/{run}/logs", "metadata": {}}
        out = {"name": "out", "uri": f"s3://b/{run}/out", "metadata": {"rows": 3}}
        artifacts = {"out": {"artifacts": [out]}, "executor-logs": {"artifacts": [log]}}
        return {"parameterValues": {"size": 3}, "artifacts": artifacts}

    for run, runs in (("one", 1), ("two", 0)):
        site.told(run)  # which makes its folder
        (tmp_path / run / "told").write_text(json.dumps(told(run)))
        site.run(run, script='cp "${3%size}told" "${3%size}output.json"')
        assert site.runs == runs
    del (expected := told("two"))["artifacts"]["executor-logs"]
    assert json.loads((tmp_path / "two/output.json").read_text()) == expected


def test_something_at_the_place_of_an_output_is_not_looked_up(site: Site, tmp_path: Path) -> None:
    site.run("one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two/size").write_text("")
    assert "something at the place" in site.run("two").output
    assert site.runs == 1


def test_a_result_that_is_damaged_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    """What the command finds is what it would find without a cache."""
    site.run("one")
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file() and path.read_bytes() == b"abc":
            path.chmod(0o600)
            path.write_bytes(b"abd")
    site.run("two")
    assert site.runs == 1
    assert (tmp_path / "two/out").read_text() == "abc"


def test_the_command_does_not_see_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_plugins.caching.dataplane.components import child_environment

    monkeypatch.setenv("COULER_SECRET_AWS_ACCESS_KEY_ID", "ours")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "its own")
    child = child_environment()
    assert child["AWS_ACCESS_KEY_ID"] == "its own"
    assert not any(name.startswith("COULER_SECRET_") for name in child)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "ours"
