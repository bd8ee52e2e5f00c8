"""Code: closures, decorators, generators, async code, and what hides behind a library's wrapper."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, SAFE, Case, work

__all__ = ["CASES"]

DECORATOR = """
import functools
def scaled(n):
    def decorate(f):
        @functools.wraps(f)
        def inner(*args, **named): return f(*args, **named) * n
        return inner
    return decorate
@scaled(2)
def get(): return 1
"""
TENACITY = """
from tenacity import retry, stop_after_attempt
@retry(stop=stop_after_attempt(3))
def get(): return 1
"""
WRAPT = """
import wrapt
@wrapt.decorator
def scaled(wrapped, instance, args, named): return wrapped(*args, **named) * 2
@scaled
def get(): return 1
"""

MEMO = """
import cachetools, cachetools.func
BOX = [1]
@MEMO
def f(n): return BOX[0]
f(1)
BOX[0] = 7
"""


def frame(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case of a task with a table `FRAME`, and with a number `X` that is changed."""
    made = "import pandas as pd\nX = 1\nFRAME = pd.DataFrame({'a': [1, 2]})\n"
    edit: dict[str, Any] = {} if "expect" in case else {"edit": ("X = 1", "X = 2")}
    return work(name, body, made + top, needs=("pandas",), **edit, **case)


