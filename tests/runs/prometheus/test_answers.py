"""What a server is asked, and what becomes of one that is away, slow, or wrong: an error or nothing, never a figure."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net import json_api
from couler_plugins.runs import ContainerUse
from couler_plugins.runs.prometheus import Reach, measure, with_use
from couler_plugins.runs.prometheus.figures import CPU, MEMORY, Unusable
from servers.processes import free_port
from servers.prometheus_api import Handler, PrometheusApi, matrix, prometheus_api
from servers.prometheus_runs import MIB, START, attempt, attempts_of, labels, run_of

LIMIT = 10**6


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrometheusApi]:
    monkeypatch.delenv("COULER_PROMETHEUS_TOKEN", raising=False)
    with prometheus_api() as server, stamina.set_testing(True, attempts=6, cap=True):
        yield server


def series(*samples: tuple[float, Any], name: str = MEMORY, pod: str = "work", **more: str) -> dict[str, Any]:
    own = {"__name__": name, **labels(pod), **more}
    return {"metric": own, "values": [[START + at, value] for at, value in samples]}


GOOD = series((5, "1048576"), (15, "2097152"))
CORES = {"cpu": "total"}


def ask(api: PrometheusApi) -> tuple[ContainerUse, ...]:
    (result,) = attempts_of(with_use([run_of(attempt())], api.url, LIMIT))
    return result.containers


def reason(api: PrometheusApi) -> Unusable | None:
    """Why nothing is known of the only pod; None where something is."""
    _, reach = measure([run_of(attempt())], api.url, LIMIT)
    return next((reason for reason, count in reach.reasons.items() if count), None)


def refuses(status: int, body: Any = b"{}", **headers: str) -> Any:
    return lambda handler: handler.reply(status, body, **headers)


def test_a_query_is_one_form_for_prometheus_and_thanos(api: PrometheusApi) -> None:
    pods = [attempt(), attempt("w.1-a", 10, 20.5), attempt("other", namespace="blue")]
    _, reach = measure([run_of(*pods)], f"{api.url}/prefix/api/v1/", LIMIT)
    assert reach == Reach(3, 0, {Unusable.UNTIMED: 0, Unusable.UNSEEN: 3})
    assert api.paths == ["/prefix/api/v1/query"] * 2
    assert [headers["content-type"] for headers in api.headers] == ["application/x-www-form-urlencoded"] * 2
    assert all("authorization" not in headers for headers in api.headers)
    metrics = "container_memory_working_set_bytes|container_cpu_usage_seconds_total|container_start_time_seconds"
    metrics += "|kube_pod_container_resource_requests|kube_pod_container_resource_limits"
    rest = 'container!="",container!="POD",cpu!~"cpu[0-9]+"}[661s]'
    thanos = {"dedup": "true", "partial_response": "false", "max_source_resolution": "0s"}
    assert api.forms[1] == {
        "query": f'{{__name__=~"{metrics}",pod=~"w\\\\.1\\\\-a|work",namespace="team",{rest}',
        "time": f"{START + 360:.3f}",
        **thanos,
    }


def test_where_requests_are_known_they_are_not_asked_for(api: PrometheusApi) -> None:
    measure([run_of(attempt(containers=(ContainerUse(container="main", cpu_request=1),)))], api.url, LIMIT)
    assert "kube_" not in api.forms[0]["query"]


def test_use_that_is_known_is_not_asked_for(api: PrometheusApi) -> None:
    runs = [run_of(attempt(containers=(ContainerUse(container="main", memory=1),)), attempt(pod=""))]
    assert with_use(runs, api.url, LIMIT) == runs
    assert api.forms == []


def test_pods_that_ran_far_apart_are_asked_for_apart(api: PrometheusApi) -> None:
    day = 86_400.0
    pods = [attempt(f"work-{number}", number * day, number * day + 60) for number in range(3)]
    pods += [attempt(f"next-{number}", 100 + number, 400) for number in range(200)]
    measure([run_of(*pods)], api.url, LIMIT)
    assert [form["query"].count("next") for form in api.forms] == [199, 1, 0, 0]


def test_a_token_is_sent_and_never_said(
    api: PrometheusApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COULER_PROMETHEUS_TOKEN", "a-token")
    api.answers = [refuses(401, {"error": "a-token"})]
    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidInput, match="401") as caught:
        ask(api)
    assert api.headers[0]["authorization"] == "Bearer a-token"
    assert "COULER_PROMETHEUS_TOKEN" in str(caught.value)
    assert "a-token" not in f"{caught.value}{caplog.text}"


@pytest.mark.parametrize("token", ["two\nlines", "smörgås"])
def test_a_token_that_is_none_is_not_sent(api: PrometheusApi, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("COULER_PROMETHEUS_TOKEN", token)
    with pytest.raises(InvalidInput, match="COULER_PROMETHEUS_TOKEN is no token"):
        ask(api)
    assert api.forms == []


def test_the_token_follows_no_redirect(api: PrometheusApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_PROMETHEUS_TOKEN", "a-token")
    with prometheus_api() as elsewhere:
        api.answers = [refuses(307, Location=f"{elsewhere.url}/api/v1/query")]
        with pytest.raises(EngineError, match="307"):
            ask(api)
        assert elsewhere.forms == []


@pytest.mark.parametrize("url", ["prometheus", "ftp://there", "http://ann:secret@there", "http://there/?a=b"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="Prometheus") as caught:
        with_use([run_of(attempt())], url, LIMIT)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_an_error(api: PrometheusApi) -> None:
    with pytest.raises(EngineError, match="Prometheus does not answer"):
        with_use([run_of(attempt())], f"http://127.0.0.1:{free_port()}", LIMIT)


def test_a_server_that_is_slow_is_an_error(api: PrometheusApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_api, "SILENCE", 0.05)
    api.answers = [lambda handler: time.sleep(0.3)]
    with pytest.raises(EngineError, match="Prometheus does not answer"):
        ask(api)


def test_a_server_that_comes_back_is_asked_again(api: PrometheusApi) -> None:
    api.answers = [refuses(503), refuses(503), matrix(GOOD)]
    assert ask(api) == (ContainerUse(container="main", memory=2 * MIB),)
    assert len(api.forms) == 3


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, EngineError, "limits of queries"),
        (403, InvalidInput, "COULER_PROMETHEUS_TOKEN"),
        (404, InvalidInput, "the URL"),
        (405, EngineError, "the URL"),
        (422, EngineError, "all stores answer"),
        (501, EngineError, "log of the server"),
    ],
)
def test_a_refusal_is_an_error_with_a_remedy(api: PrometheusApi, status: int, kind: type[Exception], hint: str) -> None:
    api.answers = [refuses(status, {"status": "error", "errorType": "execution", "error": "a secret"})]
    with pytest.raises(kind, match=str(status)) as caught:
        ask(api)
    assert hint in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(api.forms) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Sign in</html>",
        b"",
        b"[" * 100_000,
        [],
        {},
        {"status": "success"},
        {"status": "error", "errorType": "timeout", "error": "secret"},
        {"status": "error", **{name: value for name, value in matrix(GOOD).items() if name == "data"}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [START, "1"]}]}},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "scalar", "result": [START, "1"]}},
        {"status": "success", "data": {"resultType": "string", "result": [START, "secret"]}},
        {"status": "success", "data": {"resultType": "streams", "result": []}},
        {"status": "success", "data": {"resultType": "matrix", "result": None}},
        matrix({"metric": {"pod": 3}, "values": []}),
        matrix({"metric": {"pod": "work"}, "values": [[START, 5.0]]}),
        matrix({"metric": {"pod": "work"}, "values": [[START]]}),
        matrix({"metric": {"pod": "work"}, "values": [["yesterday", "1"]]}),
        matrix({"metric": {"pod": "work"}, "values": [[START, "secret"]]}),
        matrix({"metric": {"pod": "work"}}),
        matrix(GOOD, warnings="secret"),
    ],
    ids=str,
)
def test_what_is_no_answer_is_an_error(api: PrometheusApi, answer: Any) -> None:
    api.answers = [answer]
    with pytest.raises(EngineError, match=r"answer") as caught:
        ask(api)
    assert "secret" not in str(caught.value)
    assert len(api.forms) == 1


def test_an_answer_that_is_too_large_is_an_error(api: PrometheusApi) -> None:
    api.answers = [b" " * (LIMIT + 1)]
    with pytest.raises(EngineError, match="more than 1MB"):
        ask(api)


@pytest.mark.parametrize(
    "value", ["NaN", "+Inf", "-Inf", "-1", "1e300", str(2**51)], ids=lambda value: f"memory {value}"
)
def test_memory_that_cannot_be_gives_no_figure(api: PrometheusApi, value: str) -> None:
    api.answers = [matrix(series((5, "1048576"), (15, value), (25, "1048576")))]
    assert reason(api) is Unusable.IMPLAUSIBLE


@pytest.mark.parametrize(
    "values",
    [("0", "NaN"), ("NaN", "1"), ("0", "+Inf"), ("+Inf", "0"), ("-5", "1"), ("0", "1e9"), ("1e9", "-1")],
    ids=str,
)
def test_cpu_that_cannot_be_gives_no_figure(api: PrometheusApi, values: tuple[str, str]) -> None:
    counter = series((5, values[0]), (15, values[1]), name=CPU, **CORES)
    api.answers = [matrix(GOOD, counter)]
    assert reason(api) is Unusable.IMPLAUSIBLE


def test_samples_of_the_future_are_somebody_elses(api: PrometheusApi) -> None:
    api.answers = [matrix(series((1e9, "1"), (2e9, "2")), series((1e300, "1"), (-1e300, "2"), id="/again"))]
    assert reason(api) is Unusable.SKEWED


@pytest.mark.parametrize("part", [{"warnings": ["a store is away: secret"]}, {"isPartial": True}], ids=str)
def test_a_part_of_an_answer_gives_no_figure(
    api: PrometheusApi, caplog: pytest.LogCaptureFixture, part: dict[str, Any]
) -> None:
    api.answers = [matrix(GOOD, **part)]
    assert ask(api) == ()
    text = "0 of 1 pods attributed, use of 0 known; 1 are in answers that the server calls partial"
    assert caplog.messages == [f"Prometheus: {text}"]


def test_a_part_of_an_answer_spoils_no_other(api: PrometheusApi) -> None:
    day = 86_400.0
    samples = {"metric": {"__name__": MEMORY, **labels("next")}, "values": [[START + day + at, "7"] for at in (5, 15)]}
    api.answers = [matrix(GOOD, warnings=["partial"]), matrix(samples)]
    runs, reach = measure([run_of(attempt(), attempt("next", day, day + 60))], api.url, LIMIT)
    assert [bool(result.containers) for result in attempts_of(runs)] == [False, True]
    assert (reach.observed, reach.reasons[Unusable.PARTIAL]) == (1, 1)


@pytest.mark.parametrize(
    "others",
    [
        [series((5, "9"), (15, "9"), namespace="blue"), series((5, "9"), (15, "9"), pod="w0rk")],
        [series((5, "9e9"), (15, "9e9"), name="container_memory_rss")],
    ],
    ids=["other pods", "other metrics"],
)
def test_what_was_not_asked_for_is_left_out(api: PrometheusApi, others: list[Any]) -> None:
    api.answers = [matrix(GOOD, *others)]
    assert ask(api) == (ContainerUse(container="main", memory=2 * MIB),)


def test_two_clusters_with_one_name_are_told_apart_or_refused(api: PrometheusApi) -> None:
    east, west = series((5, "1"), (15, "1"), cluster="east"), series((6, "2"), (16, "2"), cluster="west")
    api.answers = [matrix(east, west)]
    assert reason(api) is Unusable.AMBIGUOUS


def test_two_values_of_one_moment_are_refused(api: PrometheusApi) -> None:
    api.answers = [matrix(series((5, "1"), (15, "1"), job="a"), series((5, "2"), (15, "1"), job="b"))]
    assert reason(api) is Unusable.AMBIGUOUS


def test_labels_that_were_dropped_are_no_error(api: PrometheusApi) -> None:
    for item in (bare := series((5, "1"), (15, "2")))["metric"].copy():
        if item not in ("__name__", "namespace", "pod", "container"):
            del bare["metric"][item]
    api.answers = [matrix(bare)]
    assert ask(api) == (ContainerUse(container="main", memory=2),)


def test_answers_break_off(api: PrometheusApi) -> None:
    def break_off(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        handler.wfile.flush()
        handler.close_connection = True

    api.answers = [break_off]
    with pytest.raises(EngineError):
        ask(api)
