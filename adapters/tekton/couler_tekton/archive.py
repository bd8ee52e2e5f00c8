"""Past and present runs for `couler history fetch`: from Tekton Results, or from the cluster.

Source: https://tekton.dev/docs/results/api/ (`docs/api/README.md` of tektoncd/results): filters in CEL, pages, and
records whose value is an object in base64.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from couler_plugins.documents.mappings import entries
from couler_plugins.engine_kit.kubernetes.objects import Calls, Kind
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.net.json_api import JsonApi, Server, bearer, object_of, objects_in, refusals
from couler_plugins.runs.usage import time_of
from couler_tekton.mappings import Mapped

CLUSTER, ROOT, TOKEN = "cluster", "/apis/results.tekton.dev/v1alpha2", "COULER_TEKTON_TOKEN"
NAME, DOUBT = "Tekton Results", "check that the URL is that of Tekton Results, and not of a proxy"
SERVER = Server(
    engine="tekton",
    name=NAME,
    example="https://tekton-results.example.com",
    suffix=ROOT,
    credentials=f"set {TOKEN}",
    doubt=DOUBT,
    refusal=refusals(
        "tekton",
        NAME,
        rights=f"set {TOKEN} to a token of somebody who may list records there; name a --namespace",
        missing="this is no API server of Tekton Results, or there is no such namespace",
        broken="see the log of tekton-results-api",
        doubt=DOUBT,
    ),
)
PAGE, MOST = 100, 200_000
"""Records of one page, and of a list at most."""
GROUP = ("tekton.dev", "v1")
OF_TASKS = {"TaskRun": Kind(GROUP, "taskruns"), "CustomRun": Kind(("tekton.dev", "v1beta1"), "customruns")}
"""What runs the tasks of a PipelineRun."""
OF_PIPELINE, OF_RUN = "tekton.dev/pipeline", "tekton.dev/pipelineRun"


class TektonArchive:
    """The facet of one Tekton; see `couler_plugins.hookspecs.past_runs.Archive`.

    Args:
        source: the URL of Tekton Results, or `cluster`.
    """

    places = (CLUSTER,)

    def __init__(self, source: ArchiveSource) -> None:
        self._source = source

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The PipelineRuns with what ran their tasks, by namespace: the runs of parts belong together."""
        spaces: dict[str, list[Mapped]] = {}
        for item in self._in_cluster(wanted) if self._source.place == CLUSTER else self._in_results(wanted):
            spaces.setdefault(str(item["metadata"].get("namespace")), []).append(item)
        for _, items in sorted(spaces.items()):
            yield {"apiVersion": "v1", "kind": "List", "items": items}

    def _in_cluster(self, wanted: Wanted) -> Iterator[Mapped]:
        calls = Calls(self._source.context, {404: "is Tekton installed there?"})
        namespace = self._source.namespace or calls.namespace
        listed = calls.labelled(Kind(GROUP, "pipelineruns"), "PipelineRun", namespace, "")
        runs = [_plain(run) for run in listed if run["metadata"].get("uid") not in wanted.uids]
        yield from runs
        for kind in kinds_in(runs):
            yield from _of(runs, calls.labelled(OF_TASKS[kind], kind, namespace, ""))

    def _in_results(self, wanted: Wanted) -> Iterator[Mapped]:
        api, headers = JsonApi(SERVER, self._source.place, self._source.max_bytes), bearer(TOKEN, "tekton")
        parent = quote(self._source.namespace or "-", safe="")

        def records(kind: str, field: str, since: float) -> Iterator[Mapped]:
            types = " || ".join(f'data_type == "tekton.dev/{version}.{kind}"' for version in ("v1", "v1beta1"))
            date = datetime.fromtimestamp(max(0.0, since), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            later = f' && data.status.{field} > timestamp("{date}")' if since > 0 else ""
            query = {"filter": f"({types}){later}", "order_by": "create_time desc", "page_size": PAGE}
            address = f"{ROOT}/parents/{parent}/results/-/records"
            return _records(lambda **more: api.ask("GET", f"{address}?{urlencode(query | more)}", what, headers))

        what = f"list records of {self._source.namespace or 'all namespaces'}"
        counts: Counter[str] = Counter()
        runs = []
        for run in records("PipelineRun", "completionTime", wanted.earliest):
            family = str(_labels(run).get(OF_PIPELINE) or run["metadata"].get("generateName"))
            counts[family] += 1
            if run["metadata"].get("uid") not in wanted.uids and counts[family] <= wanted.count(family):
                runs.append(run)
        yield from runs
        starts = [time_of((run.get("status") or {}).get("startTime")) for run in runs]
        for kind in kinds_in(runs):
            begun = min(0.0 if start is None else start - 60.0 for start in starts)  # by which clocks may differ
            yield from _of(runs, records(kind, "startTime", begun))


def kinds_in(runs: Iterable[Mapped]) -> list[str]:
    """The kinds of what ran the tasks of some PipelineRuns; few have others than TaskRuns."""
    said = {item.get("kind") for run in runs for item in entries(run.get("status"), "childReferences")}
    return [kind for kind in OF_TASKS if runs and (kind == "TaskRun" or kind in said)]


def _records(ask: Any) -> Iterator[Mapped]:
    """The objects of a list of records, page by page."""
    count, token = 0, ""
    while True:
        answer = object_of(ask(**({"page_token": token} if token else {})), SERVER)
        items = objects_in(answer, "records", SERVER, sparse=True)
        for item in items:
            try:
                value = base64.b64decode(item["data"]["value"], validate=True)
                yield _plain(msgspec.json.decode(value, type=dict[str, Any]))
            except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
                message = f"a record of {NAME} is no object ({type(error).__name__})"
                raise EngineError(message, engine="tekton", hint=DOUBT) from None
        count += len(items)
        last, token = token, str(answer.get("nextPageToken") or answer.get("next_page_token") or "")
        if not token or not items:
            return
        if token == last or count > MOST:
            raise EngineError(f"a list of {NAME} has no end", engine="tekton", hint=DOUBT)


def _of(runs: Iterable[Mapped], tasks: Iterable[Mapped]) -> Iterator[Mapped]:
    """Those among some runs of tasks that belong to these PipelineRuns."""
    names = {(run["metadata"].get("namespace"), run["metadata"].get("name")) for run in runs}
    for task in tasks:
        if (task["metadata"].get("namespace"), _labels(task).get(OF_RUN)) in names:
            yield _plain(task)


def _plain(thing: Mapped) -> Mapped:
    """An object without who has set what in it, which may be half of its bytes."""
    metadata = {name: part for name, part in thing["metadata"].items() if name != "managedFields"}
    return {**thing, "metadata": metadata}


def _labels(thing: Mapped) -> Mapped:
    return thing["metadata"].get("labels") or {}
