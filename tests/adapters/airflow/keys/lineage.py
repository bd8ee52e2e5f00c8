"""Lineage by order, files that tasks hand on by path, and XComs of other tasks."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import CONTEXT, HIT, ORDER, SAFE, Case, Run, tasks

__all__ = ["CASES"]

TOP = """
import os, pathlib
F = "@BASE@/out.txt"
N = 1
with DAG("d", schedule=None, tags=["couler-cache"]):
"""
WRITER = """
    @task
    @cached(allow=("files",))
    def a():
        pathlib.Path(F).write_text(f"content {N}")
        return GIVES
"""
READER = """
    @task
    @cached(allow=("files",))
    def c(p=F):
        return pathlib.Path(p).read_text()
"""


def chain(name: str, code: str, gives: str = "5", **case: Any) -> Case:
    """Return a case of a task that writes a file, of tasks after it, and of one that reads it."""
    return tasks(name, TOP + WRITER.replace("GIVES", gives) + code, **{"layer": ORDER, **case})


EDIT = ("N = 1", "N = 2")
MIDDLE = """
    @task
    def b(n):
        return n + 1
"""

CASES: tuple[Case, ...] = (
    chain("file-behind-a-value", MIDDLE + READER + "    b(a()) >> c()\n", edit=EDIT, worst=True),
    chain("file-behind-two-values", MIDDLE + READER + '    b.override(task_id="b2")(b(a())) >> c()\n', edit=EDIT),
    chain(
        "file-behind-an-empty-task",
        MIDDLE
        + READER
        + '    from airflow.providers.standard.operators.empty import EmptyOperator\n    b(a()) >> EmptyOperator(task_id="e") >> c()\n',
        edit=EDIT,
    ),
    chain("file-by-order", READER + "    a() >> c()\n", edit=EDIT),
    chain(
        "file-by-order-in-a-group",
        READER.replace("\n    ", "\n    ")
        + "    from airflow.sdk import task_group\n    @task_group\n    def g():\n        c()\n    a() >> g()\n",
        edit=EDIT,
    ),
    chain("file-by-its-path", READER + "    c(a())\n", "F", edit=EDIT),
    chain("file-by-its-path-as-an-object", READER + "    c(a())\n", "{'path': F, 'rows': 1}['path']", edit=EDIT),
    chain(
        "file-is-gone",
        "    @never\n    @task\n    def c(p): return pathlib.Path(p).read_text()\n    c(a())\n",
        "F",
        second=Run(before=["rm out.txt"]),
        expect=SAFE,
        worst=True,
    ),
    chain(
        "file-is-overwritten",
        "    @never\n    @task\n    def c(p): return pathlib.Path(p).read_text()\n    c(a())\n",
        "F",
        second=Run(before=["echo foreign > out.txt"]),
        expect=SAFE,
        worst=True,
    ),
    chain(
        "folder-is-gone",
        "    @never\n    @task\n    def c(p): return sorted(os.listdir(p))\n    @task\n    @cached(allow=('files',))\n    def w():\n        os.makedirs('@BASE@/parts', exist_ok=True)\n        pathlib.Path('@BASE@/parts/1').write_text('1')\n        return '@BASE@/parts'\n    c(w())\n",
        second=Run(before=["rm -r parts"]),
        expect=SAFE,
    ),
    chain(
        "file-written-by-two-tasks",
        """
    @task
    @cached(allow=("files",))
    def a2(n):
        with open(F, "a") as f:
            f.write(f" and {N}")
        return 6
    @never
    @task
    def c(n): return pathlib.Path(F).read_text()
    c(a2(a()))
""",
        expect=SAFE,
    ),
    chain(
        "file-written-without-a-word",
        """
    @task
    def w():
        print("x", file=open("@BASE@/w.txt", "w"))
        return 1
    @never
    @task
    def c(n): return os.path.exists("@BASE@/w.txt")
    c(w())
