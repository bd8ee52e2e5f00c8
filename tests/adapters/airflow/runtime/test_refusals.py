"""What no key can cover, and what its owner may allow."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dags import DagFiles
from airflow_keys import HELPERS, changed, dag_of, key
from couler_plugins.caching.code.uncacheable import Uncacheable
from support import first_of

pytestmark = pytest.mark.airflow

VARIABLE = {"import math": "import math\nfrom airflow.sdk import Variable"}
REFUSED = {
    "the task instance": ({"ARGUMENTS": "x, ti=None"}, "'ti'"),
    "the name of the run": ({"ARGUMENTS": "x, run_id=None"}, "'run_id'"),
    "all of the context": ({"ARGUMENTS": "x, **kwargs"}, r"\*\*kwargs"),
    "a clock": ({"BODY": "return time.time()"}, "time.time"),
    "a clock by its class": ({"BODY": "return datetime.now()"}, "now"),
    "a clock by its module": ({"BODY": "return dt.datetime.utcnow()"}, "utcnow"),
    "a clock in a helper": ({"return x * LIMIT + y": "return time.monotonic()"}, "time.monotonic"),
    "a clock in another file": (
        {"BODY": "return clean(x)", "helpers": "import time\ndef clean(x):\n    return time.time()\n"},
        "time.time",
    ),
    "a clock in a file that the body imports": (
        {
            "BODY": "from helpers import unused; return unused()",
            "helpers": "import time\nclean = 1\nunused = lambda: time.time()\n",
        },
        "time.time",
    ),
    "a clock that is handed on": ({"BODY": "return helper(time)"}, "time"),
    "a clock under another name": ({"BODY": "import time as t; u = t; return u.time()"}, "time"),
    "a clock after what is allowed": ({"BODY": "return Variable.get('a'), x.utcnow()", **VARIABLE}, "Variable"),
    "a clock after a file": ({"BODY": "return x.read_text(), x.utcnow()"}, "utcnow"),
    "compiled code that opens files": ({"BODY": "import psutil; return psutil.Process().cwd()"}, "psutil"),
    "a clock in a lambda of a class": (
        {"BODY": "return Model.size", "size = 4": 'size = {"now": lambda: time.time()}'},
        "time.time",
    ),
    "a class made at run time": (
        {"BODY": "return Made", "def other": "Made = type('int', (), {'__module__': 'builtins'})\ndef other"},
        "made at run time",
    ),
    "a class of no module": (
        {"BODY": "return Made", "def other": "Made = type('Made', (), {'__module__': None})\ndef other"},
        "belongs to no module",
    ),
    "an object of a class of no module": ({"CALL": "type('Made', (), {'__module__': None})()"}, "its arguments"),
    "chance": ({"BODY": "return random.random()"}, "random.random"),
    "chance that it imports": ({"BODY": "import random as r; return r.choice([1, 2])"}, "random"),
    "chance from a library": ({"BODY": "import numpy as np; return np.random.rand()"}, "numpy.random"),
    "a variable": ({"BODY": 'from airflow.sdk import Variable; return Variable.get("a")'}, "Variable"),
    "a connection": ({"BODY": 'from airflow.sdk import BaseHook as B; return B.get_connection("a")'}, "get_connection"),
    "the context": ({"BODY": "from airflow.sdk import get_current_context; return get_current_context()"}, "context"),
    "what nobody can follow": ({"BODY": "return eval(x)"}, "eval"),
    "a global that it changes": ({"BODY": "global LIMIT; LIMIT = 4; return 1"}, "'LIMIT'"),
    "a global without a form": ({"BODY": "return LOCK", "LIMIT = 3": "LOCK, LIMIT = (x for x in ()), 3"}, "'LOCK'"),
    "an argument without a form": ({"CALL": "(x for x in ())"}, "its arguments"),
    "the DAG": ({"BODY": "return dag.dag_id"}, "'dag'"),
    "a result that is not handed on": ({"DECORATOR": "do_xcom_push=False"}, "not handed on"),
    "no result": ({"BODY": "print(x)"}, "returned nothing"),
    "a variable in a template": ({"CALL": '"{{ var.value.a }}"'}, "variables"),
    "a connection in a template": ({"CALL": '["{{ conn.db.password }}"]'}, "connections"),
}


@pytest.mark.parametrize("what", first_of(REFUSED, 12))
def test_what_no_key_can_cover_is_refused(dag_files: DagFiles, what: str) -> None:
    changes, reason = REFUSED[what]
    with pytest.raises(Uncacheable, match=reason):
        key(changed(dag_files, changes))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a variable", {"allow": ("variables",)}),
        ("a connection in a template", {"allow": ("connections",)}),
        ("all of the context", {"context": ("ds",)}),
        ("the task instance", {"context": ("ds",)}),
        ("the context", {"context": ("ds",)}),
    ],
)
def test_an_owner_may_allow_it(dag_files: DagFiles, what: str, said: dict[str, Any]) -> None:
    changes, _ = REFUSED[what]
    assert key(changed(dag_files, changes), **said)


def test_what_is_allowed_hides_nothing_else(dag_files: DagFiles) -> None:
    changes, _ = REFUSED["a clock after what is allowed"]
    with pytest.raises(Uncacheable, match="utcnow"):
        key(changed(dag_files, changes), allow=("variables",))


@pytest.mark.parametrize("kind", ["randomness", "dynamic code", "context"])
def test_nobody_may_allow_what_is_no_waiver(kind: str) -> None:
    from couler_airflow.marks import Declaration
    from couler_plugins.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cannot be allowed"):
        Declaration(allow=(kind,))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"allow": "network"}, "allow is a tuple or a list of texts"),
        ({"context": "ds"}, "context is a tuple or a list of texts"),
        ({"allow": None}, "allow is a tuple or a list of texts"),
        ({"outputs": (1,)}, "outputs is a tuple or a list of texts"),
        ({"ttl": "24h"}, "ttl is a number of seconds"),
        ({"ttl": True}, "ttl is a number of seconds"),
    ],
)
def test_arguments_of_another_type_are_told(said: dict[str, Any], message: str) -> None:
    from couler_airflow.marks import Declaration
    from couler_plugins.errors import InvalidInput

    with pytest.raises(InvalidInput, match=message):
        Declaration(**said)


def test_a_file_that_was_changed_since_it_was_loaded_is_refused(dag_files: DagFiles) -> None:
    dag = dag_of(dag_files, BODY="return clean(x)")
    (dag_files.folder / "helpers.py").write_text(HELPERS.replace("x * FACTOR", "x + FACTOR"))
    with pytest.raises(Uncacheable, match=r"helpers\.py has changed"):
        key(dag)


@pytest.mark.parametrize(("command", "word"), [("date", "date"), ("curl http://x", "curl"), ("echo $RANDOM", "RANDOM")])
def test_a_command_that_names_a_clock_chance_or_the_network_is_refused(
    dag_files: DagFiles, command: str, word: str
) -> None:
    text = """
    from airflow.providers.standard.operators.bash import BashOperator
    with DAG("d", schedule=None) as dag:
        BashOperator(task_id="shell", bash_command="COMMAND")
    """
    with pytest.raises(Uncacheable, match=word):
        key(dag_files.dag(text.replace("COMMAND", command)), allow=("programs",))
    echo = [dag_files.dag(text.replace("COMMAND", f"echo {number}")) for number in (1, 2, 1)]
    keys = {key(dag, allow=("programs",)) for dag in echo}
    assert len(keys) == 2


@pytest.mark.parametrize("what", ["a clock", "a clock in another file", "chance", "chance from a library"])
def test_a_mark_of_the_task_itself_waives_clocks_and_chance(dag_files: DagFiles, what: str) -> None:
    changes, _ = REFUSED[what]
    dag = changed(dag_files, changes)
    kind = "random" if "chance" in what else "clock"
    assert key(dag, itself=True)
    assert key(dag, allow=(kind,))
    with pytest.raises(Uncacheable):
        key(dag, allow=("files",))


def test_a_mark_of_the_task_itself_waives_nothing_else(dag_files: DagFiles) -> None:
    for what in ("a variable", "what nobody can follow", "the task instance"):
        with pytest.raises(Uncacheable):
            key(changed(dag_files, REFUSED[what][0]), itself=True)
