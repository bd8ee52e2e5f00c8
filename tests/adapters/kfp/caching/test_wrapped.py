"""Wrapped components, run by `kfp.local` and by what stands for KFP's launcher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.launching import Launcher, TaskRun
from adapters.kfp.caching.small import pure, text
from adapters.kfp.caching.pipelines import functions
from adapters.kfp.caching.wrapping import containers, program, ran, wrapped
from couler_kfp.marks import pure as declared
from couler_plugins.api import Text
from couler_plugins.documents import read

pytestmark = QUIET
URI = "s3://bucket/data.txt"


class Runs:
    """Runs of container components, with one store of results.

    Args:
        folder: where everything is.
        data: the pipeline.
    """

    def __init__(self, folder: Path, data: dict[str, Any], **launching: Any) -> None:
        self._folder = folder
        source = wrapped(text(pure(data, "exec-use")), folder / "results")
        self.spec = read(source.encode(), "pipeline.yaml").documents[0].data
        self.launcher = Launcher(folder, program(folder), **launching)

    def run(self, content: str) -> tuple[TaskRun, list[str]]:
        """What `use` has made of a content, and what was executed."""
        self.launcher.put(URI, content)
        done = self.launcher.run(self.spec)["use"]
        assert done.code == 0, done.log
        return done, ran(self._folder)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path, containers())


def seen(runs: Runs, done: TaskRun) -> tuple[dict[str, str], str]:
    return done.parameters, runs.launcher.content(done.artifacts["copy"])


def test_a_container_is_not_run_again_while_its_input_has_the_same_content(runs: Runs) -> None:
    """The address stays the same all the time: to KFP's own cache, it is one artifact, and that is off."""
    assert runs.spec["root"]["dag"]["tasks"]["use"]["cachingOptions"] == {}
    first, executed = runs.run("abc")
    assert (seen(runs, first), executed) == (({"size": "3"}, "abc!"), ["use"])
    second, executed = runs.run("abc")
    assert (seen(runs, second), executed) == (seen(runs, first), [])
    assert second.artifacts["copy"]["uri"] != first.artifacts["copy"]["uri"]
    third, executed = runs.run("abcd")
    assert (seen(runs, third), executed) == (({"size": "4"}, "abcd!"), ["use"])
    assert runs.run("abc")[1] == runs.run("abcd")[1] == []


def test_python_components_get_back_what_they_returned_and_their_metadata(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    source = compiled(functions(declared), tmp_path).read_text("utf-8")
    cached = wrapped(Text(source), tmp_path / "results")
    for name, value in program(tmp_path).items():
        monkeypatch.setenv(name, value)
    first, _ = run(cached, tmp_path / "first")
    assert (first, ran(tmp_path)) == ({"Output": 6}, ["draw", "train"])
    second, _ = run(cached, tmp_path / "second")
    assert (second, ran(tmp_path)) == (first, ["draw"])
    metadata = [_metadata(tmp_path / root) for root in ("first", "second")]
    assert metadata[0] == metadata[1]
    assert metadata[0]["artifacts"]["model"]["artifacts"][0]["metadata"] == {"length": 3}
    assert metadata[0]["artifacts"]["metrics"]["artifacts"][0]["metadata"] == {"accuracy": 0.5}
    monkeypatch.setenv("DRAWN", "abcd")  # under the same name, by the same task
    third, _ = run(cached, tmp_path / "third")
    assert (third, ran(tmp_path)) == ({"Output": 8}, ["draw", "train"])


def _metadata(root: Path) -> Any:
    """What the executor of `train` has written, with its own addresses taken out."""
    import json

    (path,) = root.rglob("train/executor_output.json")
    content = json.loads(path.read_text().replace(str(path.parent), "HERE"))
    assert {item["artifacts"][0]["uri"] for item in content["artifacts"].values()} == {"HERE/model", "HERE/metrics"}
    return content
