"""Runs: params, macros, mapping, groups, and settings of the DAG that change what a task is given."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import CODE, CONTEXT, FRESH, HIT, OBSERVED, SAFE, Case, Run, tasks, work

__all__ = ["CASES"]

TRIGGER = """
from airflow.triggers.base import BaseTrigger, TriggerEvent
class Now(BaseTrigger):
    def __init__(self, value):
        super().__init__()
        self.value = value
    def serialize(self): return "now.Now", {"value": self.value}
    async def run(self): yield TriggerEvent(self.value)
"""
DEFERS = """
import os, subprocess
from airflow.sdk import BaseOperator
from now import Now
class Op(BaseOperator):
    def execute(self, context):
        FIRST
        self.defer(trigger=Now(v), method_name="done")
    def done(self, context, event=None): return [event, 0]
with DAG("d", schedule=None):
    t = cached(Op(task_id="t"))
"""


def defers(name: str, first: str, **case: Any) -> Case:
    """Return a case of an operator that defers, and returns the event that it comes back with."""
    files = {"now.py": TRIGGER, "etc/x.txt": "1", **case.pop("files", {})}
    return tasks(name, DEFERS.replace("FIRST", first), files=files, **{"layer": OBSERVED, **case})


MACRO = """
from airflow.providers.standard.operators.python import PythonOperator
def mac(): return 1
def f(x): return repr(x)
with DAG("d", schedule=None, tags=["couler-cache"], user_defined_macros={"mac": mac, "n": 1}, user_defined_filters={"fil": lambda x: x}):
    PythonOperator(task_id="t", python_callable=f, op_args=["{{ mac() }}"])
"""
NATIVE = """
from airflow.providers.standard.operators.python import PythonOperator
def f(x): return repr(x)
with DAG("d", schedule=None, tags=["couler-cache"], render_template_as_native_obj=False):
    PythonOperator(task_id="t", python_callable=f, op_args=["{{ 5 }}"])
"""
PARAMS = """
with DAG("d", schedule=None, tags=["couler-cache"], params={"x": 1, "y": 1}):
    @task
    def t(params=None): return params["x"]
    t()
"""
GROUP = """
from airflow.sdk import task_group
with DAG("d", schedule=None, tags=["couler-cache"]):
    @task
    def a(x): return x
    @task_group
    def g(x): return a(x)
    g.expand(x=[1, 1, 2])
"""
MAPPED = """
N = [1, 2]
def scale(x): return x * 2
with DAG("d", schedule=None, tags=["couler-cache"]):
    @task
    def a(x): return scale(x)
    @task
    def s(xs): return sum(xs)
    s(a.expand(x=N))
