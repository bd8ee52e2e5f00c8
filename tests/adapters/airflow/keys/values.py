"""Values: globals, arguments and XComs that any task could tell apart, or could not."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, SAFE, VALUES, Case, Run, tasks, work

__all__ = ["CASES"]

NUMPY, PANDAS = ("numpy",), ("pandas",)
ALLOWED = {"AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* models.*"}


def constant(name: str, value: str, other: str, body: str = "return repr(X)", top: str = "", **case: Any) -> Case:
    """Return a case of a global that gets another value."""
    edit = (f"X = {value}\n", f"X = {other}\n")
    return work(name, body, f"{top}\nX = {value}\n", edit=edit, layer=VALUES, **case)


def same(
    name: str, value: str, other: str = "", body: str = "return 1 if X else 0", top: str = "", **case: Any
) -> Case:
    """Return a case of a global that is written in another way, or made anew."""
    return constant(name, value, other or value, body, top, expect=HIT, **case)


def passed(name: str, value: str, other: str, top: str = "", body: str = "return repr(m)", **case: Any) -> Case:
    """Return a case of a value that one task hands to the next."""
    text = f"""{top}
with DAG("d", schedule=None, tags=["couler-cache"]):
    @never
    @task
    def up():
        return {value}
    @task
    def down(m):
        {body}
    down(up())
