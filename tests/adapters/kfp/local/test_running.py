"""The harness itself: it sees what differs, and ends what does not end."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.kfp.local.pipelines import sleeping, writing
from adapters.kfp.local.running import run
from adapters.kfp.sources import sharing

pytest.importorskip("kfp", reason="needs kfp")


@pytest.mark.slow
def test_contents_of_artifacts_are_compared() -> None:
    one, same, other = (run(partial(writing, text)) for text in ("abc", "abc", "xyz"))
    assert one.outputs["Output"]["content"] == "abc"
    assert one.outputs["Output"]["metadata"] == {"length": 3}
    assert one.same() == same.same() != other.same()


def test_what_each_task_hands_out_is_told() -> None:
    outcome = run(sharing)
    assert outcome.outputs == {"Output": "1/2"}
    assert [value["content"] for value in outcome.tasks["write-2.out"]] == ["2"]


def test_a_run_that_takes_too_long_is_ended() -> None:
    assert run(sleeping, limit=1.5).error == "it takes more than 1.5 seconds"
