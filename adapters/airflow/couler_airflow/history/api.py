"""Past runs from Airflow's REST API.

Source: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html. Nothing that it says is taken on
trust: lists have an end, and records are of the DAGs and runs that were asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec.structs import replace

from couler_airflow.history.logs import with_reasons
from couler_airflow.history.records import LONGEST, SCHEMA, TOLD, Cached, DagRun, Document, Instance, Pod, Task
from couler_airflow.runtime.upstream import XCOM
from couler_airflow.runtime.xcoms import OF_PODS
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import Wanted
from couler_plugins.net.json_api import JsonApi, Server, object_of, objects_in, refusals

TOKEN, USERNAME, PASSWORD = (f"COULER_AIRFLOW_{name}" for name in ("TOKEN", "USERNAME", "PASSWORD"))
CREDENTIALS = f"set {TOKEN}, or {USERNAME} and {PASSWORD}"
PROXY = "check that the URL is that of Airflow 3's API server, and not of a proxy"


class Client:
    """One API server, asked as whoever the environment says. Neither credentials nor answers are in any message.

    Args:
        url: where it is, with the prefix that its UI has.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, or it holds credentials.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._api = JsonApi(SERVER, url, max_bytes)
        self._token = ""

    def get(self, *path: str, **query: Any) -> Any:
        """The answer to a question.

        Args:
            *path: the parts of the path below `/api/v2`, as they are: they are quoted here.
            **query: parameters; a list is given several times.

        Raises:
            InvalidInput: nobody is let in, or there is no such thing.
            EngineError: the server refuses, does not answer, or not in JSON.
        """
        self._token = self._token or self._signed_in()
        address = f"/api/v2/{'/'.join(quote(part, safe='~') for part in path)}"
        parameters = f"?{urlencode(query, doseq=True)}" if query else ""
        return self._api.ask(
            "GET", address + parameters, f"look at {address}", {"Authorization": f"Bearer {self._token}"}
        )

    def _signed_in(self) -> str:
        """A token: the environment's, one for its user name and password, or one for anybody where that is allowed."""
        if token := os.environ.get(TOKEN):
            if not token.isascii() or not token.isprintable():
                raise InvalidInput(f"{TOKEN} is no token", engine="airflow", hint="it has characters that none has")
            return token
        user, password = os.environ.get(USERNAME), os.environ.get(PASSWORD)
        body = {"username": user, "password": password} if user and password else None
        answer = self._api.ask("GET" if body is None else "POST", "/auth/token", "sign in", {}, body)
        result = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(result, str) or not result.isascii() or not result.isprintable():
            raise EngineError("the answer to signing in holds no token", engine="airflow", hint=PROXY)
        return result


RIGHTS = f"{CREDENTIALS}, of somebody who may read DAGs, their runs, task instances and XComs"
REFUSAL = refusals(
    "airflow",
    "Airflow's API",
    rights=RIGHTS,
    missing="there is no such DAG, or it is no API server of Airflow 3",
    broken="see the log of the API server",
    doubt=PROXY,
)


def _refusal(status: int, what: str) -> CoulerError:
    error = REFUSAL(status, what)
    is_unknown = what == "sign in" and status in (400, 404, 405, 422)
    return InvalidInput(error.message, engine="airflow", hint=RIGHTS) if is_unknown else error


SERVER = Server(
    engine="airflow",
    name="Airflow's API",
    example="https://airflow.example.com",
    suffix="/api/v2",
    credentials=CREDENTIALS,
    doubt=PROXY,
    refusal=_refusal,
)


PAGE = 100
"""Records in one answer: what `[api] maximum_page_limit` allows unless set."""
MOST = 200_000
"""Records that a list may have; a run of more task instances is none that Airflow could schedule."""
ENDED = ("success", "failed")
"""The states of runs that have ended."""
T = TypeVar("T")


def fetch(client: Client, wanted: Wanted) -> Iterator[Document]:
    """The newest runs of DAGs that have ended, by DAG.

    Raises:
        InvalidInput: nobody is let in, or there is no such DAG.
        EngineError: the server refuses, does not answer, or says what it cannot mean.
    """
    listed = (str(item.get("dag_id")) for item in _pages(client, ("dags",), "dags", MOST + 1))
    for dag in dict.fromkeys(wanted.workflows or sorted(listed)):
        runs = _runs(client, dag, wanted)
        if not runs and not wanted.workflows:
            continue
        instances = [instance for run in runs for instance in _instances(client, run)]
        earlier = [one for item in instances if item.try_number > 1 for one in _tries(client, item)]
        tried = with_reasons([*instances, *earlier], partial(entries_of, client))
        yield Document(
            schema=SCHEMA,
            dag_runs=tuple(runs),
            task_instances=tuple(tried[: len(instances)]),
            tries=tuple(tried[len(instances) :]),
            cached=tuple(said_of(one, value) for run in runs for one, value in _xcoms(client, run, XCOM)),
            pods=tuple(pod for run in runs for pod in pods_of(*(_xcoms(client, run, key) for key in OF_PODS))),
            tasks=tuple(_tasks(client, dag)),
        )


