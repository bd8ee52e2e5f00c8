"""Queries of Prometheus' HTTP API, which Thanos, Mimir and VictoriaMetrics have as well: raw samples of pods.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/ and, for what Thanos adds,
https://thanos.io/tip/components/query.md/. Nothing that a server says is taken on trust.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net.json_api import JsonApi, Server, bearer

API, TOKEN = "/api/v1", "COULER_PROMETHEUS_TOKEN"
DOUBT = "check that the URL is that of Prometheus or of Thanos Query, with its prefix, and not of a proxy"
PIECE = 100_000.0
"""Seconds of pods in one query: with five series of a pod, 500,000 samples where there is one a second, 17,000 where
there are two a minute. Servers load 50 million at most unless set (`--query.max-samples`)."""
T = TypeVar("T")


class Series(NamedTuple):
    """Samples of one time series.

    Attributes:
        labels: of the series, its name among them as `__name__`.
        samples: values by their times, in seconds since 1970.
    """

    labels: Mapping[str, str]
    samples: dict[float, float]


class _Row(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    values: tuple[tuple[float, str], ...]


class _Data(msgspec.Struct, frozen=True, tag_field="resultType", tag="matrix"):
    result: tuple[_Row, ...]


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: Any = None
    warnings: tuple[str, ...] = ()
    is_partial: bool = msgspec.field(default=False, name="isPartial")
    """VictoriaMetrics' way to say it."""


class Client:
    """One server, asked with the environment's token, where it has one.

    Args:
        url: where it is, with the prefix that its UI has.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, or it holds credentials; or the token is none.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._api = JsonApi(SERVER, url, max_bytes)
        self._headers = bearer(TOKEN)

    def samples(
        self, names: Sequence[str], namespace: str, pods: Iterable[str], start: float, end: float
    ) -> list[Series] | None:
        """The samples of pods' containers between two times; None where the server says that they are not all.

        Args:
            names: of metrics.
            namespace: of the pods; empty for any.
            pods: their names.
            start: the first moment.
            end: the last moment.

        Raises:
            InvalidInput: nobody is let in, or there is no such API.
            EngineError: the server refuses, does not answer, or says what it cannot mean.
        """
        matchers = [f"__name__=~{_any_of(names)}", f"pod=~{_any_of(sorted(set(pods)))}"]
        matchers += [f"namespace={json.dumps(namespace)}"] if namespace else []
        # The pod as a whole has no container, its sandbox is POD; sums over cores are enough.
        matchers += ['container!=""', 'container!="POD"', 'cpu!~"cpu[0-9]+"']
        series: dict[tuple[tuple[str, str], ...], Series] = {}
        for number in range(math.ceil((end - start) / PIECE)):
            until = min(start + (number + 1) * PIECE, end)
            # A range selector gives the samples themselves; some versions leave out its first moment.
            rows = self._rows(f"{{{','.join(matchers)}}}[{math.ceil(min(end - start, PIECE)) + 1}s]", until)
            if rows is None:
                return None
            for row in rows:
                one = series.setdefault(tuple(sorted(row.metric.items())), Series(row.metric, {}))
                one.samples.update((moment, _number(value)) for moment, value in row.values)
        return [series[labels] for labels in sorted(series)]

    def _rows(self, query: str, time: float) -> tuple[_Row, ...] | None:
        # What is for Thanos is nothing to others: one series of replicas, all stores or none, no averages.
        thanos = {"dedup": "true", "partial_response": "false", "max_source_resolution": "0s"}
        form = urlencode({"query": query, "time": f"{time:.3f}", **thanos})
        data = self._api.ask("POST", f"{API}/query", "read the use of pods", self._headers, form)
        answer = _believed(data, _Answer)
        if answer.status != "success":
            raise EngineError("Prometheus answers with an error", hint="see the log of the server")
        return None if answer.warnings or answer.is_partial else _believed(answer.data, _Data).result


def _any_of(words: Iterable[str]) -> str:
    """A regular expression of some words, as a text of PromQL. Go reads what JSON and `re` escape of ASCII."""
    return json.dumps("|".join(re.escape(word) for word in words))


def _believed(data: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError):
        raise EngineError("the answer is none of Prometheus", hint=DOUBT) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EngineError("the answer has a sample that is no number", hint=DOUBT) from None


def _refusal(status: int, what: str) -> EngineError | InvalidInput:
    message = f"Prometheus refuses to {what}: {status}"
    if status in (401, 403):
        return InvalidInput(message, hint=f"set {TOKEN} to a token of somebody who may query it")
    if status == 404:
        return InvalidInput(message, hint=DOUBT)
    if 300 <= status < 400:
        hint = "it is somewhere else, or wants somebody to sign in: give the URL that it leads to"
        return EngineError(message, hint=hint)
    if status in (400, 413, 422):
        return EngineError(message, hint="see its limits of queries; in Thanos, whether all stores answer")
    return EngineError(message, hint="see the log of the server" if status >= 500 else DOUBT)


SERVER = Server(
    engine="prometheus",
    name="Prometheus",
    example="https://prometheus.example.com",
    suffix=API,
    credentials=f"set {TOKEN}",
    doubt=DOUBT,
    refusal=_refusal,
)
