"""What changes the form of a function, and what does not."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.keys import digest

Files = Mapping[str, str]
ALL = ("steps_main", "steps_help", "steps_deep")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    forget()


def forget() -> None:
    importlib.invalidate_caches()
    for name in ALL:
        sys.modules.pop(name, None)


def load(folder: Path, main: str, files: Files | None = None) -> Any:
    forget()
    for name, text in {"steps_main.py": main, **(files or {})}.items():
        (folder / name).write_text(text)
    return importlib.import_module("steps_main")


def form_of(folder: Path, main: str, files: Files | None = None) -> str:
    """The form of the function `work` of a module, with the modules behind it."""
    forms = Fingerprint()
    form = forms.form(load(folder, main, files).work)
    assert forms.objections == []
    return digest([form, forms.sources.form])


def work(top: str, result: str) -> str:
    return f"{top}\ndef work():\n    return {result}\n"


HELP = "import steps_deep\nRATE = 2\ndef helped(x):\n    return x * RATE\ndef other():\n    return 1\n"
HELPED = "from steps_help import helped\ndef work():\n    return helped(3)\n"
FILES = {"steps_help.py": HELP, "steps_deep.py": "D = 1\n"}
HIDING = """
from types import SimpleNamespace as N
class C:
    def __init__(self, a): self.a = a
    def __repr__(self): return "C"
