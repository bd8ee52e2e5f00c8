"""What is evaluated when a module is loaded: whether it changes others, and what feeds that."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, Case, Run, tasks, work

__all__ = ["CASES"]


def precise(name: str, top: str, old: str, new: str, **case: Any) -> Case:
    """Return a case of a module that sets the precision of decimal numbers when it is loaded; an edit changes it."""
    edit = {"edits": {"conf.py": (old, new)}} if "files" in case else {"edit": (old, new)}
    return work(f"effect-{name}", "import decimal\nreturn str(decimal.Decimal(1) / 3)", top, **edit, **case)


def quiet(name: str, top: str, edit: tuple[str, str], **case: Any) -> Case:
    """Return a case of an edit beside what a module does when it is loaded."""
    return work(f"effect-none-{name}", "return 1", top, edit=edit, expect=HIT, **case)


PREC = "import decimal\ndecimal.getcontext().prec = 5\n"
SETUP = "import decimal\ndef setup(n=5):\n    decimal.getcontext().prec = n\n    return {}\n"
READS = "import decimal, json, os\ndecimal.getcontext().prec = "
REGION: dict[str, Any] = {"first": Run(env={"REGION": "3"}), "second": Run(env={"REGION": "4"})}
UNRELATED = "\ndef unrelated(): return 1\n"
OTHER = ("unrelated(): return 1", "unrelated(): return 2")
FACTORY = """
import yaml
CONFIGS = yaml.safe_load(open("@BASE@/dags/c.yaml"))
def make(name, cfg):
    with DAG(name, schedule=None, tags=["couler-cache"]) as dag:
        @task
        def extract(): return cfg["n"] * 2
        @task
        def load(x): return x + 1
        load(extract())
    return dag
for name, cfg in CONFIGS.items():
    globals()[name] = make(name, cfg)
