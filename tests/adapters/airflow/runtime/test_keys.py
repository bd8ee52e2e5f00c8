"""What changes the key of a task, and what does not."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dags import DagFiles
from airflow_keys import FILE, HELPERS, changed, dag_of, key
from support import first_of

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


def test_the_same_file_gives_the_same_key(dag_files: DagFiles) -> None:
    assert key(dag_of(dag_files)) == key(dag_of(dag_files))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x * self.rate", "return x + self.rate"),
        ("def other(x):\n    return x", "def other(x):\n    return -x"),
        ('"""Doc."""', '"""Another text."""'),
        ("log.info", "log.debug"),
        ("TABLE = ", "\n\n# a comment\nTABLE = "),
        ('DAG("d", schedule=None)', 'DAG("e", schedule="@daily", max_active_runs=1)'),
    ],
)
def test_what_a_task_does_not_reach_leaves_its_key_alone(dag_files: DagFiles, old: str, new: str) -> None:
    assert old in FILE
    assert key(dag_of(dag_files)) == key(dag_of(dag_files, FILE.replace(old, new)))


@pytest.mark.parametrize("decorator", ['task_id="another"', "retries=3", 'pool="big", priority_weight=9'])
def test_how_a_task_is_run_leaves_its_key_alone(dag_files: DagFiles, decorator: str) -> None:
    assert key(dag_of(dag_files)) == key(dag_of(dag_files, DECORATOR=decorator))


LOADS = {
    "import math": "import yaml, math",
    "def other": "@functools.wraps(yaml.dump)\ndef load(x):\n    return x\n\ndef other",
}
GIVES = {"def other": "import contextlib\n@contextlib.contextmanager\ndef given(x):\n    yield x\n\ndef other"}
CHANGES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "bytecode": ({"BODY": "return x + 1"}, {"BODY": "return x - 1"}),
    "a constant": ({"BODY": "return x + 1"}, {"BODY": "return x + 2"}),
    "the type of a constant": ({"BODY": "return 1"}, {"BODY": "return True"}),
    "a default": ({"ARGUMENTS": "x, y=1", "BODY": "return y"}, {"ARGUMENTS": "x, y=2", "BODY": "return y"}),
    "a keyword's default": ({"ARGUMENTS": "x, *, y=1"}, {"ARGUMENTS": "x, *, y=2"}),
    "an argument": ({}, {"CALL": "6"}),
    "the type of an argument": ({}, {"CALL": '"5"'}),
    "a float for an integer": ({}, {"CALL": "5.0"}),
    "a list for a tuple": ({"CALL": "[1]"}, {"CALL": "(1,)"}),
    "how arguments are split": ({"CALL": '["a", "b"]'}, {"CALL": '["a\\", \\"b"]'}),
    "the order of a mapping": ({"CALL": '{"a": 1, "b": 2}'}, {"CALL": '{"b": 2, "a": 1}'}),
    "a helper's body": ({}, {"return x * LIMIT + y": "return x * LIMIT - y"}),
    "a helper's default": ({}, {"def helper(x, y=1)": "def helper(x, y=2)"}),
    "a constant that a helper reads": ({}, {"LIMIT = 3": "LIMIT = 4"}),
    "a table": ({"BODY": "return TABLE"}, {"BODY": "return TABLE", "(2, 3)": "(2, 4)"}),
    "a lambda inside": ({"BODY": "return (lambda y: y + 1)(x)"}, {"BODY": "return (lambda y: y + 2)(x)"}),
    "a nested function": (
        {"BODY": "return [y for y in range(x) if y > 1]"},
        {"BODY": "return [y for y in range(x) if y > 2]"},
    ),
    "a method": (
        {"BODY": "return Model(1).fit(x)"},
        {"BODY": "return Model(1).fit(x)", "return x * self.rate": "return x / self.rate"},
    ),
    "a class attribute": ({"BODY": "return Model.size"}, {"BODY": "return Model.size", "size = 4": "size = 5"}),
    "an object's state": ({"BODY": "return MODEL.fit(x)"}, {"BODY": "return MODEL.fit(x)", "Model(2)": "Model(3)"}),
    "a function from another file": (
        {"BODY": "return clean(x)"},
        {"BODY": "return clean(x)", "helpers": HELPERS.replace("x * FACTOR", "x + FACTOR")},
    ),
    "a constant of another file": (
        {"BODY": "return clean(x)"},
        {"BODY": "return clean(x)", "helpers": HELPERS.replace("FACTOR = 2", "FACTOR = 3")},
    ),
    "another file by its module": (
        {"BODY": "return helpers.clean(x)"},
        {"BODY": "return helpers.clean(x)", "helpers": HELPERS.replace("FACTOR = 2", "FACTOR = 3")},
    ),
    "a file that the body imports": (
        {"BODY": "from helpers import unused; return unused()"},
        {"BODY": "from helpers import unused; return unused()", "helpers": HELPERS.replace("return 1", "return 2")},
    ),
    "what a file that a file imports does": (
        {"BODY": "return clean(x)"},
        {"BODY": "return clean(x)", "deep": "import decimal\ndecimal.getcontext().prec = 5\n"},
    ),
    "a decorator": (
        {"BODY": "return wrapped(x)", "def other": "@counted\ndef wrapped(x):\n    return x\n\ndef other"},
        {"BODY": "return wrapped(x)", "def other": "@counted\ndef wrapped(x):\n    return -x\n\ndef other"},
    ),
    "a decorator around another's function": (
        {
            "BODY": "return root(x)",
            "def other": "@functools.wraps(math.hypot)\ndef root(x):\n    return x\n\ndef other",
        },
        {
            "BODY": "return root(x)",
            "def other": "@functools.wraps(math.hypot)\ndef root(x):\n    return -x\n\ndef other",
        },
    ),
    "a decorator around a library's function": (
        {"BODY": "return load(x)", **LOADS},
        {"BODY": "return load(x)", **LOADS, "def other": LOADS["def other"].replace("return x", "return -x")},
    ),
    "a helper that a library's decorator wraps": (
        {"BODY": "return list(given(x))", **GIVES},
        {"BODY": "return list(given(x))", **GIVES, "def other": GIVES["def other"].replace("yield x", "yield -x")},
    ),
    "a table in a class": (
        {"BODY": "return Model.size", "size = 4": "size = [1, {2: 3}]"},
        {"BODY": "return Model.size", "size = 4": "size = [1, {2: 4}]"},
    ),
    "an attribute of a function": (
        {"BODY": "return helper.rate", "class Model": "helper.rate = 1\nclass Model"},
        {"BODY": "return helper.rate", "class Model": "helper.rate = 2\nclass Model"},
    ),
    "a value in a closure": (
        {"BODY": "return made(x)", "def other": "def make(n):\n    return lambda x: x + n\nmade = make(1)\ndef other"},
        {"BODY": "return made(x)", "def other": "def make(n):\n    return lambda x: x + n\nmade = make(2)\ndef other"},
    ),
    "a partial": (
        {"BODY": "return part(x)", "def other": "part = functools.partial(helper, y=1)\ndef other"},
        {"BODY": "return part(x)", "def other": "part = functools.partial(helper, y=2)\ndef other"},
    ),
    "several outputs": ({}, {"DECORATOR": "multiple_outputs=True"}),
    "where it runs": ({}, {"DECORATOR": 'run_as_user="nobody"'}),
}


@pytest.mark.parametrize("what", first_of(CHANGES, 12))
def test_what_a_task_computes_changes_its_key(dag_files: DagFiles, what: str) -> None:
    before, after = CHANGES[what]
    first = key(changed(dag_files, before))
    assert key(changed(dag_files, before)) == first
    assert key(changed(dag_files, after)) != first


def test_what_is_said_of_a_run_changes_the_key(dag_files: DagFiles) -> None:
    dag = dag_of(dag_files)
    keys = [
        key(dag),
        key(dag, before=("a",)),
        key(dag, before=("a", "b")),
        key(dag, version="2"),
        key(dag, context=("ds",)),
        key(dag, allow=("files",)),
        key(dag, allow=("files", "network")),
    ]
    assert len({*keys}) == len(keys)


def test_values_of_the_run_that_a_body_asks_for_change_the_key(dag_files: DagFiles) -> None:
    dag = dag_of(dag_files, ARGUMENTS="x, ds=None, params=None")
    keys = [key(dag), key(dag, run={"ds": "2026-01-02"}), key(dag, run={"params": {"rate": 2}})]
    assert len({*keys}) == 3
    assert key(dag, run={"ts": "now"}) == keys[0]


def test_a_distribution_counts_with_its_version(dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_plugins.caching.code.distributions import owner_of

    dag = dag_of(dag_files, BODY="import yaml; return yaml.dump(x)")
    first = key(dag)
    target = "couler_plugins.caching.code.modules.owner_of"
    monkeypatch.setattr(target, lambda path: "PyYAML 99" if "yaml" in str(path) else owner_of(path))
    assert key(dag) != first


def test_a_distribution_counts_with_what_it_needs() -> None:
    from couler_plugins.caching.code.distributions import needed_by, owner_of
    from couler_plugins.caching.code.modules import file_of

    for module, owner, needed in (
        ("yaml", "PyYAML", None),
        ("moto", "moto", "botocore"),
        ("airflow.sdk", "apache-airflow-task-sdk", None),
    ):
        path = file_of(module)
        assert path is not None
        found = owner_of(path)
        assert found is not None
        assert found.startswith(f"{owner} ")
        names = [item.partition(" ")[0] for item in needed_by(found)]
        assert owner in names
        assert needed in names if needed else len(names) == 1
    assert owner_of(file_of("json") or Path()) == "python"
    assert owner_of(Path(__file__)) is None


def test_values_do_not_collide(dag_files: DagFiles) -> None:
    """All values here differ for a task, and so do all their forms."""
    import datetime
    import decimal
    import http
    import pathlib
    import uuid

    from couler_plugins.caching.code.fingerprint import Fingerprint
    from couler_plugins.caching.keys import digest

    nan = float("nan")
    atoms: list[Any] = [
        *(None, True, False, 0, 1, -1, 2**80, 0.0, -0.0, 1.0, nan, float("inf"), "", "1", "None", "a", b"", b"a"),
        *(bytearray(b"a"), (), [], {}, set(), frozenset(), ..., 1j, range(3), http.HTTPStatus.OK),
        *(decimal.Decimal(1), decimal.Decimal("1.0"), uuid.UUID(int=1), pathlib.PurePosixPath("a")),
        *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1), datetime.timedelta(1), datetime.time(1)),  # noqa: DTZ001  # one without a zone is meant
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    ]
    pairs = [kind(pair) for pair in itertools.product(atoms[:12], repeat=2) for kind in (list, tuple)]
    nested = (
        [[pair] for pair in pairs[:50]]
        + [{"a": pair} for pair in pairs[:50]]
        + [["a", "b"], ["a,b"], ["ab"], [["a"], "b"]]
    )
    values = [*atoms, *pairs, *nested]
    forms = Fingerprint(str(dag_files.folder / "none.py"))
    assert len({digest(forms.form(value)) for value in values}) == len(values)


def test_sets_have_one_form_in_any_order(dag_files: DagFiles) -> None:
    from couler_plugins.caching.code.fingerprint import Fingerprint

    forms = Fingerprint("none.py")
    assert forms.form({"a", "b", 3, None}) == forms.form({None, 3, "b", "a"})


NAMED = """
import decimal
import importlib
import sys
from pydantic import BaseModel