"""
EDITED = FILES | {"steps_help.py": HELP.replace("return 1", "return 2")}
LATE = "def work():\n    import steps_help\n    return steps_help.other()\n"
WRAPT = work(
    "import wrapt\ndef g(): return {}\n@wrapt.decorator\n"
    "def deco(w, i, a, k): return w() * 1\n@deco\ndef f(): return g()",
    "f()",
)
SAME: dict[str, tuple[Any, Any]] = {
    "a comment": (work("X = 1", "X"), work("X = 1  # one", "X")),
    "documentation": (work("def f():\n    'a'\n    return 1", "f()"), work("def f():\n    'b'\n    return 1", "f()")),
    "a struct made anew": (work("import struct\nX = struct.Struct('i')", "X.size"),) * 2,
    "a context variable made anew": (work("from contextvars import ContextVar\nX = ContextVar('x')", "X.get()"),) * 2,
    "another function": (work("def g(): return 1", "2"), work("def g(): return 2", "2")),
    "another constant": (work("X = 1", "2"), work("X = 3", "2")),
    "an import": (work("import json", "2"), work("import json, math", "2")),
    "a class that it does not use": (work("class C: a = 1", "2"), work("class C: a = 2", "2")),
    "a function of a helper that it does not use": (
        (HELPED, FILES),
        (HELPED, EDITED),
    ),
    "a constant of a module behind a helper": ((HELPED, FILES), (HELPED, FILES | {"steps_deep.py": "D = 2\n"})),
    "sharing of what cannot be changed": (
        work("import decimal\nA = decimal.Decimal(1)\nB = [A, A]", "B"),
        work("import decimal\nB = [decimal.Decimal(1), decimal.Decimal(1)]", "B"),
    ),
}
OTHER: dict[str, tuple[Any, Any]] = {
    "a struct": (
        work("import struct\nX = struct.Struct('i')", "X.size"),
        work("import struct\nX = struct.Struct('d')", "X.size"),
    ),
    "what a context variable is by default": (
        work("from contextvars import ContextVar\nX = ContextVar('x', default=1)", "X.get()"),
        work("from contextvars import ContextVar\nX = ContextVar('x', default=2)", "X.get()"),
    ),
    "what a context variable is": (
        work("from contextvars import ContextVar\nX = ContextVar('x')\nX.set(1)", "X.get()"),
        work("from contextvars import ContextVar\nX = ContextVar('x')\nX.set(2)", "X.get()"),
    ),
    "two context variables": (
        work("from contextvars import ContextVar\nX = ContextVar('x')\nY = X", "X.set(1) and Y.get(2)"),
        work("from contextvars import ContextVar\nX = ContextVar('x')\nY = ContextVar('x')", "X.set(1) and Y.get(2)"),
    ),
    "two weak sets": (
        work("from weakref import WeakSet\nX = Y = WeakSet()", "X.add(work) or len(Y)"),
        work("from weakref import WeakSet\nX, Y = WeakSet(), WeakSet()", "X.add(work) or len(Y)"),
    ),
    "a comparison": (
        work("import functools\nX = functools.cmp_to_key(lambda a, b: a - b)", "sorted([1, 2], key=X)"),
        work("import functools\nX = functools.cmp_to_key(lambda a, b: b - a)", "sorted([1, 2], key=X)"),
    ),
    "what a comparison holds": (
        work("import functools\nX = functools.cmp_to_key(lambda a, b: a - b)(1)", "X.obj"),
        work("import functools\nX = functools.cmp_to_key(lambda a, b: a - b)(2)", "X.obj"),
    ),
    "a list in a shared tuple": (work("A = (1, [2])\nB = [A, A]", "B"), work("B = [(1, [2]), (1, [2])]", "B")),
    "what is behind a decorator of compiled code": (WRAPT.format(1), WRAPT.format(2)),
    "what a decorator of compiled code calls": (WRAPT.format(1).replace("* 1", "* 3"), WRAPT.format(1)),
    "sharing": (work("A = [1]\nB = [A, A]", "B"), work("A = [1]\nB = [[1], [1]]", "B")),
    "which of two is shared": (
        work("A, B = [1], [1]\nX = [A, B, A]", "X"),
        work("A, B = [1], [1]\nX = [A, B, B]", "X"),
    ),
    "what a cached function holds already": (
        work("import functools\nB = [1]\n@functools.lru_cache\ndef f(): return B[0]\nf()\nB[0] = 7", "f()"),
        work("import functools\nB = [2]\n@functools.lru_cache\ndef f(): return B[0]\nf()\nB[0] = 7", "f()"),
    ),
    "what a function cached without a limit holds": (
        work("import functools\nB = [1]\n@functools.cache\ndef f(): return B[0]\nf()\nB[0] = 7", "f()"),
        work("import functools\nB = [2]\n@functools.cache\ndef f(): return B[0]\nf()\nB[0] = 7", "f()"),
    ),
    "a method of a dict's subclass": (
        work("class C(dict):\n    def r(self): return 1\nX = C(a=1)", "X.r()"),
        work("class C(dict):\n    def r(self): return 2\nX = C(a=1)", "X.r()"),
    ),
    "the content of a dict's subclass": (
        work("class C(dict): pass\nX = C(a=1)", "X"),
        work("class C(dict): pass\nX = C(a=2)", "X"),
    ),
    "a method of a number's subclass": (
        work("import decimal\nclass C(decimal.Decimal):\n    def r(self): return 1\nX = C('1')", "X.r()"),
        work("import decimal\nclass C(decimal.Decimal):\n    def r(self): return 2\nX = C('1')", "X.r()"),
    ),
    "a slot": (
        work("class C:\n    __slots__ = ('a',)\nX = C()\nX.a = 1", "X.a"),
        work("class C:\n    __slots__ = ('a',)\nX = C()\nX.a = 2", "X.a"),
    ),
    "what a repr hides": (
        work(
            HIDING + "X = N(c=C(1))",
            "X.c.a",
        ),
        work(
            HIDING + "X = N(c=C(2))",
            "X.c.a",
        ),
    ),
    "the factory of a defaultdict": (
        work("from collections import defaultdict\nX = defaultdict(lambda: 1)", "X['a']"),
        work("from collections import defaultdict\nX = defaultdict(lambda: 2)", "X['a']"),
    ),
    "a lambda in a table": (work("X = {'a': lambda: 1}", "X['a']()"), work("X = {'a': lambda: 2}", "X['a']()")),
    "a cached property": (
        work("import functools\nclass C:\n    @functools.cached_property\n    def a(self): return 1", "C().a"),
        work("import functools\nclass C:\n    @functools.cached_property\n    def a(self): return 2", "C().a"),
    ),
    "a default factory": (
        work(
            "import dataclasses as d\n@d.dataclass\nclass C:\n    a: int = d.field(default_factory=lambda: 1)", "C().a"
        ),
        work(
            "import dataclasses as d\n@d.dataclass\nclass C:\n    a: int = d.field(default_factory=lambda: 2)", "C().a"
        ),
    ),
    "a default": (
        work("import dataclasses as d\n@d.dataclass\nclass C:\n    a: int = 1", "C().a"),
        work("import dataclasses as d\n@d.dataclass\nclass C:\n    a: int = 2", "C().a"),
    ),
    "an attribute with two underscores": (work("class C: __a__ = 1", "C.__a__"), work("class C: __a__ = 2", "C.__a__")),
    "a dispatched function": (
        work(
            "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1",
            "f(1)",
        ),
        work(
            "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 2",
            "f(1)",
        ),
    ),
    "a cached function": (
        work("import functools\n@functools.lru_cache\ndef f(): return 1", "f()"),
        work("import functools\n@functools.lru_cache\ndef f(): return 2", "f()"),
    ),
    "the precision of numbers": (
        work("import decimal\ndecimal.getcontext().prec = 5", "1"),
        work("import decimal\ndecimal.getcontext().prec = 6", "1"),
    ),
    "a patch of a helper's import": (
        (HELPED, FILES),
        (HELPED, FILES | {"steps_deep.py": "import json\njson.extra = 2\n"}),
    ),
    "what a patch puts in": (
        work("import json\ndef f(): return 1\njson.extra = f", "1"),
        work("import json\ndef f(): return 2\njson.extra = f", "1"),
    ),
    "a registration by a decorator": (
        work("import atexit\n@atexit.register\ndef f(): return 1\natexit.unregister(f)", "1"),
        work("import atexit\n@atexit.register\ndef f(): return 2\natexit.unregister(f)", "1"),
    ),
    "a helper": ((HELPED, FILES), (HELPED, FILES | {"steps_help.py": HELP.replace("x * RATE", "x + RATE")})),
    "a constant of a helper": (
        (HELPED, FILES),
        (HELPED, FILES | {"steps_help.py": HELP.replace("RATE = 2", "RATE = 3")}),
    ),
    "a module that was not loaded": (
        (
            work("", "__import_help()").replace(
                "return __import_help()", "import steps_help\n    return steps_help.other()"
            ),
            FILES,
        ),
        (
            work("", "__import_help()").replace(
                "return __import_help()", "import steps_help\n    return steps_help.other()"
            ),
            EDITED,
        ),
    ),
    "a module in a list": (
        (work("import steps_help\nALL = [steps_help]", "[m.other() for m in ALL]"), FILES),
        (
            work("import steps_help\nALL = [steps_help]", "[m.other() for m in ALL]"),
            EDITED,
        ),
    ),
    "the type of an array": (
        work("import array\nX = array.array('i', [1])", "X"),
        work("import array\nX = array.array('l', [1])", "X"),
    ),
    "a zone": (
        work(
            "import datetime as d, zoneinfo as z\nX = d.time(1, tzinfo=z.ZoneInfo('Europe/Paris'))",
            "X",
        ),
        work(
            "import datetime as d, zoneinfo as z\nX = d.time(1, tzinfo=z.ZoneInfo('Europe/Berlin'))",
            "X",
        ),
    ),
    "the state of a generator": (
        work("import random\nX = random.Random(1)", "X.choice([1])"),
        work("import random\nX = random.Random(2)", "X.choice([1])"),
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_changes_nothing_gives_the_same_form(folder: Path, what: str) -> None:
    one, other = (item if isinstance(item, tuple) else (item, None) for item in SAME[what])
    assert form_of(folder, *one) == form_of(folder, *other)


@pytest.mark.parametrize("what", OTHER)
def test_what_may_change_a_result_gives_another_form(folder: Path, what: str) -> None:
    one, other = (item if isinstance(item, tuple) else (item, None) for item in OTHER[what])
    first = form_of(folder, *one)
    assert form_of(folder, *one) == first
    assert form_of(folder, *other) != first


@pytest.mark.parametrize(
    ("value", "too_large"),
    [
        ("A = [1]\nfor _ in range(40): A = [A, A]", False),
        ("A = list(range(200_000))", True),
        ("A = b'x' * (65 << 20)", True),
        ("A = {str(i): [i] for i in range(90_000)}", True),
    ],
    ids=["nested references", "many numbers", "many bytes", "a large table"],
)
def test_large_values_end_soon(folder: Path, value: str, too_large: bool) -> None:
    main = load(folder, work(value, "A"))
    forms, started = Fingerprint(), time.thread_time()
    objections = forms.objections
    try:
        forms.form(main.work)
    except Uncacheable as error:
        objections += error.objections
    assert time.thread_time() - started < 2
    assert {item.rule for item in objections} == ({"too-large"} if too_large else set())


@pytest.mark.parametrize("made", ["WeakSet([C])", "WeakValueDictionary({1: C})", "WeakKeyDictionary({C: 1})"])
def test_what_may_be_gone_any_time_has_no_form(folder: Path, made: str) -> None:
    forms = Fingerprint()
    forms.form(load(folder, work(f"import weakref\nclass C: pass\nX = weakref.{made}", "len(X)")).work)
    assert f"a {made.partition('(')[0]} holds something" in forms.objections[0].reason


def test_a_table_that_is_filled_while_it_is_looked_at_has_a_form() -> None:
    table: dict[str, Any] = {}

    class Filling:
        def __getattr__(self, name: str) -> None:
            table["more"] = 1
            raise AttributeError(name)

    table["one"] = Filling()
    assert Fingerprint().form(table)[0] == "dict"
    assert "more" in table
