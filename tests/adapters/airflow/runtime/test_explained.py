"""What `couler explain` says of tasks is what their workers do: the same verdicts by the same rules."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.airflow.examples import each_dag, fewest
from adapters.airflow.running import run
from airflow_dags import DagFiles, FakeInstance, context_of
from couler_airflow.cache.cache import AirflowCache
from couler_airflow.cache.rows import Owner
from couler_airflow.journal import Journal
from couler_airflow.lift import lift_dag
from couler_airflow.marks import MARK, cached
from couler_airflow.runtime.run import Run
from couler_airflow.runtime.upstream import Before
from couler_airflow.runtime.wrap import is_wrapped
from couler_plugins.caching.code.uncacheable import objections_of
from couler_plugins.hookspecs.caching import Objection, Request
from couler_plugins.ir import GraphView

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]

FILE = """
import time
from airflow.providers.standard.operators.bash import BashOperator

def stamp():
    return time.time()

with DAG("told", schedule=None, tags=[TAGS]) as dag:
    @task
    def clock(x):
        return x + stamp()

    @task
    def network():
        import requests
        started = time.time()
        return requests.codes.ok, started

    @task
    def everything(**kwargs):
        return sorted(kwargs)[:1]

    @task
    def instance(ti=None, run_id=None):
        return ti.task_id

    @task
    def reads(path):
        with open(path) as file:
            return file.name

    @task
    def pure(x):
        return x * 2

    @task
    def quiet(x):
        print(x)

    @task.branch
    def choose(x):
        return "chosen"

    clock(1), everything(), instance(), reads(__file__)
    network() >> pure.override(task_id="behind_network")(5)
    pure(2) >> pure.override(task_id="behind_pure")(3)
    quiet(1) >> pure.override(task_id="behind_quiet")(4)
    choose(1) >> pure.override(task_id="chosen")(6)
    pure.override(task_id="mapped").expand(x=[11, 12])
    EDITS
"""
VERDICTS: dict[str, tuple[str, set[str]]] = {
    "clock": ("declarable", {"clock"}),
    "network": ("declarable", {"clock"}),
    "everything": ("declarable", {"run-context"}),
    "instance": ("declarable", {"run-context"}),
    "reads": ("cached", set()),
    "pure": ("cached", set()),
    "quiet": ("never", {"no-result"}),
    "behind_pure": ("run-time", set()),
    "behind_quiet": ("never", {"producer"}),
    "behind_network": ("declarable", {"producer"}),
    "choose": ("never", {"operator"}),
    "chosen": ("run-time", set()),
    "mapped": ("cached", set()),
}
RULES = re.compile(r"\(rule ([\w-]+)")
LINES = re.compile(r"at dag_file\.py:(\d+)\)")


class Log(NamedTuple):
    """What the workers of one task have logged.

    Attributes:
        hits: whether results were kept or found.
        rules: the rules by which they were not.
        lines: the lines of the DAG file that they name.
    """

    hits: bool
    rules: set[str]
    lines: set[int]


@contextmanager
def listening() -> Iterator[dict[str, list[str]]]:
    """Collect what the cache logs, by task."""
    logs: dict[str, list[str]] = {}
    current = [""]

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if started := re.match(r"\[DAG TEST\] starting task_id=(\S+)", text):
                current[0] = started[1]
            elif record.name.startswith("couler_airflow"):
                logs.setdefault(current[0], []).append(f"{record.levelname}: {text}")

    listener = Listener(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("couler_airflow.runtime.run", "airflow.sdk.definitions.dag")]
    levels = [(logger.level, logger.disabled) for logger in loggers]
    try:
        for logger in loggers:
            logger.addHandler(listener)
            logger.setLevel(logging.DEBUG)
            logger.disabled = False
        yield logs
    finally:
        for logger, (level, disabled) in zip(loggers, levels, strict=True):
            logger.removeHandler(listener)
            logger.setLevel(level)
            logger.disabled = disabled


def explained(dag: Any) -> dict[str, Request]:
    """Return what `couler explain` says of each task."""
    requests = AirflowCache(dag, lift_dag(dag, 0)).requests(assume_pure=False, explains=True)
    return {name: request for (_, name), request in requests.items()}


@pytest.mark.parametrize(
    "way", ["tag", *(pytest.param(way, marks=pytest.mark.slow) for way in ("setting", "optimize"))]
)
def test_workers_log_what_was_explained(
    dag_files: DagFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_DAGS", "to*" if way == "setting" else "")
    edits = "from couler_airflow import optimize; optimize(dag)" if way == "optimize" else "pass"
    tags = '"couler-cache"' if way == "tag" else ""
    dag = dag_files.dag(FILE.replace("TAGS", tags).replace("    EDITS", edits))
    requests = explained(dag)
    assert {name: (item.verdict, rules_of(item.objections)) for name, item in requests.items()} == VERDICTS
    with listening() as logs:
        run(dag)
    assert set(logs) == set(VERDICTS)
    for name, (verdict, rules) in VERDICTS.items():
        log = " ".join(logs[name])
        assert ("MISS: " in log) == (verdict in ("cached", "run-time")), name
        if name == "quiet":
            assert logs[name] == ["DEBUG: returned nothing: not stored"]
        else:
            assert {*RULES.findall(log)} == rules, name
        named = {item.remedy for item in requests[name].objections if item.rule != "producer"}  # what others need
        assert ("to cache it, add" in log) == (verdict == "declarable" and any(named)), name
        assert verdict != "declarable" or all(remedy in log for remedy in named), name
        places = [item.place for item in requests[name].objections if item.place is not None]
        lines = {place.line for place in places if place.line is not None}
        assert name == "quiet" or {int(line) for line in LINES.findall(log)} == lines, name


def rules_of(objections: tuple[Objection, ...]) -> set[str]:
    return {item.rule for item in objections}


OPEN = """
from airflow.providers.standard.operators.bash import BashOperator
from couler_airflow import cached