def named(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case of a task that finds `g` of a module, which is changed, by a text."""
    files, edits = {"h2.py": "def g(): return 1\n"}, {"h2.py": ("return 1", "return 2")}
    return work(name, body, f"import h2\n{top}", arguments="n", call="'g'", files=files, edits=edits, **case)


CASES: tuple[Case, ...] = (
    work("plain", "return 1", expect=HIT, worst=True),
    work("body", "return 1", edit=("return 1", "return 2")),
    work("mutable-default", "acc.append(1)\nreturn len(acc)", arguments="acc=[]", expect=HIT),
    work(
        "closure-cell",
        "return g()",
        "def make(v):\n    box = {'v': v}\n    def g(): return box['v']\n    return g\ng = make(1)\n",
        edit=("make(1)", "make(2)"),
    ),
    work(
        "closure-of-a-closure",
        "return g()",
        "def make(v):\n    def inner(): return v\n    return lambda: inner()\ng = make(1)\n",
        edit=("make(1)", "make(2)"),
    ),
    work(
        "closure-over-a-module",
        "return g()",
        "import rates\ndef make(m):\n    return lambda: m.rate()\ng = make(rates)\n",
        files={"rates.py": "def rate(): return 1\n"},
        edits={"rates.py": ("return 1", "return 2")},
    ),
    work(
        "closure-rebound-later",
        "return g()",
        "def make():\n    n = 1\n    def g(): return n\n    def put(v):\n        nonlocal n\n        n = v\n    return g, put\ng, put = make()\nput(1)\n",
        edit=("put(1)", "put(2)"),
    ),
    work(
        "partial",
        "return P(3)",
        "import functools\ndef f(a, b): return a * b\nP = functools.partial(f, 2)\n",
        edit=("(f, 2)", "(f, 5)"),
    ),
    work(
        "partial-attribute",
        "return P.unit",
        "import functools\ndef f(): return 1\nP = functools.partial(f)\nP.unit = 'a'\n",
        edit=("'a'", "'b'"),
    ),
    work(
        "partial-method",
        "return C().get()",
        "import functools\nclass C:\n    def _get(self, n): return n\n    get = functools.partialmethod(_get, 1)\n",
        edit=("_get, 1", "_get, 2"),
    ),
    work(
        "lru-cache-helper",
        "return f()",
        "from helping import f",
        files={"helping.py": "import functools\n@functools.lru_cache\ndef f(): return 1\n"},
        edits={"helping.py": ("return 1", "return 2")},
    ),
    work(
        "lru-cache-in-the-dag-file",
        "return f()",
        "import functools\n@functools.lru_cache\ndef f(): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "lru-cache-that-is-filled",
        "return f(1)",
        "import functools\nBOX = [1]\n@functools.lru_cache\ndef f(n): return BOX[0]\nf(1)\nBOX[0] = 7\n",
        edit=("BOX = [1]", "BOX = [2]"),
    ),
    work(
        "total-ordering",
        "return C(1) > C(2)",
        "import functools\n@functools.total_ordering\nclass C:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n < o.n\n",
        edit=("self.n < o.n", "self.n > o.n"),
    ),
    work(
        "single-dispatch-implementation",
        "return area(3)",
        "import functools\n@functools.singledispatch\ndef area(x): return 0\n@area.register\ndef _(x: int): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "single-dispatch-registered-elsewhere",
        "return area(3)",
        "from areas import area\nimport more\n",
        files={
            "areas.py": "import functools\n@functools.singledispatch\ndef area(x): return 0\n",
            "more.py": "from areas import area\n@area.register\ndef _(x: int): return 1\n",
        },
        edits={"more.py": ("return 1", "return 2")},
    ),
    work("decorator-argument", "return get()", DECORATOR, edit=("@scaled(2)", "@scaled(3)")),
    work("decorator-body", "return get()", DECORATOR, edit=(") * n", ") + n")),
    work("decorated-body", "return get()", DECORATOR, edit=("def get(): return 1", "def get(): return 2")),
    work(
        "decorator-keeps-a-registry",
        "return sum(f() for f in JOBS.values())",
        "JOBS = {}\ndef job(f):\n    JOBS[f.__name__] = f\n    return f\n@job\ndef a(): return 1\n",
        edit=("def a(): return 1", "def a(): return 2"),
    ),
    work(
        "decorator-class",
        "return get()",
        "class Counted:\n    def __init__(self, f): self.f, self.n = f, 0\n    def __call__(self): return self.f() + self.n\n@Counted\ndef get(): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "decorator-of-the-task-body",
        "return 1",
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*args, **named): return f(*args, **named) * 2\n    return inner\n",
        mark="@twice",
        edit=("* 2", "* 3"),
    ),
    work(
        "decorator-of-the-task-and-its-body",
        "return 1",
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*args, **named): return f(*args, **named) * 2\n    return inner\n",
        mark="@twice",
        edit=("        return 1", "        return 5"),
    ),
    work(
        "wraps-another-function",
        "return get()",
        "import functools\ndef other(): return 9\n@functools.wraps(other)\ndef get(): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work("tenacity-body", "return get()", TENACITY, edit=("return 1", "return 2"), needs=("tenacity",)),
    work("tenacity-same", "return get()", TENACITY, expect=HIT, needs=("tenacity",)),
    work(
        "tenacity-attempts",
        "return get.retry.stop.max_attempt_number",
        TENACITY,
        edit=("attempt(3)", "attempt(4)"),
        needs=("tenacity",),
    ),
    work("wrapt-wrapper", "return get()", WRAPT, edit=("* 2", "* 3"), needs=("wrapt",)),
    work("wrapt-body", "return get()", WRAPT, edit=("return 1", "return 2"), needs=("wrapt",)),
    work("wrapt-same", "return get()", WRAPT, expect=HIT, needs=("wrapt",)),
    work(
        "cachetools-body",
        "return get()",
        "import cachetools.func\n@cachetools.func.ttl_cache()\ndef get(): return 1\n",
        edit=("return 1", "return 2"),
        needs=("cachetools",),
    ),
    work(
        "cachetools-dict-that-is-filled",
        "return f(1)",
        MEMO.replace("MEMO", "cachetools.cached({})"),
        edit=("BOX = [1]", "BOX = [2]"),
        needs=("cachetools",),
        worst=True,
    ),
    work(
        "cachetools-ttl-that-is-filled",
        "return f(1)",
        MEMO.replace("MEMO", "cachetools.cached(cachetools.TTLCache(9, 9999))"),
        edit=("BOX = [1]", "BOX = [2]"),
        needs=("cachetools",),
    ),
    work(
        "cachetools-lru-that-is-filled",
        "return f(1)",
        MEMO.replace("MEMO", "cachetools.func.lru_cache()"),
        edit=("BOX = [1]", "BOX = [2]"),
        needs=("cachetools",),
    ),
    work(
        "cachetools-same",
        "return f(1)",
        MEMO.replace("MEMO", "cachetools.cached({})"),
        expect=HIT,
        needs=("cachetools",),
    ),
    work(
        "validate-call-body",
        "return get(1)",
        "from pydantic import validate_call\n@validate_call\ndef get(n: int): return n\n",
        edit=("return n", "return n + 1"),
        needs=("pydantic",),
    ),
    work(
        "context-manager-function",
        "with given() as n:\n    return n",
        "import contextlib\n@contextlib.contextmanager\ndef given():\n    yield 1\n",
        edit=("yield 1", "yield 2"),
    ),
    work(
        "exit-stack-callback",
        "with contextlib.ExitStack() as stack:\n    box = []\n    stack.callback(fill, box)\nreturn box",
        "import contextlib\ndef fill(box): box.append(1)\n",
        edit=("append(1)", "append(2)"),
    ),
    work("generator-function", "return list(given())", "def given():\n    yield 1\n", edit=("yield 1", "yield 2")),
    work("generator-expression", "return sum(x * RATE for x in (1, 2))", "RATE = 2\n", edit=("RATE = 2", "RATE = 3")),
    work(
        "async-helper",
        "return asyncio.run(get())",
        "import asyncio\nasync def get(): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work("async-helper-same", "return asyncio.run(get())", "import asyncio\nasync def get(): return 1\n", expect=HIT),
    work(
        "async-gather",
        "async def all_of():\n    return await asyncio.gather(get(1), get(2))\nreturn asyncio.run(all_of())",
        "import asyncio\nasync def get(n): return n\n",
        edit=("return n", "return n * 2"),
    ),
    work(
        "async-generator",
        "async def all_of():\n    return [n async for n in given()]\nreturn asyncio.run(all_of())",
        "import asyncio\nasync def given():\n    yield 1\n",
        edit=("yield 1", "yield 2"),
    ),
    work(
        "thread-pool",
        "with ThreadPoolExecutor(2) as pool:\n    return list(pool.map(get, [1, 2]))",
        "from concurrent.futures import ThreadPoolExecutor\ndef get(n): return n\n",
        edit=("return n", "return n * 2"),
    ),
    work(
        "thread-pool-same",
        "with ThreadPoolExecutor(2) as pool:\n    return list(pool.map(get, [1, 2]))",
        "from concurrent.futures import ThreadPoolExecutor\ndef get(n): return n\n",
        expect=HIT,
    ),
    work(
        "thread-target",
        "box = []\nt = threading.Thread(target=fill, args=(box,))\nt.start()\nt.join()\nreturn box",
        "import threading\ndef fill(box): box.append(1)\n",
        edit=("append(1)", "append(2)"),
    ),
    work(
        "method-by-getattr",
        "return getattr(helping, NAME)()",
        "import helping\nNAME = 'a'\n",
        files={"helping.py": "def a(): return 1\ndef b(): return 2\n"},
        edits={"helping.py": ("return 1", "return 3")},
    ),
    work(
        "method-name-by-getattr",
        "return getattr(helping, NAME)()",
        "import helping\nNAME = 'a'\n",
        files={"helping.py": "def a(): return 1\ndef b(): return 2\n"},
        edit=("'a'", "'b'"),
    ),
    work(
        "object-method-by-getattr",
        "return getattr(X, 'g' + 'et')()",
        "class C:\n    def get(self): return 1\nX = C()\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "dispatch-table", "return TABLE['a']()", "def a(): return 1\nTABLE = {'a': a}\n", edit=("return 1", "return 2")
    ),
    work(
        "dispatch-table-of-strings",
        "return globals()[TABLE['a']]()",
        "def f(): return 1\nTABLE = {'a': 'f'}\n",
        edit=("return 1", "return 2"),
    ),
    work("eval-of-an-expression", "return eval(RULE)", "RATE = 1\nRULE = 'RATE * 2'\n", edit=("RATE = 1", "RATE = 2")),
    work(
        "exec-of-code",
        "box = {}\nexec(CODE, box)\nreturn box['n']",
        "CODE = 'from rates import n'\n",
        files={"rates.py": "n = 1\n"},
        edits={"rates.py": ("n = 1", "n = 2")},
    ),
    work(
        "recursion",
        "return f(3)",
        "def f(n): return n if n < 1 else g(n - 1)\ndef g(n): return f(n) + 1\n",
        edit=("+ 1", "+ 2"),
    ),
    work(
        "sort-key", "return sorted([1, -2, 3], key=key)", "def key(n): return n\n", edit=("return n", "return abs(n)")
    ),
    work("lambda-in-a-table", "return RULES[0](2)", "RULES = [lambda x: x * 2]\n", edit=("* 2", "* 3")),
    work(
        "lambdas-by-address",
        "return RULES.rule(2)",
        "from types import SimpleNamespace\nRULES = SimpleNamespace(rule=lambda x: x * 2)\n",
        edit=("* 2", "* 3"),
    ),
    work(
        "match-statement",
        "match x:\n    case {'a': n}:\n        return n\n    case _:\n        return 0",
        arguments="x",
        call="{'a': 1}",
        edit=("return n", "return n + 1"),
    ),
    work(
        "walrus-and-comprehension",
        "return [y for x in (1, 2) if (y := x * RATE) > 1]",
        "RATE = 2\n",
        edit=("RATE = 2", "RATE = 3"),
    ),
    work("function-attribute", "return get.rate", "def get(): return 0\nget.rate = 1\n", edit=("rate = 1", "rate = 2")),
    work(
        "default-is-a-helper",
        "return how()",
        "def get(): return 1\n",
        arguments="how=get",
        edit=("return 1", "return 2"),
    ),
    work("keyword-default-of-a-helper", "return get()", "def get(*, n=1): return n\n", edit=("n=1", "n=2")),
    work(
        "default-made-at-definition",
        "return get()",
        "RATE = 1\ndef get(n=RATE * 2): return n\n",
        edit=("RATE = 1", "RATE = 2"),
    ),
    work(
        "annotations-of-a-helper",
        "return get.__annotations__['n'].__name__",
        "def get(n: int): return n\n",
        edit=("n: int", "n: str"),
    ),
    work(
        "signature-of-a-helper",
        "import inspect\nreturn str(inspect.signature(get))",
        "def get(n: int): return n\n",
        edit=("n: int", "n: str"),
    ),
    work("doc-of-a-helper", "return get.__doc__", "def get():\n    'one'\n", edit=("'one'", "'two'")),
    work(
        "source-of-a-helper",
        "import inspect\nreturn inspect.getsource(get)",
        "def get():\n    return 1  # one\n",
        edit=("# one", "# two"),
    ),
    work(
        "name-of-a-helper",
        "return get.__name__",
        "def a(): return 1\nget = a\n",
        edit=("def a(): return 1\nget = a", "def b(): return 1\nget = b"),
    ),
    work("line-number", "import sys\nreturn sys._getframe().f_lineno", "# a\n", edit=("# a\n", "# a\n# b\n")),
    work(
        "assertion-text",
        "try:\n    check(1)\nexcept AssertionError as error:\n    return str(error)",
        "def check(n): assert n > 2, 'too few'\n",
        edit=("'too few'", "'too small'"),
    ),
    work(
        "global-that-a-helper-writes",
        "return bump()",
        "N = 0\ndef bump():\n    global N\n    N += 1\n    return N\n",
        edit=("N += 1", "N += 2"),
    ),
    work(
        "imported-later-in-a-branch",
        "if x:\n    from rates import rate\n    return rate()\nreturn 0",
        arguments="x",
        call="1",
        files={"rates.py": "def rate(): return 1\n"},
        edits={"rates.py": ("return 1", "return 2")},
    ),
    work(
        "super-in-a-helper-class",
        "return B().get()",
        "class A:\n    def get(self): return 1\nclass B(A):\n    def get(self): return super().get() * 2\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "ufunc-of-a-helper",
        "return np.vectorize(f)(np.array([1, 2])).tolist()",
        "import numpy as np\ndef f(x): return x\n",
        edit=("return x\n", "return x * 2\n"),
        needs=("numpy",),
    ),
    work(
        "apply-of-a-helper",
        "return pd.Series([1, 2]).apply(f).tolist()",
        "import pandas as pd\ndef f(x): return x\n",
        edit=("return x\n", "return x * 2\n"),
        needs=("pandas",),
    ),
    work(
        "numpy-vectorized-same",
        "return float(np.vectorize(lambda x: x)(pd.Series([1, 2, 3]).to_numpy())[0])",
        "import numpy as np, pandas as pd\n",
        expect=HIT,
        needs=("pandas",),
    ),
    frame("query-with-a-global", "return len(FRAME.query('a > @X'))"),
    frame("query-with-a-function", "return len(FRAME.query('@keep(a)'))", "def keep(s): return s > X\n"),
    frame("query-of-a-text", "return len(FRAME.query(Q))", "Q = 'a > @X'\n"),
    frame("query-of-a-text-in-a-table", "return len(FRAME.query(Q['x']))", "Q = {'x': 'a > @X'}\n"),
    frame("query-of-an-argument", "return len(FRAME.query(q))", arguments="q", call="'a > @X'"),
    frame("query-in-a-helper", "return len(few(FRAME))", "def few(f): return f.query('a > @X')\n"),
    frame("frame-evaluates-a-global", "return int(FRAME.eval('a * @X').sum())"),
    frame("pandas-evaluates-a-global", "return int(pd.eval('X + 1'))"),
    frame("query-of-columns", "return len(FRAME.query('a > 1'))", expect=HIT),
    frame("query-of-columns-of-a-text", "return len(FRAME.query(Q))", "Q = 'a > 1'\n", expect=HIT),
    work(
        "query-of-a-session",
        "return S().query(S).get('a')",
        "class S:\n    def query(self, cls): return {'a': 1}\n",
        expect=HIT,
    ),
    work(
        "query-of-an-address",
        "return urlsplit(u).query",
        "from urllib.parse import urlsplit\n",
        arguments="u",
        call="'http://h/?a=1'",
        expect=HIT,
    ),
    named(
        "named-by-airflow", "from airflow.sdk.module_loading import import_string\nreturn import_string('h2.' + n)()"
    ),
    named("named-by-pkgutil", "import pkgutil\nreturn pkgutil.resolve_name('h2:' + n)()"),
    named("named-by-pydoc", "return locate('h2.' + n)()", "from pydoc import locate\n"),
    named(
        "named-by-pydantic",
        "return TypeAdapter(ImportString).validate_python('h2.' + n)()",
        "from pydantic import ImportString, TypeAdapter\n",
        needs=("pydantic",),
    ),
    named(
        "named-by-yaml",
        "import yaml\nreturn yaml.unsafe_load('!!python/name:h2.' + n)()",
        needs=("yaml",),
    ),
    named(
        "named-by-a-loader-of-yaml",
        "return yaml.load('!!python/name:h2.' + n, Loader=yaml.UnsafeLoader)()",
        "import yaml\n",
        needs=("yaml",),
    ),
    work("attribute-named-as-a-clock", "return x.sample", "class S: sample = 3\nx = S()\n", expect=HIT),
    work("takes-the-task-instance", "return 1", arguments="ti=None", expect=SAFE),
    work("takes-all-of-the-run", "return 1", arguments="**kwargs", expect=SAFE),
    work(
        "compiled-code-object", "return eval(CODE)", "CODE = compile('1 + 1', 'x', 'eval')\n", edit=("1 + 1", "1 + 2")
    ),
    work(
        "typing-overload-and-cast",
        "return typing.cast(int, get())",
        "import typing\ndef get(): return 1\n",
        edit=("return 1", "return 2"),
    ),
    work(
        "name-of-a-function-that-is-made-of-code",
        "return F.__name__",
        "import types\ndef g(): return 1\nF = types.FunctionType(g.__code__, {}, 'a')\n",
        edit=("'a'", "'b'"),
    ),
    work(
        "parameters-of-lru-cache",
        "return f.cache_parameters()['maxsize']",
        "import functools\n@functools.lru_cache(maxsize=5)\ndef f(): return 1\n",
        edit=("maxsize=5", "maxsize=6"),
    ),
)
