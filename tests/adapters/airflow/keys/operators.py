"""Operators that see the run, and attributes of theirs that change results."""

from __future__ import annotations

import textwrap
from typing import Any

from adapters.airflow.keys.case import CODE, CONTEXT, HIT, NEVER, OBSERVED, SAFE, VOUCHED, WORDS, Case, Run, tasks

__all__ = ["CASES"]

OPERATOR = """
from airflow.sdk import BaseOperator
class Extract(BaseOperator):
    template_fields = ("value",)
    def __init__(self, *, value=1, **named):
        super().__init__(**named)
        self.value = value
    def execute(self, context):
BODY
"""
DAYS = (Run(date="2026-01-01"), Run(date="2026-02-02"))


def execute(body: str, *, top: str = "") -> str:
    """Return a module with the operator `Extract`."""
    code = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    return textwrap.dedent(top) + OPERATOR.replace("BODY", code)


def marked(name: str, body: str, *, made: str = 'cached(Extract(task_id="t"))', top: str = "", **case: Any) -> Case:
    """Return a case of operators that are declared pure one by one."""
    text = f'from extract import Extract\nwith DAG("d", schedule=None, params={{"x": 1}}) as dag:\n    {made}\n'
    files = {"extract.py": execute(body, top=top), **case.pop("files", {})}
    return tasks(name, text, files=files, **{"layer": CONTEXT, **case})


def on_days(name: str, body: str, **case: Any) -> Case:
    """Return a case of an operator that is run for two days."""
    return marked(name, body, first=DAYS[0], second=DAYS[1], **case)


WRAPPED = """
import functools
def dated(function):
    @functools.wraps(function)
    def call(self, ARGS):
        READ
        return f"{day} {function(self, HANDED)}"
    return call
"""


def wrapped(name: str, arguments: str, read: str, handed: str, **case: Any) -> Case:
    """Return a case of an operator with a decorator around `execute`."""
    top = WRAPPED.replace("ARGS", arguments).replace("READ", read).replace("HANDED", handed)
    text = execute("return 1", top=top).replace("    def execute", "    @dated\n    def execute")
    return marked(name, "", files={"extract.py": text}, first=DAYS[0], **case)


def written(name: str, execute_: str, **case: Any) -> Case:
    """Return a case of an operator whose `execute` is written in another way."""
    text = OPERATOR.replace("    def execute(self, context):\nBODY", textwrap.indent(execute_, " " * 4))
    return marked(name, "", files={"extract.py": text}, first=DAYS[0], second=DAYS[1], **case)


PYTHON = """
from airflow.providers.standard.operators.python import PythonOperator
{top}
with DAG("d", schedule=None, tags=["couler-cache"]):
    PythonOperator(task_id="t", python_callable=f{more})
"""

BASH = """
from airflow.providers.standard.operators.bash import BashOperator
def day_of(c): return c["ds"]
class Dated(BashOperator):
    def execute(self, context):
        self.env = {"DAY": day_of(context)}
        return super().execute(context)
with DAG("d", schedule=None):
    cached(Dated(task_id="t", bash_command="echo $DAY", append_env=True), allow=("programs", "environment", "files"))
"""
SQL = """
from airflow.models import Connection
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.utils.session import create_session
with create_session() as session:
    session.add(Connection(conn_id="db", conn_type="sqlite", host="@BASE@/etc/1.db"))
def rows(cursor): return [list(row) for row in cursor.fetchall()]
with DAG("d", schedule=None):
    cached(SQLExecuteQueryOperator(task_id="t", conn_id="db", sql="select n from t", handler=rows)ALLOW)
"""
FILLED = [
    f"""mkdir -p etc && python3 -c "import sqlite3; c = sqlite3.connect('etc/{n}.db'); """
    f"""c.executescript('drop table if exists t; create table t(n); insert into t values({n})')" """
    for n in (1, 2)
]