with DAG("open", schedule=None) as dag:
    @task
    def commands():
        return ["true"]

    for name, command in {
        "plain": "echo 1",
        "rendered": "echo {{ ds }}",
        "clock": "echo {{ ds }}; date",
        "perhaps": "{% if params.x %}date{% endif %}",
        "joined": "date{{ ds }}",
    }.items():
        BashOperator(task_id=name, bash_command=command)
    BashOperator(task_id="result", bash_command=commands())
    BashOperator.partial(task_id="mapped").expand(bash_command=["date", "true"])
    BashOperator.partial(task_id="unknown").expand_kwargs(commands.override(task_id="kwargs")())
    for one in dag.task_dict.values():
        cached(allow=('programs',))(one)
"""


def test_only_a_run_can_tell_what_it_renders_and_maps(dag_files: DagFiles) -> None:
    requests = explained(dag_files.dag(OPEN))
    verdicts = {name: item.verdict for name, item in requests.items() if name not in ("commands", "kwargs")}
    assert verdicts == {
        "plain": "cached",
        **dict.fromkeys(("rendered", "clock", "perhaps", "joined", "result", "mapped", "unknown"), "run-time"),
    }
    assert {item.rule for name in verdicts for item in requests[name].doubts} == {"program", "mapped", "producer"}


CHAIN = """
with DAG("chain", schedule=None) as dag:
    @task
    def first(x):
        return x
    @task
    def second(x):
        from airflow.sdk import Variable; return Variable.get(x)
    @task
    def third(x, **kwargs):
        return x
    first(1) >> second("a") >> third(2)
"""


OUTPUTS = """
from couler_airflow import cached

with DAG("outputs", schedule=None) as dag:
    @task
    def write(path):
        return 1

    for name, outputs in {
        "absolute": ("/data/{{ ds }}.csv",),
        "computed": ("{{ params.folder }}/a.csv",),
        "perhaps": ("{% if params.x %}/data/{% endif %}a.csv",),
        "relative": ("data/{{ ds }}.csv",),
        "root": ("/",),
        "upwards": ("/data/{{ ds }}/../a",),
        "inside": ("/data/a", "/data/a/b"),
        "apart": ("/data/{{ ds }}", "/data/x/b"),
        "broken": ("/data/{{ ds",),
    }.items():
        cached(outputs=outputs)(write.override(task_id=name)("x"))
    cached(outputs=("data/a",))(write.override(task_id="mapped").expand(path=["a", "b"]))