""",
        second=Run(before=["rm -f w.txt"]),
        expect=SAFE,
    ),
    tasks(
        "order-after-a-forced-task",
        """
        N = 1
        BOX = {}
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @never
            @task
            def load(): return N
            @task
            def report(): return 5
            load() >> report()
        """,
        edit=("N = 1", "N = 2"),
        expect=SAFE,
        layer=ORDER,
    ),
    tasks(
        "pulled-by-name-undeclared",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @never
            @task
            def up(params=None): return N
            @task
            @cached(context=("ds",))
            def t(ti=None): return ti.xcom_pull(task_ids="up")
            u = up(); v = t(); u >> v
        """,
        edit=("N = 1", "N = 2"),
        first=Run(date="2026-01-01"),
        layer=CONTEXT,
    ),
    tasks(
        "pulled-without-an-edge",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @never
            @task
            def up(): return N
            @task(trigger_rule="always")
            @cached(context=("ds",))
            def wait(ti=None):
                import time
                for _ in range(100):
                    if ti.xcom_pull(task_ids="up") is not None:
                        return ti.xcom_pull(task_ids="up")
                    time.sleep(0.01)
                return "none"
            up() >> wait()
        """,
        edit=("N = 1", "N = 2"),
        first=Run(date="2026-01-01"),
        layer=CONTEXT,
    ),
    tasks(
        "pulled-in-a-template",
        """
        from airflow.providers.standard.operators.python import PythonOperator
        def f(x): return x
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @never
            @task
            def up(): return N
            up() >> PythonOperator(task_id="t", python_callable=f, op_args=["{{ ti.xcom_pull('up') }}"])
        """,
        edit=("N = 1", "N = 2"),
        layer=CONTEXT,
    ),
    tasks(
        "several-outputs",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task(multiple_outputs=True)
            def up(): return {"a": N, "b": 2}
            @task
            def down(a): return a
            down(up()["a"])
        """,
        edit=("N = 1", "N = 2"),
    ),
    tasks(
        "several-outputs-other-key",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task(multiple_outputs=True)
            def up(): return {"a": N, "b": 2}
            @task
            def down(b): return b
            down(up()["b"])
        """,
        edit=("N = 1", "N = 2"),
        expect=HIT,
        tasks=("down",),
    ),
    tasks(
        "a-task-of-the-same-value",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return N * 0
            @task
            def down(x): return x
            down(up())
        """,
        edit=("N = 1", "N = 2"),
        expect=HIT,
        tasks=("down",),
    ),
    tasks(
        "skipped-task-before",
        """
        from airflow.exceptions import AirflowSkipException
        with DAG("d", schedule=None, tags=["couler-cache"], params={"skip": 0}):
            @task
            def a(params=None):
                if params["skip"]: raise AirflowSkipException()
                return 1
            @task(trigger_rule="none_failed")
            def b(v): return repr(v)
            @task(trigger_rule="all_done")
            def c(): return 3
            x = a(); b(x); x >> c()
        """,
        first=Run(conf={"skip": 0}),
        second=Run(conf={"skip": 1}),
    ),
    tasks(
        "task-that-returns-nothing-before",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(): print("x")
            @task
            def b(): return 2
            a() >> b()
        """,
        expect=SAFE,
        layer=ORDER,
    ),
    tasks(
        "start-and-end",
        """
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.providers.standard.operators.bash import BashOperator
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def b(): return 2
            EmptyOperator(task_id="s") >> BashOperator(task_id="echo", bash_command="echo hi") >> b()
        """,
        expect=SAFE,
        layer=ORDER,
    ),
    tasks(
        "setup-and-teardown",
        """
        from airflow.sdk import setup, teardown
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @setup
            def s(): return "cluster-1"
            @teardown
            def t(): pass
            @task
            def w(c): return c + "x"
            x = s(); y = w(x); y >> t().as_teardown(setups=x)
        """,
        expect=SAFE,
        layer=ORDER,
    ),
    tasks(
        "two-tasks-with-one-key",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(x): return x * 2
            a.override(task_id="a1")(1)
            a.override(task_id="a2")(1)
        """,
        expect=HIT,
    ),
)
