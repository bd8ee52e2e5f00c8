"""What the page says of the keys of providers' operators: made again, held to their compiled code, and to runs."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.airflow.bytecode import functions_of, names_of, texts_of
from couler_airflow.airflow_compat import context_keys
from couler_airflow.cache.key import LEFT_OUT, OperatorKey, TaskMaterial, key_of_class
from couler_airflow.cache.task_checks import OF_THE_DAG, check_class, reads_of_class
from couler_airflow.marks import Declaration
from couler_airflow.operators import ALL, reads_of_hook
from support import AIRFLOW, ROOT

pytestmark = pytest.mark.airflow

PAGE = (ROOT / "docs" / "airflow-operators.md").read_text("utf-8")
MADE_BY = runpy.run_path(str(ROOT / "docs" / "operators.py"))
PREFIX, VERSIONS = MADE_BY["PREFIX"], MADE_BY["versions"]() if AIRFLOW else {}
same_versions = pytest.mark.skipif(
    any(f"{name.removeprefix(PREFIX)} {number}" not in PAGE for name, number in VERSIONS.items()),
    reason="the page was made with other versions of Airflow's providers",
)
LONG = (f"{PREFIX}amazon", f"{PREFIX}cncf-kubernetes")
each_provider = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=name.removeprefix(PREFIX), marks=[pytest.mark.slow] if name in LONG else [])
        for name in VERSIONS
        if name.startswith(PREFIX)
    ],
)

NAMED_ONLY = {
    # Words in code that are no reads of the run, by function.
    "BaseSQLOperator._attach_check_facets": "params",  # of a check
    "SQLCheckOperator._build_check_results": "params",
    "SQLColumnCheckOperator._build_check_results": "params",
    "SQLIntervalCheckOperator._build_check_results": "params",
    "SQLTableCheckOperator._build_check_results": "params",
    "SQLThresholdCheckOperator._build_check_results": "params",
    "SQLValueCheckOperator._build_check_results": "params",
    "EcsRegisterTaskDefinitionOperator.execute": "ti",  # it pushes an XCom by it
    "GlueDataBrewStartJobOperator.execute": "run_id",  # of a job of AWS
    "GlueDataBrewStartJobOperator.execute_complete": "run_id",
    "GlueDataQualityRuleRecommendationRunOperator.execute": "run_id",
    "GlueDataQualityRuleRecommendationRunOperator.execute_complete": "run_id",
    "KubernetesInstallKueueOperator.execute": "reason",  # of a pod
    "MwaaTriggerDagRunOperator.execute": "logical_date data_interval_start data_interval_end",  # of the run it starts
    "RedshiftToS3Operator.get_openlineage_facets_on_complete": "task",
    # Pods are named and labelled by the run; what would show them that is refused (`cache/pod_checks.py`).
    "KubernetesPodOperator._get_ti_pod_labels": "dag run_id task_id ti try_number",
    "KubernetesPodOperator.build_pod_request_obj": "resources task_id",  # the first is the container's
    "KubernetesPodOperator.execute_async": "ti",  # it pushes the pod's name by it
    "KubernetesPodOperator.execute_sync": "ti",
    "KubernetesPodOperator.log_matching_pod": "ti try_number",
    # Words that are no reads of what says when, where and how often it runs.
    "DmsDeleteReplicationConfigOperator.retry_execution": "execute",
    "DmsStartReplicationOperator.retry_execution": "execute",
    "EmrServerlessDeleteApplicationOperator.execute": "execute",
    "GlueCrawlerOperator.execute": "execute",
    "KubernetesPodOperator.__init__": "deferrable",
    "KubernetesPodOperator.execute": "deferrable",
    "_BashDecoratedOperator.execute": "execute",
    "_DockerDecoratedOperator.execute": "execute",
    "handle_waitable_exception": "execute",
    "BashOperator.execute": "_is_inline_cmd",  # which it has just set
    "BashOperator.__init__": "_is_inline_cmd",
    "DockerSwarmOperator._run_service": "resources",  # of a service of Docker
    "_StubOperator.__init__": "task_id",
}
"""What compiled code names and no key has, and what it is there."""


def named_besides(cls: type, key: OperatorKey) -> Iterator[tuple[str, str]]:
    """Give what the code of an operator names of the run and of itself that its key does not have, by function."""
    values = context_keys().difference(key.context)
    attributes = (LEFT_OUT | OF_THE_DAG | {"get_current_context", "get_parsing_context"}).difference(key.own)
    for function in functions_of(cls):
        texts = texts_of(function)
        words = (values & texts) | (attributes & (texts | names_of(function)))
        yield from ((function.__qualname__.partition(".<locals>")[0], word) for word in words)


def operators_of(name: str) -> dict[str, tuple[type, OperatorKey]]:
    found = MADE_BY["provider"](name).operators
    return {operator: (cls, key_of_class(cls)) for operator, cls in found.items()}


@same_versions
@each_provider
def test_the_page_says_what_is_done(name: str) -> None:
    assert MADE_BY["section"](MADE_BY["provider"](name)) in PAGE, "run `python3 dev.py docs`"


@pytest.mark.slow
@same_versions
@pytest.mark.skipif(
    PAGE.split("\n\n")[2].count(",") >= len(VERSIONS), reason="not all of these providers are installed"
)
def test_the_page_has_nothing_else() -> None:
    assert MADE_BY["page"]() == PAGE, "run `python3 dev.py docs`"


@same_versions
@each_provider
def test_keys_have_all_that_the_compiled_code_names(name: str) -> None:
    judged = operators_of(name).values()
    keyed = ((cls, key) for cls, key in judged if not (key.never or key.objections or key.asks))
    besides = {item for cls, key in keyed for item in named_besides(cls, key)}
    allowed = {(function, word) for function, words in NAMED_ONLY.items() for word in words.split()}
    assert besides - allowed == set()


BODIES = {
    "by name": ('return context["ts"], context.get("params")', ("ds", "params", "ts"), ""),
    "in a method": ("return self.day(context)", ("ds",), ""),
    "in a method, by its name": ("return self.day(context=context)", ("ds",), ""),
    "the instance": ('return context["ti"].run_id', ("ds",), "'ti' of the run"),
    "in a method that calls it something else": ("return self.other(context)", ("ds",), "all of the run's context"),
    "in a method that gets it unpacked": ("return self.unpacked(**context)", ("ds",), "all of the run's context"),
    "in another place of a method": ("return self.second(context)", ("ds",), "all of the run's context"),
    "in a method with a decorator": ("return self.logged(context)", ("ds",), ""),
    "in a method with a decorator that looks at it": (
        "return self.peeked(context)",
        ("ds",),
        "all of the run's context",
    ),
    "what is no method": ("return self.called(context)", ("ds",), "all of the run's context"),
}
OPERATOR = """
from functools import wraps
from airflow.sdk import BaseOperator
def log(function):
    @wraps(function)
    def call(self, *args, **kwargs):
        self.log.info("starts")
        return function(self, *args, **kwargs)
    return call