"""
WRONG = {
    "relative": "its output 'data/x.csv' is not an absolute path",
    "root": "its output '/' is the root folder",
    "upwards": "its output '/data/x/../a' has '..' in it",
    "inside": "its output /data/a/b is inside its output /data/a",
    "broken": "its output '/data/{{ ds' cannot be rendered (TemplateSyntaxError)",
    "mapped": "its output 'data/a' is not an absolute path",
}


def test_outputs_that_no_worker_keeps_are_told_before(dag_files: DagFiles) -> None:
    requests = explained(dag_files.dag(OUTPUTS))
    reasons = {name: [item.reason for item in one.objections] for name, one in requests.items() if one.objections}
    assert reasons == {name: [reason] for name, reason in WRONG.items()}
    (objection,) = requests["relative"].objections
    assert (requests["relative"].verdict, objection.rule) == ("declarable", "outputs")
    assert "outputs=(" in objection.remedy
    assert objection.place is not None
    assert objection.place.line == 6


def test_without_a_store_it_says_how_to_set_one(dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    dag = dag_files.dag(CHAIN)

    def rule() -> str:
        objection = AirflowCache(dag, lift_dag(dag, 0)).settings_objection
        return "" if objection is None else f"{objection.rule}: {objection.remedy}"

    monkeypatch.delenv("AIRFLOW__COULER__CACHE_STORE", raising=False)
    assert rule().startswith("no-store: cache_store = ")
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "/store")
    assert rule() == ""
    monkeypatch.setenv("AIRFLOW__COULER__ENABLED", "false")
    assert rule().startswith("switched-off: enabled = true")


VOUCHED = """
import random
from couler_airflow import cached

with DAG("vouched", schedule=None, tags=["couler-cache"]) as dag:
    @task
    def draw(x):
        return random.random() + x

    @task
    def add(x):
        return x

    cached(allow=("programs", "network"))(draw.override(task_id="itself")(1))
    cached(allow=("random",))(draw.override(task_id="named")(1))
    draw(2), add(3)
"""


def test_what_owners_vouch_for_is_told(dag_files: DagFiles) -> None:
    requests = explained(dag_files.dag(VOUCHED))
    assert {name: request.waived for name, request in requests.items()} == {
        "itself": ("network", "programs", "random"),
        "named": ("random",),
        "draw": (),
        "add": (),
    }
    assert requests["draw"].verdict == "declarable"


TWICE = """
from couler_airflow import cached

with DAG("twice", schedule=None) as dag:
    @task
    def read(path):
        import time, pandas
        return len(pandas.read_html(path)), time.time()

    read("x")
    cached(allow=("network",))(dag)
