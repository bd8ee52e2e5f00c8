"""How far the code of tasks is followed for what it pulls: what is not found would be missing in a part."""

from __future__ import annotations

import functools
import operator
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.split.running import split
from adapters.airflow.split.test_reads import reading
from couler_airflow import dags
from couler_airflow.split.code import Code
from couler_airflow.split.reads import reads_of
from couler_plugins.errors import Unsupported

pytestmark = pytest.mark.airflow
FIRST = {("first", "return_value")}


def pull(ti: Any) -> Any:
    return ti.xcom_pull(task_ids="first")


async def pull_later(ti: Any) -> Any:
    return await ti.axcom_pull(task_ids="first")


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that pulls something itself."""

    @functools.wraps(function)
    def wrapper(ti: Any) -> Any:
        return function(ti.xcom_pull(task_ids="first"))

    return wrapper


def hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that says nothing of what it wraps."""

    def wrapper(ti: Any) -> Any:
        return function(ti)

    return wrapper


class Loader:
    def __init__(self, load: Any = None) -> None:
        self.load = load

    def __call__(self, ti: Any) -> Any:
        return self.later(ti)

    def later(self, ti: Any) -> Any:
        return ti.xcom_pull(task_ids="first")

    @staticmethod
    def static(ti: Any) -> Any:
        return ti.xcom_pull(task_ids="first")

    @property
    def loaded(self) -> Any:
        return self.load.xcom_pull(task_ids="first")


class Slotted:
    __slots__ = ("load",)

    def __init__(self, load: Any) -> None:
        self.load = load

    def run(self, ti: Any) -> Any:
        return self.load(ti)


LOADER = Loader()
HELD_WITHOUT_MODULE = type("Made", (Loader,), {"__module__": None})(pull)  # as classes of protobuf's are made
BY_NAME = {"load": [pull]}


def by_object(ti: Any) -> Any:
    return LOADER.later(ti)


def by_class(ti: Any) -> Any:
    return Loader(ti).loaded


def by_table(ti: Any) -> Any:
    return BY_NAME["load"][0](ti)


def by_default(ti: Any, load: Any = pull) -> Any:
    return load(ti)


def by_context(**context: Any) -> Any:
    return context["task_instance"].xcom_pull(task_ids="first")


def by_current() -> Any:
    from airflow.sdk import get_current_context

    return get_current_context()["ti"].xcom_pull(task_ids="first")


def handed(what: Any) -> Any:
    return what


