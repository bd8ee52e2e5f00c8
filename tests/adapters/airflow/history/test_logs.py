"""Why tries failed, as their logs say it: the classes of exceptions, and no texts; whatever answers come."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_history import instance
from couler_airflow.archive import DATABASE, AirflowArchive
from couler_airflow.history import logs
from couler_airflow.history.logs import failure_in
from couler_airflow.history.records import document_of
from couler_airflow.history.runs import runs_of
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.runs import Attempt
from servers.airflow_api import ApiServer

DETAIL = [
    {"exc_type": "ConnectionError", "exc_value": "secret=hunter2, a secret", "frames": [{"locals": {"x": "secret"}}]},
    {"exc_type": "OSError", "exc_value": "what caused it", "is_cause": True},
]
RAISED = [
    {"event": "::group::Log message source details", "sources": ["/logs/1"]},
    {"event": "said\npassword=hunter2"},
    {"event": "Task failed with exception", "level": "error", "error_detail": DETAIL},
    {"event": "Retry policy decision", "action": "retry"},
]
SIGNAL = "Process terminated by signal. Likely out of memory error (OOM). For more information, see the documentation."
DIED = [{"event": "said"}, {"event": SIGNAL, "signal": -9, "signal_name": "SIGKILL"}]


@pytest.fixture
def train(api: ApiServer) -> ApiServer:
    """A task that was tried three times, and another one that died."""
    api.tasks["train"] = [{"task_id": "work", "downstream_task_ids": []}]
    api.add_run(
        "train", "r1", instance("work", try_number=3), instance("died", state="failed", map_index=2), state="failed"
    )
    api.tries += [instance("work", try_number=number, state="failed") for number in (1, 2)]
    api.logs["train", "r1", "work", -1, 1] = RAISED
    api.logs["train", "r1", "died", 2, 1] = DIED
    return api


def archive(api: ApiServer) -> AirflowArchive:
    return AirflowArchive(ArchiveSource(place=api.url, max_bytes=10**6))


def tries(api: ApiServer) -> dict[str, tuple[Attempt, ...]]:
    (data,) = archive(api).fetch(Wanted(workflows=("train",)))
    assert "secret" not in str(data)
    document = document_of(data)
    assert document is not None
    (run,) = runs_of(document)
    return {ran.step: ran.tries for ran in run.steps}


def asked(api: ApiServer) -> list[str]:
    return [path for path in api.asked if "/logs/" in path]


def test_tries_that_failed_have_the_class_of_their_exception(train: ApiServer) -> None:
    found = tries(train)
    assert [(one.reason, one.message) for one in found["train/work"]] == [("ConnectionError", ""), ("", ""), ("", "")]
    assert [(one.reason, one.message) for one in found["train/died(2)"]] == [("SIGKILL", SIGNAL)]
    assert len(asked(train)) == 3, "those of tries that failed, one of which has none"


def test_logs_that_cannot_be_read_leave_reasons_unknown(
    train: ApiServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(request: Any) -> bool:
        if "/logs/" in request.path:
            request.reply(501, {})
        return "/logs/" in request.path

    train.faults.append(refuses)
    assert not any(one.reason for some in tries(train).values() for one in some)
    assert len(asked(train)) == 1
    assert "logs of tries are not read" in caplog.text
    train.faults.clear()
    monkeypatch.setattr(logs, "MOST", 1)
    assert [one.reason for some in tries(train).values() for one in some if one.reason] == ["SIGKILL"]


@pytest.mark.parametrize("reason", ["", "rate limit (throttled)"])
def test_what_a_policy_said_is_the_message(train: ApiServer, reason: str) -> None:
    train.tries[0]["state_reason"] = reason or None
    train.instances[0]["state_reason"] = "of the try before"
    assert [one.message for one in tries(train)["train/work"]] == [reason, "", ""]


@pytest.mark.parametrize(
    "entries",
    [
        *(None, {}, [], ["text"], [1], [{}], [{"error_detail": "x"}], [{"error_detail": [1]}]),
        *([{"error_detail": [{"exc_type": "a b"}]}], [{"error_detail": [{"exc_type": 7}]}], [{"signal_name": ["x"]}]),
    ],
)
def test_logs_of_another_shape_say_nothing(train: ApiServer, entries: Any) -> None:
    assert failure_in(entries) == ("", "")
    train.logs["train", "r1", "work", -1, 1] = entries
    assert tries(train)["train/work"][0].reason == ""


def test_the_end_of_a_log(train: ApiServer) -> None:
    found = archive(train)
    assert (
        found.log_tail("train/r1", "train/work", 1, 4)
        == (
            "password=***",
            "Task failed with exception",
            "ConnectionError: secret=***, a secret",
            "OSError: what caused it",
            "Retry policy decision",
        )[-4:]
    )
    assert found.log_tail("train/r1", "train/work", 1, 99)[:2] == ("said", "password=***")
    assert found.log_tail("train/r1", "train/died(2)", 1, 1) == (SIGNAL,)
    with pytest.raises(InvalidInput, match="404"):
        found.log_tail("train/r1", "train/work", 2, 4)
    assert AirflowArchive(ArchiveSource(place=DATABASE, max_bytes=1)).log_tail("train/r1", "train/work", 1, 9) == ()