"""


def test_a_remedy_names_all_words_that_a_task_needs(dag_files: DagFiles) -> None:
    request = explained(dag_files.dag(TWICE))["read"]
    assert {item.rule for item in request.objections} == {"clock", "native"}
    remedies = {item.remedy for item in request.objections}
    assert remedies == {"couler_airflow.cached(allow=('clock', 'files', 'network')) at the task"}
    assert "it names time.time, which may read a clock" in {item.reason for item in request.objections}


def test_what_is_missing_is_told_at_once(dag_files: DagFiles) -> None:
    dag = dag_files.dag(CHAIN)
    requests = explained(dag)
    assert {name: [item.rule for item in request.objections] for name, request in requests.items()} == {
        "first": ["not-declared"],
        "second": ["not-declared", "variables", "producer"],
        "third": ["not-declared", "run-context", "producer"],
    }
    assert {request.verdict for request in requests.values()} == {"declarable"}
    assert "allow=('variables',)" in requests["second"].objections[1].remedy
    assert "'second'" in requests["third"].objections[2].remedy
    facet = AirflowCache(dag, lift_dag(dag, 0))
    pure = {name: item.verdict for (_, name), item in facet.requests(assume_pure=True, explains=True).items()}
    assert pure == {"first": "cached", "second": "declarable", "third": "declarable"}
    for assume_pure in (False, True):  # who asks no reasons asks the same of the same tasks
        both = [facet.requests(assume_pure=assume_pure, explains=explains) for explains in (False, True)]
        asked = [{place: request.is_asked for place, request in requests.items()} for requests in both]
        assert asked[0] == asked[1] == dict.fromkeys(both[0], assume_pure)


@pytest.mark.parametrize("marked", ["dag", "tasks"])
def test_examples_are_explained_as_their_workers_decide(marked: str) -> None:
    """All tasks of all DAGs that Airflow ships, marked each or as a whole."""
    counts = dict.fromkeys(("cached", "declarable", "never", "run-time"), 0)
    differences = {}
    for _, _, dag in each_dag():
        journal = Journal()
        for task in dag.task_dict.values():
            journal.task(task)
        try:
            for target in [dag] if marked == "dag" else dag.task_dict.values():
                cached(target)
            owner = Owner(dag)
            for task in dag.task_dict.values():
                owner.wrap(task)
            requests, workers = explained(dag), decided(dag, owner)
            for name, request in requests.items():
                counts[request.verdict] += 1
                if not agree(request, workers[name], is_wrapped(dag.task_dict[name])):
                    differences[f"{dag.dag_id}/{name}"] = (request, workers[name])
        finally:
            journal.undo()
            if MARK in vars(dag):
                delattr(dag, MARK)
    assert not differences
    assert sum(counts.values()) >= fewest()[1]
    assert min(counts.values()) >= 3, counts


def agree(request: Request, worker: set[str] | None, wrapped: bool) -> bool:
    """Whether a verdict holds for what a worker decides; None is for what cannot be made without a run."""
    rules = rules_of(request.objections)
    if not wrapped:  # what a worker never sees is told with what would come next
        return worker is not None and bool(worker) and worker <= rules
    if worker is None:
        return request.verdict == "run-time" or bool(rules)
    if request.verdict == "run-time":
        return worker <= rules_of(request.doubts) | {"clock", "randomness", "network"}
    return worker == rules


def decided(dag: Any, owner: Owner) -> dict[str, set[str] | None]:
    """Return the rules by which the worker of each task refuses it, in a run in which all others return a value."""
    tokens: dict[str, list[Any]] = {}
    rules: dict[str, set[str] | None] = {}
    for name in GraphView(lift_dag(dag, 0).graphs[0]).order():
        task = dag.task_dict[name]
        refused = rules_of(owner.objections(task))
        rules[name] = refused
        if not is_wrapped(task):
            continue
        said = owner.says(task)
        assert said is not None
        try:
            operator = worker_task(task)
        except Exception:  # noqa: BLE001  # what a mapped operator is given is not known here
            rules[name] = None
            continue
        ti = FakeInstance(operator, xcoms=tokens)
        try:
            Run(operator, context_of(ti), said[1], stores=True, resumed=None).key(Before(operator, ti, said[1]))
            tokens[name] = [{"token": name}] * 2 if expanded(task) else [{"token": name}]
        except Exception as error:  # noqa: BLE001  # as a worker does
            rules[name] = refused | rules_of(objections_of(error))
    return rules


def expanded(task: Any) -> bool:
    return bool(getattr(task, "is_mapped", False)) or next(task.iter_mapped_task_groups(), None) is not None


def worker_task(task: Any) -> Any:
    """Return the operator of a run, rendered: each result that it is handed is 1."""
    if getattr(task, "is_mapped", False):
        items = task._get_specified_expand_input().value
        one = items if isinstance(items, Mapping) else items[0]
        given = {name: item[0] if isinstance(item, list | tuple) else item for name, item in one.items()}
        task = task.unmap({"op_kwargs": given} if hasattr(task, "op_kwargs_expand_input") else given)
    copy = task.prepare_for_execution()
    for name in copy.template_fields:
        object.__setattr__(copy, name, handed(getattr(copy, name, None)))
    return copy


def handed(value: Any) -> Any:
    if hasattr(value, "iter_references"):
        return 1
    if isinstance(value, str):
        return re.sub(r"\{%.*?%\}|\{#.*?#\}", "", re.sub(r"\{\{.*?\}\}", "1", value))
    if type(value) in (list, tuple):
        return type(value)(map(handed, value))
    return {key: handed(item) for key, item in value.items()} if type(value) is dict else value