FOLLOWED = {
    "partial": functools.partial(pull),
    "partial of a partial": functools.partial(functools.partial(handed, what=pull)),
    "method": LOADER.later,
    "method of an object that holds it": Slotted(pull).run,
    "static method": Loader.static,
    "object": LOADER,
    "object that holds it": Loader(pull),
    "object in a global": by_object,
    "object of a class without a module": HELD_WITHOUT_MODULE,
    "class": by_class,
    "table": by_table,
    "default": by_default,
    "context": by_context,
    "current context": by_current,
    "decorator that pulls": wrapped(handed),
    "decorator that hides": hidden(pull),
    "remembering": functools.lru_cache(pull),
    "later": pull_later,
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_code_is_followed(name: str) -> None:
    assert {(item.tasks, item.key) for item in Code().pulled(FOLLOWED[name])} == {(("first",), "return_value")}


def test_modules_of_the_dag_folder_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_inner").mkdir()
    (tmp_path / "my_inner" / "__init__.py").write_text("from .deep import *\n")
    (tmp_path / "my_inner" / "deep.py").write_text("def load(ti):\n    return ti.xcom_pull(task_ids='first')\n")
    (tmp_path / "my_tasks.py").write_text(
        "import my_inner\nimport my_inner.deep\n"
        "def by_path(ti):\n    return my_inner.deep.load(ti)\n"
        "def by_star(ti):\n    return my_inner.load(ti)\n"
        "def by_import(ti):\n    from my_inner import load as renamed\n    return renamed(ti)\n"
        "def by_module(ti):\n    import my_inner.deep as deep\n    return deep.load(ti)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("my_tasks")
    try:
        for name in ("by_path", "by_star", "by_import", "by_module"):
            assert reads_of(reading(getattr(module, name))).code == {"last": FIRST}, name
    finally:
        for name in ("my_tasks", "my_inner", "my_inner.deep"):
            sys.modules.pop(name, None)


def test_packages_are_followed_where_they_pull(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_airflow.split import code as split_code

    (tmp_path / "a_package.py").write_text("def load(ti, name):\n    return ti.xcom_pull(task_ids=name)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(split_code, "INSTALLED", (str(tmp_path), *split_code.INSTALLED))
    module = __import__("a_package")
    try:
        scope: dict[str, Any] = {"a_package": module}
        exec("def task(ti):\n    return a_package.load(ti, 'first')", scope)
        with pytest.raises(Unsupported, match="only the run can tell"):
            reads_of(reading(scope["task"]))
    finally:
        sys.modules.pop("a_package", None)


def by_text(ti: Any) -> Any:
    return getattr(ti, "xcom_pull")("first")  # noqa: B009  # as it is written by some


def by_getter(ti: Any) -> Any:
    return operator.methodcaller("xcom_pull", "first")(ti)


def by_store(ti: Any) -> Any:
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.get_one(key="return_value", dag_id=ti.dag_id, task_id="first", run_id=ti.run_id)


def by_variable(ti: Any) -> Any:
    pulls = ti.xcom_pull
    return pulls("first")


GENERATED: dict[str, Any] = {}
exec("def generated(ti):\n    return ti.xcom_pull(task_ids='first')", GENERATED)


@pytest.mark.parametrize("function", [by_text, by_getter, by_store, by_variable, GENERATED["generated"]])
def test_code_that_nobody_can_read(function: Any) -> None:
    with pytest.raises(Unsupported, match="only the run can tell"):
        reads_of(reading(function))


def test_a_store_under_another_name() -> None:
    from airflow.sdk.execution_time.xcom import XCom

    function = types.FunctionType(
        compile("def f(): return Kept.get_one()", __file__, "exec").co_consts[0], {"Kept": XCom, "__name__": __name__}
    )
    with pytest.raises(Unsupported, match="only the run can tell"):
        reads_of(reading(function))


def test_a_lambda_is_read_as_a_whole() -> None:
    function = lambda ti: (  # noqa: E731  # it is about lambdas
        ti.xcom_pull(task_ids="first"),
        ti.xcom_pull(task_ids="second"),
    )
    assert reads_of(reading(function)).code["last"] == {*FIRST, ("second", "return_value")}
    (half,) = [lambda ti: (
        ti.xcom_pull(task_ids="first"), ti.xcom_pull(task_ids="second"))]  # fmt: skip
    assert reads_of(reading(half)).code["last"] == {*FIRST, ("second", "return_value")}


def before_in_code(ti: Any) -> Any:
    return ti.get_previous_ti()


def before_in_context(**context: Any) -> Any:
    return context["prev_start_date_success"]


def before_in_arguments(prev_data_interval_end_success: Any) -> Any:
    return prev_data_interval_end_success


def before_in_results(ti: Any) -> Any:
    return ti.xcom_pull(key="state", include_prior_dates=True)


def of_a_run(ti: Any) -> Any:
    return ti.xcom_pull(task_ids="first", run_id="manual__1")


@pytest.mark.parametrize(
    "function", [before_in_code, before_in_context, before_in_arguments, before_in_results, of_a_run]
)
def test_code_that_looks_at_earlier_runs(function: Any) -> None:
    with pytest.raises(Unsupported, match="'last' looks at earlier runs"):
        split(dags.lift(reading(function)), max_steps=2)


@pytest.mark.parametrize("run", ["", ", run_id=ti.run_id"])
def test_results_of_another_dag(run: str, tmp_path: Path) -> None:
    (tmp_path / "other.sh").write_text(f"echo {{{{ ti.xcom_pull('first', dag_id='other'{run}) }}}}")
    with pytest.raises(Unsupported, match="pulls from the run of 'other' with its own id"):
        reads_of(reading(bash_command="other.sh", searched=str(tmp_path)))


def test_conditions_and_macros_are_read() -> None:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import task

    dag = reading(handed, op_kwargs={"what": pull})
    dag.user_defined_macros = {"loaded": functools.partial(pull)}
    with dag:

        @task.run_if(lambda context: helper(context["ti"]))
        @task
        def asked() -> None: ...

        dag.task_dict["last"] >> asked()
        dag.task_dict["last"] >> BashOperator(task_id="says", bash_command="echo {{ loaded(ti) }}")
    assert reads_of(dag).code == {"last": FIRST, "asked": FIRST, "says": FIRST}


def helper(ti: Any) -> bool:
    return bool(pull(ti))


def test_callbacks_of_the_dag() -> None:
    dag = reading(handed, op_args=[1])
    dag.on_failure_callback = lambda context: pull(context["ti"])
    with pytest.raises(Unsupported, match="a callback of the DAG pulls results"):
        split(dags.lift(dag), max_steps=2)
