"""Building blocks of task programs: what a task may read, where that may stand, and what may change.

`@` in a text is the number of the block in its program; `/BASE/` is the folder of the program.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["BLOCKS", "PLACES", "Block", "Change"]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A change of a program.

    Attributes:
        old: a text, of the code or of a file; or the name of an environment variable with a `$` before it.
        new: what takes its place.
        is_idle: whether it must cost nothing: an everyday edit. It counts only where the result is the same.
    """

    old: str
    new: str
    is_idle: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A piece of a program.

    Attributes:
        name: of it.
        top: what stands at the top of a module.
        expression: what reads it.
        changes: what may change.
        files: files that it needs, by their paths.
        env: environment variables that it needs.
        is_refused: whether it is never kept, on purpose.
        needs: a module without which it is left out.
    """

    name: str
    top: str
    expression: str
    changes: Sequence[Change]
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_refused: bool = False
    needs: str = "os"


NOTE = "# nothing of note @\n"
IDLE = Change("# nothing of note @", "# something else @", is_idle=True)


def _reader(
    name: str, top: str, expression: str, one: str = "1\n", two: str = "2\n", file: str = "x@.txt", **more: Any
) -> Block:
    reads = expression.replace("FILE", f"'/BASE/{file}'")
    return Block(name, NOTE + top, reads, (Change(one, two), IDLE), files={file: one}, **more)


def _setting(name: str, top: str, expression: str) -> Block:
    return Block(name, NOTE + top, expression, (Change("$REGION@", "us"), IDLE), env={"REGION@": "eu"})


def _code(name: str, top: str, expression: str, old: str, new: str) -> Block:
    return Block(name, NOTE + top, expression, (Change(old, new), IDLE))


def _chance(name: str, top: str, expression: str) -> Block:
    return Block(name, top, expression, (Change("", ""),), is_refused=True)


ALL: tuple[Block, ...] = (
    # Values.
    _code("integer", "RATE@ = 1", "RATE@", "RATE@ = 1", "RATE@ = 2"),
    _code("table", "TABLE@ = {'a': [1, (2, 3)]}", "TABLE@['a'][1]", "(2, 3)", "(2, 4)"),
    _code("set", "SET@ = {'a', 'b'}", "sorted(SET@)", "'b'}", "'c'}"),
    _code(
        "dict subclass",
        "class D@(dict):\n    def rate(self): return self['r'] * 2\nCFG@ = D@(r=1)",
        "CFG@.rate()",
        "* 2",
        "* 3",
    ),
    _code(
        "text subclass",
        "class S@(str):\n    def sql(self): return 'select ' + self\nT@ = S@('t')",
        "T@.sql()",
        "select",
        "delete",
    ),
    _code(
        "default dict",
        "from collections import defaultdict\nDD@ = defaultdict(lambda: 1)",
        "DD@['x']",
        "lambda: 1",
        "lambda: 2",
    ),
    _code(
        "namespace",
        "from types import SimpleNamespace\nNS@ = SimpleNamespace(f=lambda x: x + 1)",
        "NS@.f(1)",
        "x + 1",
        "x + 2",
    ),
    _code("counter", "from collections import Counter\nCO@ = Counter('aab')", "CO@['a']", "'aab'", "'abb'"),
    _code("iterator", "IT@ = iter([1, 2])", "next(IT@)", "[1, 2]", "[2, 2]"),
    _code(
        "array",
        "import numpy as np\nAR@ = np.array([200, 1], dtype='uint8')",
        "int((AR@ + AR@)[0])",
        "'uint8'",
        "'int64'",
    ),
    _code("frame", "import pandas as pd\nDF@ = pd.DataFrame({'a': [1, 2]})", "int(DF@.a.sum())", "[1, 2]", "[1, 3]"),
    _code("pattern", "import re\nPA@ = re.compile('a')", "bool(PA@.match('A'))", "compile('a')", "compile('a', re.I)"),
    # Classes.
    _code(
        "plain object",
        "class C@:\n    def __init__(self, r): self.r = r\n    def get(self): return self.r * 2\nX@ = C@(1)",
        "X@.get()",
        "C@(1)",
        "C@(2)",
    ),
    _code("method", "class M@:\n    def get(self): return 5 * 2\nX@ = M@()", "X@.get()", "5 * 2", "5 * 3"),
    _code(
        "dataclass",
        "import dataclasses\n@dataclasses.dataclass\nclass DC@:\n    r: int = 1\n    def get(self): return self.r + 10",
        "DC@().get()",
        "+ 10",
        "+ 20",
    ),
    _code(
        "default factory",
        "import dataclasses\n@dataclasses.dataclass\nclass DF@:\n    r: list = dataclasses.field(default_factory=lambda: [1])",
        "DF@().r",
        "[1]",
        "[2]",
    ),
    _code("attrs", "import attrs\n@attrs.define\nclass AT@:\n    r: int = 1", "AT@().r", "int = 1", "int = 2"),
    _code(
        "pydantic",
        "from pydantic import BaseModel\nclass PY@(BaseModel):\n    r: int = 1\n    def get(self): return self.r * 2\nP@ = PY@()",
        "P@.get()",
        "* 2",
        "* 3",
    ),
    _code(
        "enum",
        "import enum\nclass E@(enum.Enum):\n    A = 1\n    def get(self): return self.value + 1",
        "E@.A.get()",
        "+ 1",
        "+ 2",
    ),
    _code(
        "descriptor",
        "class De@:\n    def __get__(self, o, c): return 1 + 1\nclass H@:\n    d = De@()",
        "H@().d",
        "1 + 1",
        "1 + 2",
    ),
    _code(
        "cached property",
        "import functools\nclass CP@:\n    @functools.cached_property\n    def r(self): return 3 + 1",
        "CP@().r",
        "3 + 1",
        "3 + 2",
    ),
    _code(
        "metaclass",
        "class Me@(type):\n    @property\n    def r(cls): return 4 + 1\nclass MC@(metaclass=Me@): pass",
        "MC@.r",
        "4 + 1",
        "4 + 2",
    ),
    _code(
        "attribute hook",
        "class G@:\n    def __getattr__(self, n): return 6 + 1\nX@ = G@()",
        "X@.anything",
        "6 + 1",
        "6 + 2",
    ),
    _code(
        "slots",
        "class SL@:\n    __slots__ = ('r',)\n    def __init__(self, r): self.r = r\nX@ = SL@(1)",
        "X@.r",
        "SL@(1)",
        "SL@(2)",
    ),
    # Code.
    _code("function", "def f@(): return 1 + 1", "f@()", "1 + 1", "1 + 2"),
    _code(
        "decorator",
        "import functools\ndef deco@(f):\n    @functools.wraps(f)\n    def inner(): return f() * 2\n    return inner\n@deco@\ndef g@(): return 1",
        "g@()",
        "f() * 2",
        "f() * 3",
    ),
    _code("closure", "def make@(n): return lambda: n\nh@ = make@(1)", "h@()", "make@(1)", "make@(2)"),
    _code("cache", "import functools\n@functools.lru_cache\ndef l@(): return 7 + 1", "l@()", "7 + 1", "7 + 2"),
    _code(
        "registry",
        "R@ = {}\ndef reg@(f):\n    R@['f'] = f\n    return f\n@reg@\ndef r@(): return 8 + 1",
        "R@['f']()",
        "8 + 1",
        "8 + 2",
    ),
    _code(
        "context effect",
        "import decimal\ndecimal.getcontext().prec = 5",
        "str(decimal.Decimal(1) / 7)",
        "prec = 5",
        "prec = 6",
    ),
    _code("monkeypatch", "import textwrap\ntextwrap.made@ = lambda: 9 + 1", "textwrap.made@()", "9 + 1", "9 + 2"),
    # Readers and settings.
    _reader("open", "", "open(FILE).read()"),
    _reader("path", "from pathlib import Path", "Path(FILE).read_text()"),
    _reader("line cache", "import linecache", "linecache.getline(FILE, 1)"),
    _reader("load text", "import numpy as np", "float(np.loadtxt(FILE))"),
    _reader("read csv", "import pandas as pd", "pd.read_csv(FILE).columns[0]"),
    _reader("at import", "CONTENT@ = open('/BASE/x@.txt').read()", "CONTENT@"),
    _reader(
        "ini",
        "import configparser\ndef ini@(p):\n    c = configparser.ConfigParser()\n    c.read(p)\n    return c['m']['r']",
        "ini@(FILE)",
        "[m]\nr=1\n",
        "[m]\nr=2\n",
    ),
    _setting("environment", "import os", "os.environ['REGION@']"),
    _setting("environment at import", "import os\nRE@ = os.environ['REGION@']", "RE@"),
    _setting(
        "environment in a class",
        "import os\nclass En@:\n    def __init__(self): self.r = os.environ['REGION@']\nX@ = En@()",
        "X@.r",
    ),
    _setting("expanded", "import os", "os.path.expandvars('$REGION@')"),
    # Readers in compiled code.
    _reader("memory map", "import numpy as np", "int(np.memmap(FILE, dtype='u1', mode='r')[0])"),
    _reader("numbers", "import numpy as np", "int(np.fromfile(FILE, dtype='u1')[0])"),
    _reader(
        "mapped file",
        "import mmap\ndef map@(p):\n    with open(p) as f:\n        return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)[:]",
        "map@(FILE)",
    ),
    _reader(
        "database",
        "import sqlite3",
        "sqlite3.connect(FILE).execute('select n from t').fetchone()[0]",
        "create table t as select 1 as n;",
        "create table t as select 2 as n;",
        "x@.db",
    ),
    _reader(
        "attached database",
        "import sqlite3\ndef att@(p):\n    c = sqlite3.connect(':memory:')\n"
        "    c.execute(f'attach {p!r} as e')\n    return c.execute('select n from e.t').fetchone()[0]",
        "att@(FILE)",
        "create table t as select 1 as n;",
        "create table t as select 2 as n;",
        "x@.db",
    ),
    _reader("arrow", "import pyarrow.csv as pc", "pc.read_csv(FILE).column_names[0]", needs="pyarrow"),
    _reader("arrow's map", "import pyarrow as pa", "pa.memory_map(FILE).read()", needs="pyarrow", is_refused=True),
    # What is there.
    _reader("size", "import os", "os.path.getsize(FILE)", "1\n", "12\n"),
    _reader("json", "import json\nfrom pathlib import Path", "json.loads(Path(FILE).read_bytes())"),
    _reader("program", "import subprocess", "subprocess.check_output(['cat', FILE])", is_refused=True),
    # Chance, which changes by itself.
    _chance("clock", "import time", "time.time()"),
    _chance("renamed clock", "from time import time as at@", "at@()"),
    _chance("today", "import datetime as dt", "dt.datetime.now().isoformat()"),
    _chance("name", "import uuid", "str(uuid.uuid4())"),
    _chance("draw", "import random", "random.random()"),
    _chance("draw of numbers", "import numpy as np", "float(np.random.rand())"),
    _chance("address", "", "id(object())"),
)
BLOCKS: tuple[Block, ...] = tuple(block for block in ALL if importlib.util.find_spec(block.needs) is not None)

PLACES: Mapping[str, tuple[str, str]] = {
    "body": ("", "EXPRESSION"),
    "helper": ("def place@(): return EXPRESSION", "place@()"),
    "nested": ("def place@():\n    def inner(): return EXPRESSION\n    return inner()", "place@()"),
    "lambda": ("PLACE@ = {'f': lambda: EXPRESSION}", "PLACE@['f']()"),
    "method": ("class Place@:\n    def get(self): return EXPRESSION", "Place@().get()"),
    "static": ("class Place@:\n    @staticmethod\n    def get(): return EXPRESSION", "Place@.get()"),
    "property": ("class Place@:\n    @property\n    def get(self): return EXPRESSION", "Place@().get"),
    "partial": (
        "import functools\ndef place@(n): return EXPRESSION\nPLACE@ = functools.partial(place@, 0)",
        "PLACE@()",
    ),
    "generator": ("def inner@():\n    yield EXPRESSION\ndef place@(): return next(inner@())", "place@()"),
    "async": (
        "import asyncio\nasync def inner@(): return EXPRESSION\ndef place@(): return asyncio.run(inner@())",
        "place@()",
    ),
    "default": ("def place@(): return EXPRESSION\ndef outer@(how=place@): return how()", "outer@()"),
    "object": ("class Place@:\n    def __call__(self): return EXPRESSION\nPLACE@ = Place@()", "PLACE@()"),
}
"""Where an expression may stand: what stands at the top of the module for it, and what calls it."""
