"""What authors say in the source of a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.executing import QUIET, compiled
from adapters.kfp.caching.pipelines import chain
from couler_kfp import marks, optimize
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput

pytestmark = QUIET


def said_of_pods(folder: Path, mark: Any) -> list[dict[str, str]]:
    """The annotations of the pods of a pipeline whose pure tasks are marked."""
    pytest.importorskip("kfp", reason="needs kfp")
    _, platform = read(compiled(chain(mark), folder).read_text("utf-8"), "chain.yaml").documents
    executors = platform.data["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.keys() == {"exec-write", "exec-double", "exec-add"}
    return [config["podMetadata"]["annotations"] for config in executors.values()]


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (marks.pure, {"couler.io/cache": "pure"}),
        (lambda task: marks.pure(task, ttl="24h"), {"couler.io/cache": "ttl=24h"}),
        (
            lambda task: marks.pure(task, version="3"),
            {"couler.io/cache": "pure", "couler.io/cache-version": "3"},
        ),
        (
            lambda task: marks.pure(task, allow=("secret", "network")),
            {"couler.io/cache": "pure", "couler.io/cache-allow": "secret,network"},
        ),
        (marks.always, {"couler.io/cache": "always"}),
        (marks.never, {"couler.io/cache": "never"}),
        (marks.native, {"couler.io/cache": "native"}),
    ],
    ids=["pure", "ttl", "version", "allow", "always", "never", "native"],
)
def test_a_mark_is_an_annotation_of_the_pod(mark: Any, said: dict[str, str], tmp_path: Path) -> None:
    assert said_of_pods(tmp_path, mark) == [said] * 3


@pytest.mark.parametrize(
    ("pipeline", "others"), [("dedupe,cache", {"flip", "say"}), ("dedupe,cache{strict=true}", set())]
)
def test_marks_reach_the_decorator(pipeline: str, others: set[str], tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    whole = compiled(optimize(chain(marks.pure), pipeline), tmp_path).read_text("utf-8")
    tasks = read(whole, "chain.yaml").documents[0].data["root"]["dag"]["tasks"]
    on = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    salted = {name for name, task in tasks.items() if "couler-salt" in task.get("inputs", {}).get("parameters", {})}
    assert salted == {"write", "double", "add"}
    assert on == salted | others


def test_what_is_no_task_and_no_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no task of a pipeline"):
        marks.pure("write")
    with pytest.raises(InvalidInput, match="is no time"):
        marks.pure("write", ttl="soon")
    with pytest.raises(InvalidInput, match="'secrets' cannot be allowed"):
        marks.pure("write", allow=("secrets",))
    with pytest.raises(InvalidInput, match="allow is a list of texts"):
        marks.pure("write", allow="secret")