def sql(name: str, allow: str = "", **case: Any) -> Case:
    """Return a case of a query over a connection in Airflow's database."""
    needs = ("airflow.providers.sqlite",)
    return tasks(name, SQL.replace("ALLOW", allow), first=Run(before=FILLED), needs=needs, layer=OBSERVED, **case)


CASES: tuple[Case, ...] = (
    # What the context has, by key.
    on_days("operator-ds", 'return context["ds"]', worst=True),
    on_days("operator-path-with-ds", """return f"s3://lake/{self.value}/{context['ds']}.parquet" """),
    on_days("operator-ds-by-get", 'return context.get("ds")'),
    on_days("operator-ds-in-helper", "return day_of(context)", top='def day_of(c):\n    return c["ds"]\n'),
    on_days(
        "operator-ds-in-helper-declared",
        "return day_of(context)",
        top='def day_of(c):\n    return c["ds"]\n',
        made='cached(Extract(task_id="t"), context=("ds",))',
    ),
    marked(
        "operator-same-day-in-helper-declared",
        "return day_of(context)",
        top='def day_of(c):\n    return c["ds"]\n',
        made='cached(Extract(task_id="t"), context=("ds",))',
        first=DAYS[0],
        expect=HIT,
    ),
    on_days(
        "operator-ds-in-a-method-under-another-name",
        "return self.day(context)",
        files={"extract.py": execute("return self.day(context)") + '    def day(self, c):\n        return c["ds"]\n'},
    ),
    # Decorators around it, and other ways to write it.
    wrapped("operator-ds-in-a-decorator", "context", 'day = context["ds"]', "context", second=DAYS[1], worst=True),
    wrapped(
        "operator-ds-in-a-decorator-by-star",
        "*a, **k",
        'day = (a or [k["context"]])[0]["ds"]',
        "*a, **k",
        second=DAYS[1],
    ),
    wrapped("operator-decorator-that-hands-on", "*a, **k", "day = 1", "*a, **k", expect=HIT),
    written(
        "operator-ds-under-another-name-before",
        'def pre_execute(self, c):\n    self.day = c["ds"]\ndef execute(self, context):\n    return self.day\n',
    ),
    on_days(
        "operator-ds-under-another-name-behind",
        "return super().execute(context)",
        files={
            "extract.py": execute("return super().execute(context)", top="from behind import Behind\n").replace(
                "(BaseOperator)", "(Behind)"
            ),
            "behind.py": "from airflow.sdk import BaseOperator\nclass Behind(BaseOperator):\n"
            '    def execute(self, c): return c["ds"]\n',
        },
    ),
    written(
        "operator-ds-by-star",
        'def execute(self, *args, **kwargs):\n    return (args[0] if args else kwargs["context"])["ds"]\n',
        worst=True,
    ),
    on_days("operator-ds-by-a-variable-key", 'key = "d" + "s"\nreturn context[key]'),
    on_days("operator-ds-of-a-copy", 'return {**context}["ds"]'),
    on_days("operator-interval", 'return str(context["data_interval_start"])'),
    on_days("operator-logical-date", 'return context["logical_date"].isoformat()'),
    on_days("operator-keeps-context", 'self.seen = context\nreturn self.seen["ds"]'),
    on_days(
        "operator-current-context",
        'from airflow.sdk import get_current_context\nreturn get_current_context()["ds"]',
    ),
    on_days("operator-renders-by-itself", 'return self.render_template("{{ ds }}", context)'),
    marked(
        "operator-conf",
        'return context["dag_run"].conf.get("n")',
        first=Run(conf={"n": 1}),
        second=Run(conf={"n": 2}),
    ),
    marked("operator-params", 'return context["params"]["x"]', second=Run(conf={"x": 2})),
    marked("operator-run-id", 'return context["run_id"]', worst=True),
    marked("operator-ti", 'return context["ti"].run_id'),
    marked(
        "operator-ti-task-id",
        'return context["ti"].task_id',
        made='cached(Extract(task_id="t1")); cached(Extract(task_id="t2"))',
        expect=SAFE,
    ),
    marked(
        "operator-xcom-pull-in-body",
        'return context["ti"].xcom_pull(task_ids="up")',
        made="""@never
    @task
    def up(): return 1
    up() >> cached(Extract(task_id="t"))""",
        edit=("return 1", "return 2"),
    ),
    marked(
        "operator-map-index",
        'return context["ti"].map_index',
        made='cached(Extract.partial(task_id="t").expand(value=[5, 5]))',
        expect=SAFE,
    ),
    on_days(
        "operator-mapped-ds", 'return context["ds"]', made='cached(Extract.partial(task_id="t").expand(value=[1, 2]))'
    ),
    marked(
        "operator-mapped-equal-values",
        "return self.value",
        made='cached(Extract.partial(task_id="t").expand(value=[1, 2]))',
        expect=HIT,
    ),
    on_days("operator-needs-no-context", "return self.value * 2", expect=HIT),
    on_days("operator-hands-context-to-super", "return super().pre_execute(context) or 1", expect=SAFE),
    on_days(
        "operator-template-field-with-ds", "return self.value", made='cached(Extract(task_id="t", value="{{ ds }}"))'
    ),
    tasks(
        "operator-declared-in-settings-ds",
        """
        from extract import Extract
        with DAG("d", schedule=None, tags=["couler-cache"]):
            Extract(task_id="t")
        """,
        files={"extract.py": execute('return context["ds"]')},
        layer=CONTEXT,
        first=Run(date="2026-01-01", env={"AIRFLOW__COULER__CACHE_OPERATORS": "extract.Extract"}),
        second=Run(date="2026-02-02", env={"AIRFLOW__COULER__CACHE_OPERATORS": "extract.Extract"}),
    ),
    tasks("operator-of-bash-with-ds", BASH, first=DAYS[0], second=DAYS[1], layer=CONTEXT, worst=True),
    tasks(
        "operator-of-bash-without-ds",
        BASH.replace("cached(Dated", "cached(BashOperator"),
        first=DAYS[0],
        second=DAYS[1],
        layer=CONTEXT,
        expect=HIT,
    ),
    # What the connection says that it names.
    sql("operator-connection", edit=("1.db", "2.db"), worst=True),
    sql("operator-connection-allowed", ', allow=("connections",)', expect=HIT),
    sql("operator-connection-vouched", ', allow=("connections",)', edit=("1.db", "2.db"), expect=VOUCHED),
    tasks(
        "operator-of-datafusion",
        """
        from airflow.providers.common.sql.config import DataSourceConfig
        from airflow.providers.common.sql.operators.analytics import AnalyticsOperator
        with DAG("d", schedule=None):
            read = DataSourceConfig(conn_id="", table_name="x", uri="file://@BASE@/etc/x.csv", format="csv")
            cached(AnalyticsOperator(task_id="t", datasource_configs=[read], queries=["select n from x"]))
        """,
        files={"etc/x.csv": "n\n1\n"},
        edits={"etc/x.csv": ("1", "2")},
        needs=("datafusion",),
        layer=WORDS,
    ),
    # Attributes of the operator itself.
    marked(
        "operator-params-of-its-own",
        'return self.params["x"]',
        made='cached(Extract(task_id="t", params={"x": 1}))',
        edit=('"t", params={"x": 1}', '"t", params={"x": 2}'),
    ),
    marked(
        "operator-task-id",
        'return f"/exports/{self.task_id}.csv"',
        made='cached(Extract(task_id="t1")) >> cached(Extract(task_id="t2"))',
        expect=SAFE,
        worst=True,
    ),
    marked(
        "operator-task-id-side-by-side",
        'return f"/exports/{self.task_id}.csv"',
        made='cached(Extract(task_id="t1")); cached(Extract(task_id="t2"))',
        expect=SAFE,
    ),
    marked(
        "operator-params-side-by-side",
        'return self.params["x"]',
        made='cached(Extract(task_id="t1", params={"x": 1})); cached(Extract(task_id="t2", params={"x": 2}))',
        expect=SAFE,
    ),
    *(
        marked(
            f"operator-email-by-{name}",
            "",
            made='cached(Extract(task_id="t", email="a"))',
            files={"extract.py": execute(f"return {value}") + f"\n{helper}"},
            edit=('"a"', '"b"'),
        )
        for name, value, helper in (
            ("dict", "self.__dict__['email']", ""),
            ("getattribute", "self.__getattribute__('email')", ""),
            ("helper", "self.go()", "    def go(me): return me.email"),
            ("helper-of-stars", "self.go()", "    def go(*a): return a[0].email"),
            ("property", "self.go", "    go = property(lambda me: me.email)"),
        )
    ),
    *(
        marked(
            f"operator-{which}-relatives",
            f"return sorted(self.get_{which}_relative_ids(upstream=True))",
            top="from airflow.providers.standard.operators.empty import EmptyOperator",
            made='from extract import EmptyOperator; EmptyOperator(task_id="e1") >> cached(Extract(task_id="t"))',
            edit=('"e1"', '"e2"'),
            tasks=["t"],
        )
        for which in ("direct", "flat")
    ),
    marked(
        "operator-name-of-its-log",
        "return self.log.name",
        made='cached(Extract(task_id="t", logger_name="a"))',
        edit=('"a"', '"b"'),
    ),
    marked("operator-that-logs", "self.log.info('x')\nreturn 1", expect=HIT),
    marked(
        "operator-log-of-its-own",
        "",
        files={
            "extract.py": execute("return self._log")
            + "\n    def pre_execute(self, context): self._log = context['ds']"
        },
        first=DAYS[0],
        second=DAYS[1],
    ),
    on_days(
        "operator-context-by-a-computed-name",
        "return getattr(sdk, 'get_current' + '_context')()['ds']",
        top="import airflow.sdk as sdk",
    ),
    marked("operator-dag-id", "return self.dag_id", edit=('DAG("d"', 'DAG("e"')),
    marked("operator-dag-of-it", "return self.dag.dag_id", edit=('DAG("d"', 'DAG("e"')),
    marked(
        "operator-owner",
        "return self.owner",
        made='cached(Extract(task_id="t", owner="a"))',
        edit=('owner="a"', 'owner="b"'),
    ),
    marked(
        "operator-timeout",
        "return str(self.execution_timeout)",
        made='import datetime; cached(Extract(task_id="t", execution_timeout=datetime.timedelta(seconds=50)))',
        edit=("seconds=50", "seconds=60"),
    ),
    marked(
        "operator-retries",
        "return self.retries",
        made='cached(Extract(task_id="t", retries=1))',
        edit=("retries=1", "retries=2"),
    ),
    marked(
        "operator-start-date",
        "return str(self.start_date)",
        made='import datetime; cached(Extract(task_id="t", start_date=datetime.datetime(2026, 1, 1)))',
        edit=("2026, 1, 1", "2026, 1, 2"),
    ),
    marked(
        "operator-doc", "return self.doc_md", made='cached(Extract(task_id="t", doc_md="one"))', edit=('"one"', '"two"')
    ),
    marked(
        "operator-pool-by-getattr",
        'return getattr(self, "queue")',
        made='cached(Extract(task_id="t", queue="a"))',
        edit=('queue="a"', 'queue="b"'),
    ),
    marked(
        "operator-attribute-in-helper",
        "return name_of(self)",
        top="def name_of(o):\n    return o.task_id\n",
        made='cached(Extract(task_id="t1")); cached(Extract(task_id="t2"))',
        expect=SAFE,
    ),
    marked(
        "operator-vars-of-itself",
        'return vars(self)["owner"]',
        made='cached(Extract(task_id="t", owner="a"))',
        edit=('owner="a"', 'owner="b"'),
    ),
    marked(
        "operator-upstream-ids",
        "return sorted(self.upstream_task_ids)",
        made='cached(Extract(task_id="t")).set_upstream(Extract(task_id="up"))',
        edit=('task_id="up"', 'task_id="other"'),
    ),
    marked(
        "operator-label",
        "return self.label",
        made='cached(Extract(task_id="t1")); cached(Extract(task_id="t2"))',
        expect=SAFE,
    ),
    marked(
        "operator-default-args",
        "return self.owner",
        edit=("schedule=None", 'schedule=None, default_args={"owner": "b"}'),
    ),
    marked(
        "operator-retries-unread",
        "return self.value",
        made='cached(Extract(task_id="t", retries=1))',
        edit=("retries=1", "retries=2"),
        expect=HIT,
    ),
    marked(
        "operator-doc-unread",
        "return self.value",
        made='cached(Extract(task_id="t", doc_md="one"))',
        edit=('"one"', '"two"'),
        expect=HIT,
    ),
    # Its code.
    marked(
        "operator-class-attribute",
        "return self.LIMIT",
        files={"extract.py": execute("return self.LIMIT").replace('("value",)', '("value",)\n    LIMIT = 1')},
        edits={"extract.py": ("LIMIT = 1", "LIMIT = 2")},
        layer=CODE,
    ),
    marked(
        "operator-base-class-helper",
        "return helper()",
        top="from helping import helper\n",
        files={"helping.py": "def helper(): return 1\n"},
        edits={"helping.py": ("return 1", "return 2")},
        layer=CODE,
    ),
    marked(
        "operator-table-beside-the-class",
        "return LIMITS[self.value]",
        top="LIMITS = {1: 5}\n",
        edits={"extract.py": ("{1: 5}", "{1: 6}")},
        layer=CODE,
    ),
    marked(
        "operator-pre-execute",
        "return self.day",
        top="",
        files={
            "extract.py": execute("return self.day")
            + '    def pre_execute(self, context):\n        self.day = context["ds"]\n'
        },
        first=DAYS[0],
        second=DAYS[1],
    ),
    marked(
        "operator-post-execute",
        "return self.value",
        files={
            "extract.py": execute("return self.value")
            + '    def post_execute(self, context, result=None):\n        context["ti"].xcom_push("day", context["ds"])\n'
        },
        first=DAYS[0],
        second=DAYS[1],
    ),
    marked(
        "operator-super-execute",
        "return 1",
        files={
            "extract.py": execute('return context["ds"]').replace("class Extract(", "class Base(")
            + "\nclass Extract(Base):\n    def execute(self, context):\n        return super().execute(context)\n"
        },
        first=DAYS[0],
        second=DAYS[1],
    ),
    marked(
        "operator-mixin",
        "return 1",
        files={
            "extract.py": "class Dated:\n    def execute(self, context):\n        return context['ds']\n"
            + execute("return 1")
            .replace("class Extract(BaseOperator)", "class Extract(Dated, BaseOperator)")
            .split("    def execute")[0]
        },
        first=DAYS[0],
        second=DAYS[1],
    ),
    marked("operator-uses-a-hook", "from airflow.providers.smtp.hooks.smtp import SmtpHook\nreturn 1", expect=SAFE),
    marked("operator-calls-time", "import time\nreturn time.time()", expect=VOUCHED),
    marked(
        "operator-random-in-init",
        "return self.seed",
        files={
            "extract.py": "import random\n"
            + execute("return self.seed").replace(
                "self.value = value", "self.value = value\n        self.seed = random.random()"
            )
        },
    ),
    # Python operators and subclasses of them.
    tasks(
        "python-operator-templates-dict",
        PYTHON.format(
            top="def f(templates_dict=None):\n    return templates_dict['day']",
            more=', templates_dict={"day": "{{ ds }}"}',
        ),
        layer=CONTEXT,
        first=DAYS[0],
        second=DAYS[1],
    ),
    tasks(
        "python-operator-templates-dict-same",
        PYTHON.format(
            top="def f(templates_dict=None):\n    return templates_dict['n']", more=', templates_dict={"n": "1"}'
        ),
        layer=CONTEXT,
        expect=HIT,
    ),
    tasks(
        "python-operator-subclass",
        PYTHON.format(
            top="class Dated(PythonOperator):\n    def execute(self, context):\n        return context['ds']\ndef f():\n    return 1",
            more="",
        )
        .replace("    PythonOperator(", "    cached(Dated(")
        .replace("=f)", "=f))"),
        layer=CONTEXT,
        first=DAYS[0],
        second=DAYS[1],
    ),
    tasks(
        "python-operator-pre-execute",
        PYTHON.format(
            top="BOX = {'v': 0}\ndef f():\n    return BOX['v']\ndef h(context):\n    BOX['v'] = context['dag_run'].conf['n']",
            more=", pre_execute=h",
        ),
        layer=CONTEXT,
        first=Run(conf={"n": 1}),
        second=Run(conf={"n": 2}),
    ),
    tasks(
        "python-operator-post-execute-fails",
        PYTHON.format(
            top="def f():\n    return 1\ndef h(context, result=None):\n    context['ti'].xcom_push('seen', context['ds'])",
            more=", post_execute=h",
        ),
        layer=CONTEXT,
        first=DAYS[0],
        second=DAYS[1],
        expect=SAFE,
    ),
    tasks(
        "python-operator-bound-method",
        PYTHON.format(
            top="class Job:\n    def __init__(self, rate):\n        self.rate = rate\n    def run(self):\n        return self.rate\nf = Job(1).run",
            more="",
        ),
        edit=("Job(1)", "Job(2)"),
    ),
    tasks(
        "python-operator-callable-object",
        PYTHON.format(
            top="class Job:\n    def __init__(self, rate):\n        self.rate = rate\n    def __call__(self):\n        return self.rate\nf = Job(1)",
            more="",
        ),
        edit=("Job(1)", "Job(2)"),
    ),
    tasks(
        "python-operator-partial",
        PYTHON.format(top="import functools\ndef g(a):\n    return a\nf = functools.partial(g, 1)", more=""),
        edit=("(g, 1)", "(g, 2)"),
    ),
    tasks("python-operator-lambda", PYTHON.format(top="f = lambda: 1", more=""), edit=("lambda: 1", "lambda: 2")),
    tasks(
        "python-operator-factory",
        """
        from airflow.providers.standard.operators.python import PythonOperator
        def make(n):
            def f():
                return n
            return f
        with DAG("d", schedule=None, tags=["couler-cache"]):
            for n in (1, 2, 3):
                PythonOperator(task_id=f"t{n}", python_callable=make(n))
        """,
        edit=("(1, 2, 3)", "(1, 2, 3, 4)"),
        expect=SAFE,
    ),
    tasks(
        "python-operator-late-binding",
        """
        from airflow.providers.standard.operators.python import PythonOperator
        with DAG("d", schedule=None, tags=["couler-cache"]):
            for n in (1, 2, 3):
                PythonOperator(task_id=f"t{n}", python_callable=lambda: n)
        """,
        edit=("(1, 2, 3)", "(1, 2, 4)"),
        expect=SAFE,
    ),
    tasks(
        "python-operator-show-return",
        PYTHON.format(top="def f():\n    return 1", more=", show_return_value_in_logs=False"),
        edit=("=False", "=True"),
        expect=HIT,
    ),
    tasks(
        "task-declares-its-day",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def t(ds=None):
                return ds
            t()
        """,
        layer=CONTEXT,
        first=DAYS[0],
        second=DAYS[1],
    ),
    tasks(
        "task-same-day-again",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def t(ds=None):
                return ds
            t()
        """,
        layer=CONTEXT,
        first=DAYS[0],
        expect=HIT,
    ),
    tasks(
        "task-context-in-helper",
        """
        from airflow.sdk import get_current_context
        def day():
            return get_current_context()["ds"]
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def t():
                return day()
            t()
        """,
        layer=CONTEXT,
        first=DAYS[0],
        second=DAYS[1],
    ),
    tasks(
        "task-try-number",
        """
        from airflow.sdk import get_current_context
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def t():
                return str(get_current_context()["ti"].start_date)
            t()
        """,
        layer=CONTEXT,
        expect=NEVER,
    ),
)