class Money(decimal.Decimal):
    pass

class Config(BaseModel):
    rate: int = 2

class Model:
    def fit(self, x):
        return x

MONEY, CONFIG, MODELS = Money("1.5"), Config(), list[Model]

with DAG("named", schedule=None) as dag:
    @task
    def work(x, kind=MODELS):
        return [MONEY, CONFIG, kind, Model().fit(x)]
    work(5)

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(importlib.import_module("airflow_keys").key(dag))  # no import that Airflow's ways to load it would not do
"""


@pytest.mark.slow
def test_the_name_of_its_module_leaves_a_key_alone(dag_files: DagFiles, tmp_path: Path) -> None:
    """As a program (`python dag.py`), and as a DAG file in whatever folder."""
    here, there = (key(dag_files.dag(NAMED, name)) for name in ("dag_file.py", "folder/other.py"))
    (tmp_path / "program.py").write_text((dag_files.folder / "dag_file.py").read_text())
    command = [sys.executable, "program.py", str(Path(__file__).parents[3])]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == here == there


def test_what_airflow_remembers_of_a_task_leaves_its_key_alone(dag_files: DagFiles) -> None:
    """`dag.test()` and `airflow dags test` schedule the very operators that they run; a worker parses its own."""
    dag = dag_of(dag_files)
    before = key(dag)
    (task,) = dag.task_dict.values()
    task.get_needs_expansion()
    assert "_needs_expansion" in vars(task)
    assert key(dag) == before