def _tasks(client: Client, dag: str) -> list[Task]:
    answer = client.get("dags", dag, "tasks")
    return [_record({**item, "dag_id": dag}, Task) for item in objects_in(answer, "tasks", SERVER)]


def _runs(client: Client, dag: str, wanted: Wanted) -> list[DagRun]:
    runs: dict[str, DagRun] = {}
    query: dict[str, Any] = {"order_by": "-run_after", "state": ENDED}
    if since := wanted.since_of(dag):
        query["end_date_gte"] = datetime.fromtimestamp(since, UTC).isoformat()
    for item in _pages(client, ("dags", dag, "dagRuns"), "dag_runs", wanted.count(dag), **query):
        run = _record(item, DagRun)
        if run.dag_id != dag:
            raise _other(f"runs of {dag}")
        runs[run.dag_run_id] = run  # one that ends meanwhile moves the others to the next page
    return list(runs.values())


def _instances(client: Client, run: DagRun) -> list[Instance]:
    instances: dict[Any, Instance] = {}
    path = ("dags", run.dag_id, "dagRuns", run.dag_run_id, "taskInstances")
    for item in _pages(client, path, "task_instances", MOST + 1):
        instance = _record(item, Instance)
        if instance.place[:2] != (run.dag_id, run.dag_run_id):
            raise _other(f"task instances of {run.dag_id}")
        instances[instance.place] = instance
    return list(instances.values())


def _tries(client: Client, instance: Instance) -> list[Instance]:
    dag, run, task, index = instance.place
    mapped = (str(index),) if index >= 0 else ()
    answer = client.get("dags", dag, "dagRuns", run, "taskInstances", task, *mapped, "tries")
    records = [_record(item, Instance) for item in objects_in(answer, "task_instances", SERVER)]
    if any(item.place != instance.place for item in records):
        raise _other(f"tries of {dag}/{task}")
    return [item for item in records if item.try_number < instance.try_number]


def entries_of(client: Client, item: Instance) -> Any:
    """The log of a try.

    Raises:
        InvalidInput: nobody is let in, or there is none.
        EngineError: the server refuses, does not answer, or not in JSON.
    """
    dag, run, task, index = item.place
    path = ("dags", dag, "dagRuns", run, "taskInstances", task, "logs", str(item.try_number))
    return object_of(client.get(*path, map_index=index), SERVER).get("content")


def _xcoms(client: Client, run: DagRun, key: str) -> Iterator[tuple[Cached, Any]]:
    """The XComs of a run with a key, and whose each is: a list says which tasks have pushed one, but not what."""
    path = ("dags", run.dag_id, "dagRuns", run.dag_run_id, "taskInstances")
    for item in _pages(client, (*path, "~", "xcomEntries"), "xcom_entries", MOST + 1, xcom_key=key):
        place = {name: item.get(name) for name in ("task_id", "map_index")}
        one = _record({"dag_id": run.dag_id, "dag_run_id": run.dag_run_id, **place}, Cached)
        index = {"map_index": one.map_index} if one.map_index >= 0 else {}
        answer = object_of(client.get(*path, one.task_id, "xcomEntries", key, stringify="false", **index), SERVER)
        yield one, answer.get("value")


def pods_of(names: Iterable[tuple[Cached, Any]], namespaces: Iterable[tuple[Cached, Any]]) -> Iterator[Pod]:
    """Return the pods that XComs tell of; operators that start one push its name and its namespace."""
    places = {one.place: value for one, value in namespaces}
    for one, name in names:
        texts = [text.strip('"') if isinstance(text, str) else "" for text in (name, places.get(one.place))]
        yield Pod(**one.fields, name=texts[0], namespace=texts[1])


def said_of(place: Cached, value: Any) -> Cached:
    """A record with what an XCom of ours says; a task may have pushed anything else under that key."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        return replace(place, hit=None)
    hit, key, worth = value.get("hit"), value.get("key"), value.get("saved_seconds")
    return replace(
        place,
        hit=hit if isinstance(hit, bool) else None,
        key=key if isinstance(key, str) else "",
        saved_seconds=float(worth) if isinstance(worth, int | float) and 0 <= worth <= LONGEST else None,
    )


def _pages(client: Client, path: tuple[str, ...], name: str, most: int, **query: Any) -> Iterator[Mapping[str, Any]]:
    """The records of a list, page by page: at most so many.

    Raises:
        EngineError: it has more than anything could have, or it goes on after its end.
    """
    seen = 0
    while seen < most:
        limit = min(PAGE, most - seen)
        answer = object_of(client.get(*path, limit=limit, offset=seen, **query), SERVER)
        items = objects_in(answer, name, SERVER)
        yield from items[:limit]
        seen += len(items)
        total = answer.get("total_entries")
        if seen > MOST:
            raise EngineError(f"a list of {name} has no end", engine="airflow", hint=PROXY)
        if not items or (isinstance(total, int) and seen >= total):
            return


def _record(item: Any, kind: type[T]) -> T:
    try:
        return TOLD.believed(item, kind)
    except InvalidInput as error:
        raise EngineError(error.message, engine="airflow", hint=PROXY) from None


def _other(what: str) -> EngineError:
    return EngineError(f"Airflow's API returned other objects than {what}", engine="airflow", hint=PROXY)