"""
CONFIGS = "one:\n  n: 1\ntwo:\n  n: 2\n"

CASES: tuple[Case, ...] = (
    # Wherever it is evaluated.
    precise("of-a-helper-whose-result-is-kept", SETUP + "CFG = setup()\n", "n=5", "n=6", worst=True),
    precise(
        "of-a-class-that-is-made",
        SETUP + "class App:\n    def __init__(self): self.go()\n    def go(self): setup()\napp = App()\n",
        "n=5",
        "n=6",
    ),
    precise(
        "of-a-base-class",
        SETUP
        + "class B:\n    def __init__(self): setup()\nclass A(B):\n    def __init__(self): super().__init__()\na = A()\n",
        "n=5",
        "n=6",
    ),
    precise("of-a-module-s-helper", "from conf import setup\nCFG = setup()\n", "n=5", "n=6", files={"conf.py": SETUP}),
    precise("in-a-test", SETUP + "if setup(): pass\n", "n=5", "n=6"),
    precise("in-an-assertion", SETUP + "assert setup() == {}\n", "n=5", "n=6"),
    precise("in-an-iterator", SETUP + "for _ in setup(): pass\n", "n=5", "n=6"),
    precise("in-a-case", PREC.replace("decimal.getcontext", "match 1:\n    case 1: decimal.getcontext"), "= 5", "= 6"),
    precise(
        "in-a-with",
        SETUP
        + "import contextlib\n@contextlib.contextmanager\ndef conf():\n    setup()\n    yield\nwith conf(): pass\n",
        "n=5",
        "n=6",
    ),
    precise("in-a-default", SETUP + "def f(x=setup(5)): pass\n", "setup(5)", "setup(6)"),
    precise("in-a-base", SETUP + "class A(type(setup(5))): pass\n", "setup(5)", "setup(6)"),
    precise("in-a-comprehension", SETUP + "X = [setup(n) for n in (5,)]\n", "(5,)", "(6,)"),
    precise("in-a-display", SETUP + "X = {'a': setup(5)}\n", "setup(5)", "setup(6)"),
    precise("in-a-callback", SETUP + "X = list(map(setup, [5]))\n", "[5]", "[6]"),
    precise(
        "of-a-decorator",
        SETUP
        + "def prec(n):\n    def around(f):\n        setup(n)\n        return f\n    return around\n@prec(5)\ndef f(): pass\n",
        "prec(5)",
        "prec(6)",
    ),
    precise("of-an-operator", SETUP + "class A:\n    def __add__(self, n): setup(n)\nX = A() + 5\n", "+ 5", "+ 6"),
    precise(
        "of-a-subclass",
        SETUP + "class B:\n    def __init_subclass__(cls, n): setup(n)\nclass A(B, n=5): pass\n",
        "B, n=5",
        "B, n=6",
    ),
    precise(
        "where-it-is-no-program",
        "import decimal\nif __name__ != '__main__': decimal.getcontext().prec = 5\n",
        "= 5",
        "= 6",
    ),
    precise(
        "named-as-a-log", SETUP + "class R:\n    def error(self, n): setup(n)\nR().error(5)\n", "error(5)", "error(6)"
    ),
    precise("of-setattr", "import decimal\ndone = setattr(decimal.getcontext(), 'prec', 5)\n", "5", "6"),
    precise("of-a-function-in-a-list", SETUP + "HOOKS = [setup]\nX = [hook() for hook in HOOKS]\n", "n=5", "n=6"),
    precise(
        "of-an-object-in-a-list",
        SETUP + "class A:\n    def go(self): setup()\nL = [A()]\nfor a in L: X = a.go()\n",
        "n=5",
        "n=6",
    ),
    precise(
        "of-a-generic-function",
        SETUP
        + "import functools\n@functools.singledispatch\ndef go(n): pass\n@go.register\ndef _(n: int): setup(n)\nX = go(5)\n",
        "go(5)",
        "go(6)",
    ),
    precise(
        "by-another-name",
        "import decimal\ngo = decimal.setcontext\nX = go(decimal.Context(prec=5))\n",
        "prec=5",
        "prec=6",
    ),
    precise(
        "of-an-operator-s-constructor",
        SETUP
        + "from airflow.sdk import BaseOperator\nclass Op(BaseOperator):\n    def __init__(self, **k):\n        super().__init__(**k)\n        setup(5)\nX = Op(task_id='a')\n",
        "setup(5)",
        "setup(6)",
    ),
    precise(
        "in-what-a-task-is-given",
        SETUP + "from airflow.sdk import Param\nX = Param(setup(5))\n",
        "setup(5)",
        "setup(6)",
    ),
    # By modules that texts name.
    precise(
        "of-an-import-in-a-function",
        "def go():\n    import conf\n    return 1\nX = go()\n",
        "= 5",
        "= 6",
        files={"conf.py": PREC},
    ),
    precise(
        "of-an-import-by-text",
        "import importlib\nC = importlib.import_module('conf')\n",
        "= 5",
        "= 6",
        files={"conf.py": PREC},
    ),
    precise(
        "of-imports-in-a-loop",
        "import importlib\nfor n in ['conf']: importlib.import_module(n)\n",
        "= 5",
        "= 6",
        files={"conf.py": PREC},
    ),
    # What feeds it.
    precise(
        "fed-by-a-name-that-is-gone", "import decimal\np = 5\ndecimal.getcontext().prec = p\ndel p\n", "= 5", "= 6"
    ),
    precise(
        "fed-by-a-name-of-a-class",
        "import decimal\nclass S:\n    P = 5\n    decimal.getcontext().prec = P\n",
        "P = 5",
        "P = 6",
    ),
    precise(
        "fed-by-what-has-no-form",
        "import decimal, contextvars\nV = contextvars.ContextVar('V', default=5)\ndecimal.getcontext().prec = V.get()\n",
        "=5",
        "=6",
    ),
    precise(
        "fed-by-a-large-table",
        "import decimal\nfrom conf import T, P\nfor r in T: r.append(1)\ndecimal.getcontext().prec = P\n",
        "P = 5",
        "P = 6",
        files={"conf.py": "T = [[i] for i in range(20000)]\nP = 5\n"},
    ),
    precise(
        "fed-by-the-engine",
        "import decimal\nfrom airflow.sdk import Param\ndecimal.getcontext().prec = int(Param(5).value)\n",
        "(5)",
        "(6)",
    ),
    work(
        "effect-fed-by-the-environment",
        "import decimal\nreturn str(decimal.Decimal(1) / 3)",
        READS + "int(os.environ['REGION'])\n",
        worst=True,
        **REGION,
    ),
    work(
        "effect-fed-by-the-environment-in-a-helper",
        "import decimal\nreturn str(decimal.Decimal(1) / 3)",
        SETUP + "import os\ndef go(): setup(int(os.getenv('REGION')))\ngo()\n",
        **REGION,
    ),
    work(
        "effect-fed-by-a-file",
        "import decimal\nreturn str(decimal.Decimal(1) / 3)",
        READS + "json.load(open('@BASE@/etc/p'))\n",
        files={"etc/p": "3"},
        writes={"etc/p": "4"},
    ),
    work(
        "effect-fed-by-a-file-that-is-searched",
        "import decimal\nreturn str(decimal.Decimal(1) / 3)",
        "import glob\n" + READS + "json.load(open(glob.glob('@BASE@/etc/*')[0]))\n",
        files={"etc/p": "3"},
        writes={"etc/p": "4"},
    ),
    # What is registered.
    work(
        "effect-registered-codec",
        "return b'a'.decode('mine')",
        "import codecs\n@codecs.register\ndef find(name):\n    if name == 'mine':\n        return codecs.CodecInfo(None, lambda b, e='strict': ('a', len(b)), name='mine')\n",
        edit=("('a'", "('b'"),
    ),
    work(
        "effect-registered-class",
        "return isinstance(A(), numbers.Number)",
        "import numbers\n@numbers.Number.register\nclass A: pass\n",
        edit=("@numbers.Number.register\n", ""),
    ),
    work(
        "effect-of-a-metaclass",
        "import yaml\nreturn yaml.safe_load('!foo {a: 1}')",
        "import yaml\nclass Foo(yaml.YAMLObject):\n    yaml_tag = '!foo'\n    yaml_loader = yaml.SafeLoader\n    @classmethod\n    def from_yaml(cls, loader, node): return 1\n",
        edit=("return 1", "return 2"),
        needs=("yaml",),
    ),
    work(
        "effect-on-an-imported-name",
        "import mimetypes\nreturn mimetypes.guess_type('a.foo')[0]",
        "import mimetypes\nmimetypes.init()\nfrom mimetypes import types_map\ntypes_map |= {'.foo': 'x/a'}\n",
        edit=("x/a", "x/b"),
    ),
    # Nothing of that: what is edited is no matter.
    quiet(
        "pure-helper",
        "def load():\n    cfg = {}\n    cfg['a'] = 1\n    cfg.update(b=2)\n    return cfg\nCFG = load()\n",
        ("b=2", "b=3"),
        worst=True,
    ),
    quiet(
        "pure-class",
        "class App:\n    def __init__(self):\n        self.items = []\n        self.items.append(1)\napp = App()\n",
        ("append(1)", "append(2)"),
    ),
    quiet(
        "pure-decorator",
        "import functools\ndef timed(label):\n    def around(f):\n        @functools.wraps(f)\n        def inner(*a): return f(*a)\n        return inner\n    return around\n@timed('x')\ndef f(): return 1\n",
        ("f(): return 1", "f(): return 2"),
    ),
    quiet("own-table", "ARGS = {}\nARGS['n'] = 1\nARGS.update(m=1)\n", ("= 1", "= 2")),
    quiet("beside-an-effect", SETUP + "CFG = setup()\n" + UNRELATED, OTHER),
    quiet(
        "beside-a-level-of-the-environment",
        "import logging, os\nlogging.getLogger('x').setLevel(os.environ.get('LEVEL', 'INFO'))\n" + UNRELATED,
        OTHER,
    ),
    quiet(
        "beside-a-path",
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))\n"
        + UNRELATED,
        OTHER,
    ),
    work(
        "effect-fed-by-one-of-several-constants",
        "return 1",
        "import conf, decimal\ndecimal.getcontext().prec = conf.P\n",
        files={"conf.py": "P = 5\nQ = 1\n"},
        edits={"conf.py": ("Q = 1", "Q = 2")},
        expect=HIT,
    ),
    tasks(
        "effect-in-a-workflow-and-its-schedule",
        "import decimal\nwith DAG('d', schedule=None, tags=['couler-cache']):\n    decimal.getcontext().prec = 5\n    @task\n    def t(): return 1\n    t()\n",
        edit=("schedule=None", "schedule='@daily'"),
        expect=HIT,
    ),
    # Workflows made in a loop.
    tasks(
        "effect-of-a-function-that-makes-a-workflow",
        "import decimal\ndef make(p):\n    with DAG('d', schedule=None, tags=['couler-cache']) as dag:\n        decimal.getcontext().prec = p\n        @task\n        def t(): return str(decimal.Decimal(1) / 3)\n        t()\n    return dag\ndag = make(5)\n",
        edit=("make(5)", "make(6)"),
    ),
    tasks(
        "factory-with-a-config-changed",
        FACTORY,
        files={"c.yaml": CONFIGS},
        edits={"c.yaml": ("n: 2", "n: 3")},
        expect=HIT,
        tasks=("one.extract", "one.load"),
        worst=True,
    ),
    tasks("factory-with-a-schedule-changed", FACTORY, files={"c.yaml": CONFIGS}, edit=("None", "'@daily'"), expect=HIT),
    tasks("factory-with-a-task-changed", FACTORY, files={"c.yaml": CONFIGS}, edit=("x + 1", "x + 2")),
    tasks(
        "factory-with-another-task-changed",
        FACTORY,
        files={"c.yaml": CONFIGS},
        edit=("x + 1", "x + 2"),
        expect=HIT,
        tasks=("one.extract", "two.extract"),
    ),
)
