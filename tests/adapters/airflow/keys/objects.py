"""Objects that hold more than they say they are made of, and functions that are held where nobody looks for them."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import VALUES, Case, Run, work

__all__ = ["CASES"]

REGION: dict[str, Any] = {"first": Run(env={"REGION": "1"}), "second": Run(env={"REGION": "2"})}
GROWN: dict[str, Any] = {"files": {"etc/f": "1"}, "writes": {"etc/f": "123"}}
MADE = """
    def __new__(cls, *given, unit):
        made = super().__new__(cls, *given)
        made.unit = unit
        return made
"""
SET = """
    def __init__(self, *given, unit, **named):
        super().__init__(*given, **named)
        object.__setattr__(self, 'unit', unit)
"""


def measure(name: str, base: str, text: str, value: str, *needs: str) -> Case:
    """Return a case of an object of a class made of a library's, which gets one more attribute."""
    top = f"import {base.partition('.')[0]}\nclass Measure({base}):{text}\nM = {value}"
    return work(f"object-{name}", "return M.unit", top, edit=("'EUR'", "'USD'"), layer=VALUES, needs=needs)


def held(name: str, body: str, top: str, old: str = "", new: str = "", **case: Any) -> Case:
    """Return a case of a global, of which something is changed."""
    if old:
        case["edit"] = (old, new)
    return work(f"object-{name}", body, top, layer=VALUES, **case)


CASES: tuple[Case, ...] = (
    measure("of-a-path", "pathlib.PosixPath", MADE, "Measure('/a', unit='EUR')"),
    measure("of-a-decimal", "decimal.Decimal", MADE, "Measure('1', unit='EUR')"),
    measure("of-a-date", "datetime.date", MADE, "Measure(2024, 1, 1, unit='EUR')"),
    measure("of-a-span", "datetime.timedelta", MADE, "Measure(2, unit='EUR')"),
    measure("of-a-fraction", "fractions.Fraction", MADE, "Measure(1, 2, unit='EUR')"),
    measure("of-a-counter", "collections.Counter", SET, "Measure(a=1, unit='EUR')"),
    measure("of-a-defaultdict", "collections.defaultdict", SET, "Measure(list, unit='EUR')"),
    measure("of-an-address", "ipaddress.IPv4Address", SET, "Measure('1.1.1.1', unit='EUR')"),
    measure("of-a-frame", "pandas.DataFrame", SET, "Measure({'a': [1]}, unit='EUR')", "pandas"),
    measure("of-a-series", "pandas.Series", SET, "Measure([1], unit='EUR')", "pandas"),
    measure("of-a-session", "requests.Session", SET, "Measure(unit='EUR')", "requests"),
    held(
        "array-with-a-unit",
        "return M.unit",
        "import numpy as np\nclass A(np.ndarray): pass\ndef of(unit):\n    made = np.asarray([1]).view(A)\n"
        "    made.unit = unit\n    return made\nM = of('EUR')",
        "'EUR'",
        "'USD'",
        needs=("numpy",),
    ),
    held(
        "months-of-a-duration",
        "return (pendulum.datetime(2026, 1, 31) + STEP).isoformat()",
        "import pendulum\nSTEP = pendulum.duration(months=1)",
        "months=1",
        "days=30",
    ),
    held(
        "member-with-a-label",
        "return Color.RED.label",
        "from enum import Enum\nclass Color(Enum):\n    def __new__(cls, value, label):\n        made = object.__new__(cls)\n"
        "        made._value_, made.label = value, label\n        return made\n    RED = 1, 'red'",
        "'red'",
        "'rot'",
    ),
    held(
        "member-with-a-variable",
        "return Region.EU.url",
        "import os\nfrom enum import Enum\nclass Region(Enum):\n    EU = 'eu'\n"
        "    def __init__(self, value): self.url = os.environ.get('REGION')",
        **REGION,
    ),
    held("logger-name", "return LOG.name", "import logging\nLOG = logging.getLogger('a')", "r('a')", "r('b')"),
    held(
        "logger-adapter",
        "return LOG.extra['tenant']",
        "import logging\nLOG = logging.LoggerAdapter(logging.getLogger('x'), {'tenant': 'a'})",
        "'tenant': 'a'",
        "'tenant': 'b'",
    ),
    held(
        "logger-of-a-class",
        "return LOG.total(3)",
        "import logging\nclass Counting(logging.Logger):\n    def total(self, n): return n * 2\nLOG = Counting('x')",
        "n * 2",
        "n * 3",
    ),
    held(
        "semaphore",
        "free = 0\nwhile FREE.acquire(blocking=False): free += 1\nreturn free",
        "import threading\nFREE = threading.Semaphore(3)",
        "(3)",
        "(4)",
    ),
    held(
        "made-by-a-class",
        "return dict(make('ab', 2))",
        "class Doubling(dict):\n    def __setitem__(self, k, v): super().__setitem__(k, v * 2)\nmake = Doubling.fromkeys",
        "v * 2",
        "v * 3",
    ),
    held(
        "classes-below",
        "return [one.n for one in below()]",
        "class Base: pass\nclass One(Base): n = 1\nbelow = Base.__subclasses__",
        "n = 1",
        "n = 2",
    ),
    held(
        "function-of-arrays",
        "return int(double(3))",
        "import numpy as np\ndouble = np.frompyfunc(lambda x: x * 2, 1, 1)",
        "x * 2",
        "x * 3",
        needs=("numpy",),
    ),
    held(
        "arguments-of-a-base",
        "return Users().load()",
        "from typing import Generic, TypeVar, get_args\nT = TypeVar('T')\nclass Repository(Generic[T]):\n"
        "    def load(self): return get_args(type(self).__orig_bases__[0])[0].__name__\nclass Users(Repository[int]): pass",
        "[int]",
        "[str]",
    ),
    held(
        "documentation-in-a-schema",
        "return Row.model_json_schema()",
        "from pydantic import BaseModel\nclass Row(BaseModel):\n    '''Old text.'''\n    x: int = 1",
        "Old text",
        "New text",
        needs=("pydantic",),
    ),
    held(
        "annotation-that-is-checked",
        "from pydantic import validate_call\nreturn repr(validate_call(f)('5'))",
        "def f(x: int): return x",
        "x: int",
        "x: str",
        needs=("pydantic",),
    ),
    held("documentation-by-a-text", "return getattr(f, '__doc__')", "def f(x):\n    'a'", "'a'", "'b'"),
    held(
        "values-in-their-order",
        "return [name for name in Columns.__dict__ if name[0] != '_']",
        "class Columns:\n    a = 1\n    b = 2",
        "a = 1\n    b = 2",
        "b = 2\n    a = 1",
    ),
    held(
        "status-as-a-default",
        "return of('@BASE@/etc/f').st_size",
        "import os\ndef of(p, s=os.stat): return s(p)",
        **GROWN,
    ),
    held("status-in-a-table", "return GET['s']('@BASE@/etc/f').st_size", "import os\nGET = {'s': os.stat}", **GROWN),
    held(
        "folder-by-a-factory",
        "return Settings().root",
        "import os\nfrom dataclasses import dataclass, field\n@dataclass\nclass Settings:\n"
        "    root: str = field(default_factory=os.getcwd)",
        first=Run(folder="x"),
        second=Run(folder="y"),
    ),
)
