"""`cache{capacity=…}` on Argo: what past runs say decides which steps are memoized, and decisions have figures."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from couler_plugins import optimize
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config
from couler_plugins.options.fields import Size

CHURN = Path(str(files("couler_plugins.demo") / "churn.yaml"))
GB = 10**9
FIGURES = {"usage": (1200, 4 * GB), "billing": (300, 9 * GB), "support": (900, GB // 5), "join": (600, 7 * GB)}


def trace(name: str, figures: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """A WfFormat trace of the steps of the demo's workflow."""
    tasks = [
        {"name": step, "id": step, "parents": [] if step != "join" else ["usage", "billing", "support"]}
        | {"outputFiles": [f"{step}.out"]}
        for step in figures
    ]
    sizes = [{"id": f"{step}.out", "sizeInBytes": size} for step, (_, size) in figures.items()]
    ran = [{"id": step, "runtimeInSeconds": seconds} for step, (seconds, _) in figures.items()]
    specification = {"tasks": tasks, "files": sizes}
    return {"name": name, "workflow": {"specification": specification, "execution": {"tasks": ran}}}


def cached(history: Path, capacity: str, policy: str = "scr") -> dict[str, str]:
    """The rule against each step, empty for those that are cached."""
    config = Config(history=(str(history),), load_plugins=("argo", "caching", "optimizers"))
    result = optimize(CHURN, f"cache{{via=memoize,capacity={capacity},policy={policy}}}", config=config)
    decided = [decision for decision in result.decisions if "/" in decision.subject]
    assert "couler.io/key-spec" in result.text or not any(decision.action for decision in decided)
    return {decision.subject.partition("/")[2]: str(dict(decision.figures).get("rule", "")) for decision in decided}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(trace("churn", FIGURES)))
    return path


def test_what_is_not_worth_its_bytes_is_left_out_and_the_unknown_stays(history: Path) -> None:
    found = cached(history, "5GB")
    assert {step: found[step] for step in (*FIGURES, "train")} == {
        "usage": "",
        "billing": "capacity",
        "support": "",
        "join": "capacity",
        "train": "",  # the trace does not know it
    }


def test_with_room_for_all_nothing_is_left_out(history: Path) -> None:
    assert "capacity" not in cached(history, "30GB").values()
    assert "capacity" in cached(history, "30GB", "none").values()


def test_a_history_of_another_workflow_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(trace("other", FIGURES)))
    assert "capacity" not in cached(path, "1B").values()
    assert caplog.messages.count("the history has no run of churn-*, only of other") == 1


def test_workflows_without_runs_are_two_warnings_however_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "history.json").write_text(json.dumps(trace("other", FIGURES)))
    text = CHURN.read_text(encoding="utf-8")
    (tmp_path / "all.yaml").write_text(
        "\n---\n".join(text.replace("generateName: churn-", f"generateName: churn-{name}-") for name in "abc")
    )
    config = Config(history=(str(tmp_path / "history.json"),), load_plugins=("argo", "caching", "optimizers"))
    optimize(tmp_path / "all.yaml", "cache{via=memoize,capacity=1B}", config=config)
    warnings = [item.getMessage() for item in caplog.records if item.levelname == "WARNING"]
    assert [text for text in warnings if "the history has no run" in text] == [
        "the history has no run of churn-a-*, only of other",
        "the history has no run of other workflows either: -v names them",
    ]


def test_a_document_of_the_history_that_tells_of_no_run_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "history.yaml"
    path.write_text("kind: Pod\n")
    with pytest.raises(InvalidInput, match=r"history\.yaml:1: .*this tells of no run"):
        cached(path, "1B")


def test_choosing_again_changes_nothing(history: Path, tmp_path: Path) -> None:
    config = Config(history=(str(history),), load_plugins=("argo", "caching", "optimizers"))
    once = optimize(CHURN, "cache{via=memoize,capacity=5GB}", config=config).text
    again = tmp_path / "again.yaml"
    again.write_text(once)
    assert not optimize(again, "cache{via=memoize,capacity=5GB}", config=config).changed


def test_a_size_is_said_in_its_largest_unit() -> None:
    assert [str(Size.parse(text)) for text in ("8GB", "64MiB", "1500", "0", "1024", "8000000000")] == [
        "8GB",
        "64MiB",
        "1500",
        "0",
        "1KiB",
        "8GB",
    ]


def test_a_policy_that_nobody_knows_is_refused_without_a_limit_too() -> None:
    with pytest.raises(InvalidInput, match="no cache policy 'nope'") as error:
        optimize(CHURN, "cache{policy=nope}")
    assert "scr" in str(error.value.hint)
    optimize(CHURN, "cache{policy=lru}")