"""

CASES: tuple[Case, ...] = (
    # Params and macros.
    tasks("params-by-conf", PARAMS, second=Run(conf={"x": 2}), layer=CONTEXT),
    tasks("params-by-default", PARAMS, edit=('"x": 1', '"x": 2'), layer=CONTEXT),
    tasks("params-same", PARAMS, expect=HIT, layer=CONTEXT),
    tasks("params-another-one", PARAMS, second=Run(conf={"y": 2}), expect=HIT, layer=CONTEXT),
    tasks(
        "params-of-the-task",
        PARAMS.replace("    @task\n", '    @task(params={"x": 3})\n'),
        edit=('"x": 3', '"x": 4'),
        layer=CONTEXT,
    ),
    tasks(
        "params-as-an-object",
        PARAMS.replace('"x": 1,', '"x": Param(1, type="integer"),').replace(
            "with DAG", "from airflow.sdk import Param\nwith DAG"
        ),
        second=Run(conf={"x": 2}),
        layer=CONTEXT,
    ),
    tasks(
        "params-in-a-template",
        NATIVE.replace("{{ 5 }}", "{{ params.x }}").replace("render_template_as_native_obj=False", 'params={"x": 1}'),
        second=Run(conf={"x": 2}),
        layer=CONTEXT,
    ),
    tasks(
        "params-in-a-branch-of-a-template",
        NATIVE.replace("{{ 5 }}", "{% if params.x > 1 %}a{% else %}b{% endif %}").replace(
            "render_template_as_native_obj=False", 'params={"x": 1}'
        ),
        second=Run(conf={"x": 2}),
        layer=CONTEXT,
    ),
    tasks(
        "conf-in-a-template",
        NATIVE.replace("{{ 5 }}", "{{ dag_run.conf.get('x') }}"),
        first=Run(conf={"x": 1}),
        second=Run(conf={"x": 2}),
        layer=CONTEXT,
    ),
    tasks(
        "conf-of-the-run-in-a-body",
        PARAMS.replace('t(params=None): return params["x"]', 't(dag_run=None): return dag_run.conf.get("x")'),
        first=Run(conf={"x": 1}),
        second=Run(conf={"x": 2}),
        layer=CONTEXT,
    ),
    tasks("macro-of-the-user", MACRO, edit=("def mac(): return 1", "def mac(): return 2")),
    tasks("macro-value-of-the-user", MACRO.replace("{{ mac() }}", "{{ n }}"), edit=('"n": 1', '"n": 2')),
    tasks("filter-of-the-user", MACRO.replace("{{ mac() }}", "{{ 1 | fil }}"), edit=("lambda x: x", "lambda x: x + 1")),
    tasks(
        "macro-that-is-not-used",
        MACRO.replace("{{ mac() }}", "1"),
        edit=("def mac(): return 1", "def mac(): return 2"),
        expect=HIT,
    ),
    tasks(
        "macro-of-a-day",
        NATIVE.replace("{{ 5 }}", "{{ macros.ds_add(ds, 1) }}"),
        first=Run(date="2026-01-01"),
        second=Run(date="2026-01-02"),
        layer=CONTEXT,
    ),
    tasks("macro-of-the-clock", NATIVE.replace("{{ 5 }}", "{{ macros.time.time() }}"), layer=CONTEXT),
    tasks("macro-of-chance", NATIVE.replace("{{ 5 }}", "{{ macros.random() }}"), layer=CONTEXT),
    tasks("native-objects", NATIVE, edit=("=False", "=True")),
    tasks("template-of-the-try", NATIVE.replace("{{ 5 }}", "{{ ti.task_id }}-{{ run_id }}"), layer=CONTEXT),
    tasks(
        "template-undefined",
        NATIVE.replace("{{ 5 }}", "{{ nothing }}")
        .replace("render_template_as_native_obj=False", "template_undefined=jinja2.Undefined")
        .replace("with DAG", "import jinja2\nwith DAG"),
        edit=("jinja2.Undefined", "jinja2.DebugUndefined"),
    ),
    tasks(
        "jinja-extension",
        NATIVE.replace(
            "{{ 5 }}", "{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"
        ).replace(
            "render_template_as_native_obj=False",
            'jinja_environment_kwargs={"extensions": ["jinja2.ext.loopcontrols"], "trim_blocks": True}',
        ),
        expect=HIT,
    ),
    # Mapping and groups.
    tasks("mapped-same", MAPPED, expect=HIT),
    tasks("mapped-helper", MAPPED, edit=("x * 2", "x * 3")),
    tasks("mapped-one-more", MAPPED, edit=("[1, 2]", "[1, 2, 3]")),
    tasks("mapped-one-more-keeps-the-others", MAPPED, edit=("[1, 2]", "[1, 2, 3]"), expect=SAFE),
    tasks("mapped-order", MAPPED.replace("return sum(xs)", "return list(xs)"), edit=("[1, 2]", "[2, 1]")),
    tasks(
        "mapped-equal-items",
        MAPPED.replace("s(a.expand", "a.expand").replace("=N))", "=N)"),
        edit=("[1, 2]", '[1, True, 1.0, "1", -0.0, 0.0]'),
        expect=SAFE,
    ),
    tasks(
        "mapped-partial",
        MAPPED.replace("a(x)", "a(x, k)")
        .replace("a.expand", "a.partial(k=1).expand")
        .replace("return scale(x)", "return scale(x) + k"),
        edit=("k=1", "k=2"),
    ),
    tasks(
        "mapped-over-a-result",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return [N, 2]
            @task
            def a(x): return x * 2
            a.expand(x=up())
        """,
        edit=("N = 1", "N = 3"),
    ),
    tasks(
        "mapped-keyword-sets",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(x, y): return x * y
            a.expand_kwargs([{"x": N, "y": 2}, {"x": 3, "y": 4}])
        """,
        edit=("N = 1", "N = 5"),
    ),
    tasks(
        "mapped-over-a-mapped-function",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return [1, 2]
            @task
            def a(x): return x
            a.expand(x=up().map(lambda n: n * 2))
        """,
        edit=("n * 2", "n * 3"),
    ),
    tasks(
        "mapped-over-zipped-results",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return [1, 2]
            @task
            def other(): return [N, 4]
            @task
            def a(x): return list(x)
            a.expand(x=up().zip(other()))
        """,
        edit=("N = 1", "N = 3"),
    ),
    tasks(
        "mapped-index",
        """
        from airflow.sdk import get_current_context
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(x): return get_current_context()["ti"].map_index
            a.expand(x=[5, 5])
        """,
        expect=SAFE,
        layer=CONTEXT,
    ),
    tasks(
        "mapped-index-by-a-parameter",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(x, ti=None): return ti.map_index
            a.expand(x=[5, 5])
        """,
        expect=SAFE,
        layer=CONTEXT,
    ),
    tasks("group-expanded", GROUP, expect=HIT),
    tasks("group-expanded-other-items", GROUP, edit=("[1, 1, 2]", "[1, 3, 2]")),
    tasks(
        "group-renamed",
        GROUP.replace("g.expand(x=[1, 1, 2])", 'g.override(group_id="one")(1)'),
        edit=('"one"', '"two"'),
        expect=SAFE,
    ),
    tasks(
        "task-used-twice",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a(x): return x * 2
            a(a(N))
        """,
        edit=("N = 1", "N = 2"),
    ),
    tasks(
        "dynamic-tasks",
        """
        N = 3
        with DAG("d", schedule=None, tags=["couler-cache"]):
            for n in range(N):
                @task(task_id=f"t{n}")
                def t(k=n): return k * N
                t()
        """,
        edit=("N = 3", "N = 4"),
    ),
    tasks(
        "dynamic-closures",
        """
        RATES = {"a": 1, "b": 2}
        def make(rate):
            @task(task_id=f"t{rate}")
            def t(): return rate
            return t()
        with DAG("d", schedule=None, tags=["couler-cache"]):
            for name in RATES:
                make(RATES[name])
        """,
        edit=('"b": 2', '"b": 2, "c": 3'),
        expect=SAFE,
    ),
    tasks(
        "branch-and-what-follows",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task.branch
            def choose(): return "a" if N == 1 else "b"
            @task
            def a(): return 1
            @task
            def b(): return 2
            choose() >> [a(), b()]
        """,
        edit=("N = 1", "N = 2"),
    ),
    tasks(
        "short-circuit",
        """
        N = 1
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task.short_circuit
            def go(): return N == 1
            @task
            def a(): return 1
            go() >> a()
        """,
        edit=("N = 1", "N = 2"),
    ),
    tasks(
        "sensor-before",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task.sensor(poke_interval=0.1, timeout=5)
            def ready(): return True
            @task
            def a(): return 1
            ready() >> a()
        """,
        expect=SAFE,
    ),
    tasks(
        "outlets",
        """
        from airflow.sdk import Asset
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task(outlets=[Asset("s3://a/b")])
            def a(): return 1
            a()
        """,
        expect=SAFE,
    ),
    tasks(
        "skip-by-an-exception",
        """
        from airflow.exceptions import AirflowSkipException
        N = 0
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def a():
                if N: raise AirflowSkipException()
                return 1
            a()
        """,
        edit=("N = 0", "N = 1"),
    ),
    work("inlet-events", "return str(len(inlet_events))", arguments="inlet_events=None", expect=SAFE, layer=CONTEXT),
    tasks(
        "retries-of-a-first-try",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task(retries=2)
            def a(): return 1
            a()
        """,
        expect=HIT,
    ),
    defers("defers-and-comes-back", "v = 1", expect=HIT),
    defers("defers-and-is-edited", "v = 1", edit=("[event, 0]", "[event, 1]")),
    defers("reads-a-file-before-it-defers", "v = open('@BASE@/etc/x.txt').read()", writes={"etc/x.txt": "2"}),
    defers(
        "runs-a-program-before-it-defers",
        "v = subprocess.check_output(['cat', '@BASE@/etc/x.txt'], text=True)",
        writes={"etc/x.txt": "2"},
    ),
    tasks(
        "writes-a-file-before-it-defers",
        DEFERS.replace("FIRST", "v = open('@BASE@/etc/y.txt', 'w').write('1')")
        + """    @task
    def after(): return open("@BASE@/etc/y.txt").read()
    t >> never(after)()
""",
        files={"now.py": TRIGGER, "etc/x.txt": ""},
        second=Run(before=["rm -f etc/y.txt"]),
        expect=SAFE,
        layer=OBSERVED,
    ),
    tasks(
        "deferrable-and-plain",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            async def a(): return 1
            a()
        """,
        edit=("return 1", "return 2"),
        expect=FRESH,
        layer=CODE,
    ),
    tasks(
        "version-of-the-mark",
        """
        with DAG("d", schedule=None):
            @cached(version="1")
            @task
            def a():
                return 1
            a()
        """,
        edit=('version="1"', 'version="2"'),
        expect=SAFE,
    ),
)