def peek(function):
    @wraps(function)
    def call(*args):
        return args[1]["ts"]
    return call
class Mine(BaseOperator):
    called = None
    def execute(self, context):
        BODY
    def day(self, context):
        return context["ds"]
    def other(self, c):
        return c["ts"]
    def unpacked(self, ds=None, **rest):
        return ds
    def second(self, first, context=None):
        return first["ts"]
    @log
    def logged(self, context):
        return context["ds"]
PEEKED
"""
PEEKED = """
    @peek
    def peeked(self, context):
        return context["ds"]
"""


DECORATORS = """
from functools import lru_cache, wraps
import tenacity
from airflow.sdk import BaseOperator
class Held:
    def __init__(self, function): self.__wrapped__ = function
    def __call__(self, context): return context["ts"]
def around(function):
    @wraps(function)
    DEF
        BODY
    return call
"""
EXECUTES = {
    # How `execute` is written, what is in the key of it, and whether all is taken.
    "its context under another name": ('def execute(self, c): return c["ts"]', ("ts",), False),
    "all by star": (
        'def execute(self, *args, **kwargs): return (args[0] if args else kwargs["context"])["ts"]',
        (),
        True,
    ),
    "by two stars": ('def execute(self, **words): return words["context"]["ts"]', (), True),
    "handed on by star": ("def execute(self, *args, **kwargs): return super().execute(*args, **kwargs)", (), False),
    "handed on by star to what is not known": ("def execute(self, *args): return print(*args)", (), True),
    "tried again": ("@tenacity.retry\n    def execute(self, context): return context['ts']", ("ts",), False),
    "an object around it": ("@Held\n    def execute(self, context): return 1", (), True),
    "after a trigger, by its name": (
        "def execute(self, context): self.defer(method_name='done')\n    def done(self, c, event=None): return c['ts']",
        ("ts",),
        False,
    ),
    "an object around a method": (
        "@Held\n    def day(self, context): return 1\n    def execute(self, context): return self.day(context)",
        (),
        True,
    ),
    "after a trigger": ("def execute_complete(self, c, event=None): return c['ts']", ("ts",), False),
}
AROUND = {
    "reads": ("self, context", 'context["ts"]; return function(self, context)', ("ds", "ts"), False),
    "hands on": ("self, context", "return function(self, context)", ("ds",), False),
    "reads under another name": ("op, c", 'c["ts"]; return function(op, context=c)', ("ds", "ts"), False),
    "hands on by star": ("self, *args, **kwargs", "return function(self, *args, **kwargs)", ("ds",), False),
    "hands all on by star": ("*args, **kwargs", "return function(*args, **kwargs)", ("ds",), False),
    "hands on in another place": ("self, *args", "return function(self, 1, *args)", ("ds",), True),
    "reads by number": ("self, *args", 'args[0]["ts"]; return function(self, *args)', ("ds",), True),
    "reads by word": ("self, **all", 'all["context"]["ts"]; return function(self, **all)', ("ds",), True),
    "hands on to another": ("self, *args", "print(*args); return function(self, *args)", ("ds",), True),
}


def own_operator(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> type:
    (folder / "own_operator.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_operator", raising=False)
    cls: type = importlib.import_module("own_operator").Mine
    monkeypatch.delitem(sys.modules, "own_operator")
    return cls


def reasons(key: OperatorKey) -> list[str]:
    return [item.reason for item in key.objections]


@pytest.mark.parametrize("name", EXECUTES)
def test_execute_is_followed_however_it_is_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method, context, refused = EXECUTES[name]
    top = DECORATORS.replace("DEF", "def call(): pass").replace("BODY", "")
    key = key_of_class(own_operator(tmp_path, monkeypatch, f"{top}class Mine(BaseOperator):\n    {method}\n"))
    assert key.context == context
    assert ("the code of Mine takes all of the run's context" in reasons(key)) is refused


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_execute_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters, body, context, refused = AROUND[name]
    top = DECORATORS.replace("DEF", f"def call({parameters}):").replace("BODY", body)
    mine = "class Mine(BaseOperator):\n    @around\n    def execute(self, context): return context['ds']\n"
    key = key_of_class(own_operator(tmp_path, monkeypatch, top + mine))
    assert key.context == context
    assert reasons(key) == (["the code of Mine takes all of the run's context"] if refused else [])


HOOKS = {
    "by star": ("def hook(*args): args[0]['ds']", {ALL}),
    "by name": ("def hook(c): c['ds']", {"ds"}),
    "with a decorator": ("@around\ndef hook(context): return context['ds']", {"ds", "ts"}),
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_followed_with_what_is_around_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, context = HOOKS[name]
    top = DECORATORS.replace("DEF", "def call(context):").replace("BODY", 'context["ts"]; return function(context)')
    mine = own_operator(tmp_path, monkeypatch, f"{top}{text}\nclass Mine:\n    made = staticmethod(hook)\n")
    assert reads_of_hook(vars(mine)["made"].__func__).context == context


@pytest.mark.parametrize("name", BODIES)
def test_an_own_operator_is_judged_by_its_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body, context, refused = BODIES[name]
    text = OPERATOR.replace("BODY", body).replace("PEEKED", PEEKED if "peeked" in body else "")
    key = key_of_class(own_operator(tmp_path, monkeypatch, text))
    assert key.context == context
    assert reasons(key) == ([f"the code of Mine takes {refused}"] if refused else [])


def test_what_reads_by_compiled_code_is_refused_until_files_are_allowed() -> None:
    module = pytest.importorskip("airflow.providers.common.sql.operators.analytics")
    reads = reads_of_class(module.AnalyticsOperator)
    assert [item.rule for item in check_class(module.AnalyticsOperator, reads)] == ["file-access"]
    assert [*check_class(module.AnalyticsOperator, reads, ("files",))] == []


def test_a_connection_that_is_named_is_refused_until_connections_are_allowed() -> None:
    from airflow.providers.common.sql.operators.sql import SQLCheckOperator
    from airflow.sdk import DAG

    with DAG("d", schedule=None):
        named = SQLCheckOperator(task_id="named", sql="select 1", conn_id="db")
        unnamed = SQLCheckOperator(task_id="unnamed", sql="select 1")
    (found,) = TaskMaterial(named, Declaration()).objections
    assert (found.rule, found.reason) == ("connections", "its conn_id names a connection")
    assert TaskMaterial(named, Declaration(allow=("connections",))).objections == ()
    assert TaskMaterial(unnamed, Declaration()).objections == ()