"""
    edit = (f"return {value}\n", f"return {other}\n")
    return tasks(name, text, edit=edit, layer=VALUES, **case)


VARIABLE = "contextvars.ContextVar('x'"
SET = f"import contextvars\ndef set_to(n):\n    v = {VARIABLE})\n    v.set(n)\n    return v\n"
WEAK = "import weakref\nclass C: pass\n"
COMPARISON = "import functools\ndef by(a, b): return b - a\n"

CASES: tuple[Case, ...] = (
    # What Python's library cannot take apart.
    same("global-struct", "struct.Struct('<id')", body="return X.size", top="import struct"),
    constant(
        "global-struct-format", "struct.Struct('<id')", "struct.Struct('<i')", body="return X.size", top="import struct"
    ),
    same("global-context-variable", f"{VARIABLE}, default=1)", body="return X.get()", top="import contextvars"),
    constant(
        "global-context-variable-default",
        f"{VARIABLE}, default=1)",
        f"{VARIABLE}, default=2)",
        body="return X.get()",
        top="import contextvars",
    ),
    constant("global-context-variable-set", "set_to(1)", "set_to(2)", body="return X.get(0)", top=SET, expect=SAFE),
    same("global-weak-set", "weakref.WeakSet()", body="return len(X)", top="import weakref"),
    constant("global-weak-set-filled", "weakref.WeakSet([C])", "weakref.WeakSet()", body="return len(X)", top=WEAK),
    same("global-comparison", "functools.cmp_to_key(by)", body="return sorted([1, 3, 2], key=X)", top=COMPARISON),
    work(
        "global-comparison-edited",
        "return sorted([1, 3, 2], key=X)",
        f"{COMPARISON}X = functools.cmp_to_key(by)\n",
        edit=("b - a", "a - b"),
        layer=VALUES,
    ),
    # XComs: two values that differ as little as can be.
    passed("xcom-negative-zero", "0.0", "-0.0", expect=SAFE),
    passed("xcom-true-and-one", "1", "True"),
    passed("xcom-integer-and-float", "1", "1.0", expect=SAFE),
    passed("xcom-tuple-and-list", "(1, 2)", "[1, 2]"),
    passed("xcom-set", "{1, 2}", "{2, 3}", body="return sorted(m)"),
    passed("xcom-bytes-and-text", "b'a'", "'a'"),
    passed("xcom-large-integer", "2**40", "2**40 + 1"),
    passed("xcom-none-and-empty", "{'a': None}", "{'a': {}}"),
    passed("xcom-unicode-forms", r"'\u00e9'", r"'e\u0301'"),
    passed("xcom-order-of-keys", "{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
    passed("xcom-integer-keys", "{1: 'a'}", "{2: 'a'}"),
    passed(
        "xcom-zones",
        "datetime(2026, 1, 1, tzinfo=ZoneInfo('Europe/Berlin'))",
        "datetime(2026, 1, 1, tzinfo=ZoneInfo('Europe/Paris'))",
        top="from datetime import datetime\nfrom zoneinfo import ZoneInfo",
    ),
    passed(
        "xcom-fold",
        "datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo('Europe/Berlin'))",
        "datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo('Europe/Berlin'))",
        top="from datetime import datetime\nfrom zoneinfo import ZoneInfo",
        body="return m.timestamp()",
    ),
    passed("xcom-decimal-scale", "Decimal('1.0')", "Decimal('1.00')", top="from decimal import Decimal", expect=SAFE),
    passed(
        "xcom-numpy-scalar-type",
        "np.uint8(200)",
        "np.int64(200)",
        top="import numpy as np",
        body="return repr(m)",
        needs=NUMPY,
        expect=SAFE,
    ),
    passed(
        "xcom-frame",
        "pd.DataFrame({'a': [1, 2]})",
        "pd.DataFrame({'a': [1, 3]})",
        top="import pandas as pd",
        body="return int(m.a.sum())",
        needs=("pandas", "pyarrow"),
    ),
    tasks(
        "xcom-namedtuple",
        """
        import collections
        P = collections.namedtuple("P", "a b")
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return P(1, 2)
            @task
            def down(m): return repr(m)
            down(up())
        """,
        expect=SAFE,
        layer=VALUES,
    ),
    tasks(
        "xcom-ordered-dict",
        """
        import collections
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return collections.OrderedDict(a=1)
            @task
            def down(m): return repr(m)
            down(up())
        """,
        expect=SAFE,
        layer=VALUES,
    ),
    tasks(
        "xcom-enum-of-text",
        """
        import enum
        class E(str, enum.Enum):
            A = "a"
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return E.A
            @task
            def down(m): return repr(m)
            down(up())
        """,
        expect=SAFE,
        layer=VALUES,
    ),
    tasks(
        "xcom-dict-subclass",
        """
        class Row(dict):
            pass
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return Row(a=1)
            @task
            def down(m): return m["a"]
            down(up())
        """,
        expect=HIT,
        layer=VALUES,
    ),
    tasks(
        "xcom-default-dict",
        """
        from collections import defaultdict
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up():
                counts = defaultdict(int)
                for word in ("a", "b", "a"):
                    counts[word] += 1
                return counts
            @task
            def down(m): return m["a"]
            down(up())
        """,
        expect=HIT,
        layer=VALUES,
    ),
    tasks(
        "xcom-model-with-a-method",
        """
        from models import M
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return M(r=1)
            @task
            def down(m): return m.total()
            down(up())
        """,
        files={
            "models.py": "from pydantic import BaseModel\nclass M(BaseModel):\n    r: int = 1\n    def total(self): return self.r * 2\n"
        },
        edits={"models.py": ("* 2", "* 3")},
        first=Run(env=ALLOWED),
        needs=("pydantic",),
        layer=VALUES,
    ),
    tasks(
        "xcom-dataclass-with-a-method",
        """
        from models import M
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return M(r=1)
            @task
            def down(m): return m.total()
            down(up())
        """,
        files={
            "models.py": "import dataclasses\n@dataclasses.dataclass\nclass M:\n    r: int = 1\n    def total(self): return self.r * 2\n"
        },
        edits={"models.py": ("* 2", "* 3")},
        first=Run(env=ALLOWED),
        layer=VALUES,
    ),
    tasks(
        "xcom-frame-and-its-sum",
        """
        import pandas as pd
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return pd.DataFrame({"a": [1, 2]})
            @task
            def down(df): return int(df.a.sum())
            down(up())
        """,
        expect=HIT,
        needs=("pandas", "pyarrow"),
        layer=VALUES,
    ),
    tasks(
        "xcom-pushed-beside",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            @cached(context=("ds",))
            def t(ti=None):
                ti.xcom_push("k", {"a": (1, 2)})
                return 1
            @never
            @task
            def u(ti=None): return repr(ti.xcom_pull(task_ids="t", key="k"))
            t() >> u()
        """,
        expect=SAFE,
        layer=VALUES,
    ),
    # Globals: forms that lose something.
    constant(
        "namespace-of-objects",
        "SimpleNamespace(c=C(1))",
        "SimpleNamespace(c=C(2))",
        "return X.c.rate",
        "from types import SimpleNamespace\nclass C:\n    def __init__(self, rate): self.rate = rate\n    def __repr__(self): return 'C()'\n",
        worst=True,
    ),
    constant(
        "namespace-of-an-array",
        "SimpleNamespace(w=made(1))",
        "SimpleNamespace(w=made(2))",
        "return int(X.w[1500])",
        "from types import SimpleNamespace\nimport numpy as np\ndef made(n):\n    w = np.zeros(3000); w[1500] = n\n    return w\n",
        needs=NUMPY,
    ),
    constant(
        "default-dict-factory",
        "defaultdict(lambda: 1, us=5)",
        "defaultdict(lambda: 2, us=5)",
        "return X['eu']",
        "from collections import defaultdict",
    ),
    constant(
        "default-dict-class",
        "defaultdict(int)",
        "defaultdict(list)",
        "return repr(X['eu'])",
        "from collections import defaultdict",
    ),
    constant(
        "array-type",
        "np.array([200, 1], dtype='uint8')",
        "np.array([200, 1], dtype='int64')",
        "return int((X + X)[0])",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "array-shape", "np.zeros((0, 3))", "np.zeros((0, 4))", "return str(X.shape)", "import numpy as np", needs=NUMPY
    ),
    constant(
        "array-order",
        "np.array([[1, 2], [3, 4]])",
        "np.asfortranarray([[1, 2], [3, 4]])",
        "return X.ravel(order='K').tolist()",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "array-of-objects",
        "np.array([{'a': 1}], dtype=object)",
        "np.array([{'a': 2}], dtype=object)",
        "return X[0]['a']",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "array-masked",
        "np.ma.array([1, 2], mask=[0, 1])",
        "np.ma.array([1, 2], mask=[1, 0])",
        "return int(X.sum())",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "array-field-names",
        "np.zeros(1, dtype=[('a', 'i4')])",
        "np.zeros(1, dtype=[('b', 'i4')])",
        "return X.dtype.names[0]",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "array-writable",
        "np.arange(3)",
        "frozen(np.arange(3))",
        "return bool(X.flags.writeable)",
        "import numpy as np\ndef frozen(a):\n    a.flags.writeable = False\n    return a\n",
        needs=NUMPY,
    ),
    constant(
        "numpy-scalar-type",
        "np.float32(0.1)",
        "np.float64(np.float32(0.1))",
        "return str(X.dtype)",
        "import numpy as np",
        needs=NUMPY,
    ),
    constant(
        "frame-index-frequency",
        "pd.Series([1, 2], index=pd.DatetimeIndex(['2026-01-01', '2026-01-02'], freq='D'))",
        "pd.Series([1, 2], index=pd.DatetimeIndex(['2026-01-01', '2026-01-02']))",
        "return str(X.index.freq)",
        "import pandas as pd",
        needs=PANDAS,
    ),
    constant(
        "frame-attributes",
        "tagged('a')",
        "tagged('b')",
        "return X.attrs['unit']",
        "import pandas as pd\ndef tagged(unit):\n    frame = pd.DataFrame({'a': [1]})\n    frame.attrs['unit'] = unit\n    return frame\n",
        needs=PANDAS,
    ),
    constant(
        "frame-column-type",
        "pd.DataFrame({'a': pd.Series([1], dtype='int8')})",
        "pd.DataFrame({'a': pd.Series([1], dtype='int64')})",
        "return str(X.a.dtype)",
        "import pandas as pd",
        needs=PANDAS,
    ),
    constant(
        "frame-categories",
        "pd.Series(['a'], dtype=pd.CategoricalDtype(['a', 'b']))",
        "pd.Series(['a'], dtype=pd.CategoricalDtype(['a', 'c']))",
        "return list(X.cat.categories)",
        "import pandas as pd",
        needs=PANDAS,
    ),
    constant(
        "frame-column-names",
        "pd.DataFrame([[1, 2]], columns=pd.Index(['a', 'b'], name='k'))",
        "pd.DataFrame([[1, 2]], columns=pd.Index(['a', 'b'], name='l'))",
        "return X.columns.name",
        "import pandas as pd",
        needs=PANDAS,
    ),
    constant(
        "date-and-timestamp",
        "date(2026, 1, 1)",
        "datetime(2026, 1, 1)",
        "return type(X).__name__",
        "from datetime import date, datetime",
    ),
    constant(
        "pendulum-zone",
        "pendulum.datetime(2026, 1, 1, tz='Europe/Berlin')",
        "pendulum.datetime(2026, 1, 1, tz='Europe/Paris')",
        "return X.timezone_name",
        "import pendulum",
    ),
    constant(
        "time-delta",
        "timedelta(seconds=1)",
        "timedelta(seconds=1, microseconds=1)",
        "return X.total_seconds()",
        "from datetime import timedelta",
    ),
    constant("pattern-flags", "re.compile('a')", "re.compile('a', re.I)", "return bool(X.match('A'))", "import re"),
    constant("range-step", "range(0, 9)", "range(0, 9, 2)", "return len(X)"),
    constant("slice", "slice(0, 1)", "slice(0, 2)", "return 'abc'[X]"),
    constant("bytes-and-bytearray", "b'ab'", "bytearray(b'ab')", "return type(X).__name__"),
    constant("memory-view", "memoryview(b'ab')", "memoryview(b'ac')", "return bytes(X).decode()"),
    constant(
        "array-of-the-library", "array('i', [1])", "array('l', [1])", "return X.typecode", "from array import array"
    ),
    constant(
        "counter",
        "Counter('aab')",
        "Counter('abb')",
        "return X.most_common(1)[0][0]",
        "from collections import Counter",
    ),
    constant(
        "chain-map",
        "ChainMap({'a': 1}, {'a': 2})",
        "ChainMap({'a': 3}, {'a': 2})",
        "return X['a']",
        "from collections import ChainMap",
    ),
    constant(
        "deque-limit",
        "deque([1, 2], maxlen=2)",
        "deque([1, 2], maxlen=3)",
        "return X.maxlen",
        "from collections import deque",
    ),
    constant(
        "frozen-mapping",
        "MappingProxyType({'a': 1})",
        "MappingProxyType({'a': 2})",
        "return X['a']",
        "from types import MappingProxyType",
    ),
    constant(
        "namedtuple-defaults",
        "namedtuple('P', 'a', defaults=[1])",
        "namedtuple('P', 'a', defaults=[2])",
        "return X().a",
        "from collections import namedtuple",
    ),
    constant(
        "itemgetter",
        "itemgetter('a')",
        "itemgetter('b')",
        "return X({'a': 1, 'b': 2})",
        "from operator import itemgetter",
    ),
    constant(
        "method-caller",
        "methodcaller('upper')",
        "methodcaller('lower')",
        "return X('aB')",
        "from operator import methodcaller",
    ),
    constant("generator-as-a-global", "(n for n in (1, 2))", "(n for n in (3, 4))", "return next(X)"),
    constant("iterator-as-a-global", "iter([1, 2])", "iter([3, 4])", "return next(X)"),
    constant("counting-iterator", "itertools.count(1)", "itertools.count(5)", "return next(X)", "import itertools"),
    constant(
        "iterator-half-used",
        "used(0)",
        "used(1)",
        "return next(X)",
        "def used(n):\n    it = iter([1, 2, 3])\n    for _ in range(n): next(it)\n    return it\n",
    ),
    constant(
        "path-flavour",
        "PurePosixPath('a')",
        "PureWindowsPath('a')",
        "return type(X).__name__",
        "from pathlib import PurePosixPath, PureWindowsPath",
    ),
    constant("text-with-a-lone-surrogate", r"'\ud800'", r"'\ud801'", "return ord(X)"),
    constant(
        "decimal-context-object",
        "decimal.Context(prec=3)",
        "decimal.Context(prec=5)",
        "return str(X.divide(1, 3))",
        "import decimal",
    ),
    constant(
        "weak-reference",
        "weakref.ref(A)",
        "weakref.ref(B)",
        "return X().n",
        "import weakref\nclass C:\n    def __init__(self, n): self.n = n\nA, B = C(1), C(2)\n",
    ),
    constant(
        "context-variable",
        "ContextVar('x', default=1)",
        "ContextVar('x', default=2)",
        "return X.get()",
        "from contextvars import ContextVar",
    ),
    constant(
        "thread-local",
        "local(1)",
        "local(2)",
        "return X.n",
        "import threading\ndef local(n):\n    box = threading.local()\n    box.n = n\n    return box\n",
    ),
    constant(
        "lock-beside-a-rate",
        "Client(1)",
        "Client(2)",
        "return X.rate",
        "import threading\nclass Client:\n    def __init__(self, rate):\n        self.lock = threading.Lock()\n        self.rate = rate\n",
    ),
    constant(
        "cycle", "ring(1)", "ring(2)", "return X[0][1]", "def ring(n):\n    a = [None, n]\n    a[0] = a\n    return a\n"
    ),
    constant("shared-or-equal", "[L, L]", "[L, list(L)]", "X[0].append(1)\nreturn len(X[1])", "L = [0]\n"),
    constant("exception-instance", "ValueError('a')", "ValueError('b')", "return str(X)"),
    constant(
        "notes-of-an-exception",
        "noted('a')",
        "noted('b')",
        "return X.__notes__[0]",
        "def noted(text):\n    error = ValueError('x')\n    error.add_note(text)\n    return error\n",
    ),
    constant(
        "jinja-template",
        "Template('a {{ x }}')",
        "Template('b {{ x }}')",
        "return X.render(x=1)",
        "from jinja2 import Template",
    ),
    constant(
        "sklearn-estimator",
        "Ridge(alpha=1.0)",
        "Ridge(alpha=2.0)",
        "return X.alpha",
        "from sklearn.linear_model import Ridge",
        needs=("sklearn",),
    ),
    constant(
        "sqlalchemy-query", "text('select 1')", "text('select 2')", "return str(X)", "from sqlalchemy import text"
    ),
    constant(
        "yaml-loader-subclass",
        "Loader",
        "Other",
        "import yaml\nreturn yaml.load('1', X)",
        "import yaml\nclass Loader(yaml.SafeLoader): pass\nclass Other(yaml.BaseLoader): pass\n",
    ),
    # The same, written or made anew.
    same("set-in-another-order", "{'a', 'b', 'c'}", "{'c', 'b', 'a'}"),
    same("text-joined", "'ab'", "'a' 'b'"),
    same("number-written-otherwise", "1_000", "1000"),
    same(
        "array-made-anew",
        "np.arange(3)",
        "np.array([0, 1, 2])",
        "return int(X.sum())",
        "import numpy as np",
        needs=NUMPY,
    ),
    same(
        "frame-made-anew", "pd.DataFrame({'a': [1]})", "", "return int(X.a.sum())", "import pandas as pd", needs=PANDAS
    ),
    same(
        "object-made-anew",
        "C(1)",
        "C(rate=1)",
        "return X.rate",
        "class C:\n    def __init__(self, rate): self.rate = rate\n",
    ),
    same("path-made-anew", "Path('/data')", "Path('/') / 'data'", "return str(X / 'x')", "from pathlib import Path"),
    same("equal-arguments-of-a-mapping", "[1, True, 1.0, '1', -0.0, 0.0]", "", "return [repr(x) for x in X]"),
    same(
        "ordered-dict",
        "OrderedDict(a=1)",
        "OrderedDict([('a', 1)])",
        "return X['a']",
        "from collections import OrderedDict",
    ),
    same("counter-made-anew", "Counter('ab')", "", "return X['a']", "from collections import Counter"),
    same("default-dict-made-anew", "defaultdict(int)", "", "return X['a']", "from collections import defaultdict"),
    same("slice-made-anew", "slice(0, 2)", "", "return 'abc'[X]"),
    same("namespace-made-anew", "SimpleNamespace(a=1)", "", "return X.a", "from types import SimpleNamespace"),
    same("itemgetter-made-anew", "itemgetter('a')", "", "return X({'a': 1})", "from operator import itemgetter"),
    same("deque-made-anew", "deque([1], maxlen=2)", "", "return X.maxlen", "from collections import deque"),
)
