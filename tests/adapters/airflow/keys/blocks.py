"""Building blocks of task programs, and where they may stand."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from adapters.airflow.keys.block import Block, chance, code, reader, setting
from adapters.airflow.keys.seams import SEAMS

__all__ = ["BLOCKS", "PLACES"]

ALL: tuple[Block, ...] = (
    # Values.
    code("integer", "RATE@ = 1", "RATE@", "RATE@ = 1", "RATE@ = 2"),
    code("table", "TABLE@ = {'a': [1, (2, 3)]}", "TABLE@['a'][1]", "(2, 3)", "(2, 4)"),
    code("set", "SET@ = {'a', 'b'}", "sorted(SET@)", "'b'}", "'c'}"),
    code(
        "dict subclass",
        "class D@(dict):\n    def rate(self): return self['r'] * 2\nCFG@ = D@(r=1)",
        "CFG@.rate()",
        "* 2",
        "* 3",
    ),
    code(
        "text subclass",
        "class S@(str):\n    def sql(self): return 'choose ' + self\nT@ = S@('t')",
        "T@.sql()",
        "choose",
        "leave",
    ),
    code(
        "default dict",
        "from collections import defaultdict\nDD@ = defaultdict(lambda: 1)",
        "DD@['x']",
        "lambda: 1",
        "lambda: 2",
    ),
    code(
        "namespace",
        "from types import SimpleNamespace\nNS@ = SimpleNamespace(f=lambda x: x + 1)",
        "NS@.f(1)",
        "x + 1",
        "x + 2",
    ),
    code("counter", "from collections import Counter\nCO@ = Counter('aab')", "CO@['a']", "'aab'", "'abb'"),
    code("iterator", "IT@ = iter([1, 2])", "next(IT@)", "[1, 2]", "[2, 2]"),
    code(
        "array",
        "import numpy as np\nAR@ = np.array([200, 1], dtype='uint8')",
        "int((AR@ + AR@)[0])",
        "'uint8'",
        "'int64'",
    ),
    code("frame", "import pandas as pd\nDF@ = pd.DataFrame({'a': [1, 2]})", "int(DF@.a.sum())", "[1, 2]", "[1, 3]"),
    code("pattern", "import re\nPA@ = re.compile('a')", "bool(PA@.match('A'))", "compile('a')", "compile('a', re.I)"),
    # Classes.
    code(
        "plain object",
        "class C@:\n    def __init__(self, r): self.r = r\n    def get(self): return self.r * 2\nX@ = C@(1)",
        "X@.get()",
        "C@(1)",
        "C@(2)",
    ),
    code("method", "class M@:\n    def get(self): return 5 * 2\nX@ = M@()", "X@.get()", "5 * 2", "5 * 3"),
    code(
        "dataclass",
        "import dataclasses\n@dataclasses.dataclass\nclass DC@:\n    r: int = 1\n    def get(self): return self.r + 10",
        "DC@().get()",
        "+ 10",
        "+ 20",
    ),
    code(
        "default factory",
        "import dataclasses\n@dataclasses.dataclass\nclass DF@:\n    r: list = dataclasses.field(default_factory=lambda: [1])",
        "DF@().r",
        "[1]",
        "[2]",
    ),
    code("attrs", "import attrs\n@attrs.define\nclass AT@:\n    r: int = 1", "AT@().r", "int = 1", "int = 2"),
    code(
        "pydantic",
        "from pydantic import BaseModel\nclass PY@(BaseModel):\n    r: int = 1\n    def get(self): return self.r * 2\nP@ = PY@()",
        "P@.get()",
        "* 2",
        "* 3",
    ),
    code(
        "enum",
        "import enum\nclass E@(enum.Enum):\n    A = 1\n    def get(self): return self.value + 1",
        "E@.A.get()",
        "+ 1",
        "+ 2",
    ),
    code(
        "descriptor",
        "class De@:\n    def __get__(self, o, c): return 1 + 1\nclass H@:\n    d = De@()",
        "H@().d",
        "1 + 1",
        "1 + 2",
    ),
    code(
        "cached property",
        "import functools\nclass CP@:\n    @functools.cached_property\n    def r(self): return 3 + 1",
        "CP@().r",
        "3 + 1",
        "3 + 2",
    ),
    code(
        "metaclass",
        "class Me@(type):\n    @property\n    def r(cls): return 4 + 1\nclass MC@(metaclass=Me@): pass",
        "MC@.r",
        "4 + 1",
        "4 + 2",
    ),
    code(
        "attribute hook",
        "class G@:\n    def __getattr__(self, n): return 6 + 1\nX@ = G@()",
        "X@.anything",
        "6 + 1",
        "6 + 2",
    ),
    code(
        "slots",
        "class SL@:\n    __slots__ = ('r',)\n    def __init__(self, r): self.r = r\nX@ = SL@(1)",
        "X@.r",
        "SL@(1)",
        "SL@(2)",
    ),
    # Code.
    code("function", "def f@(): return 1 + 1", "f@()", "1 + 1", "1 + 2"),
    code(
        "decorator",
        "import functools\ndef deco@(f):\n    @functools.wraps(f)\n    def inner(): return f() * 2\n    return inner\n@deco@\ndef g@(): return 1",
        "g@()",
        "f() * 2",
        "f() * 3",
    ),
    code("closure", "def make@(n): return lambda: n\nh@ = make@(1)", "h@()", "make@(1)", "make@(2)"),
    code("cache", "import functools\n@functools.lru_cache\ndef l@(): return 7 + 1", "l@()", "7 + 1", "7 + 2"),
    code(
        "registry",
        "R@ = {}\ndef reg@(f):\n    R@['f'] = f\n    return f\n@reg@\ndef r@(): return 8 + 1",
        "R@['f']()",
        "8 + 1",
        "8 + 2",
    ),
    code(
        "context effect",
        "import decimal\ndecimal.getcontext().prec = 5",
        "str(decimal.Decimal(1) / 7)",
        "prec = 5",
        "prec = 6",
    ),
    code("monkeypatch", "import textwrap\ntextwrap.made@ = lambda: 9 + 1", "textwrap.made@()", "9 + 1", "9 + 2"),
    # Readers and settings.
    reader("open", "", "open(FILE).read()"),
    reader("path", "from pathlib import Path", "Path(FILE).read_text()"),
    reader("line cache", "import linecache", "linecache.getline(FILE, 1)"),
    reader("load text", "import numpy as np", "float(np.loadtxt(FILE))"),
    reader("read csv", "import pandas as pd", "pd.read_csv(FILE).columns[0]"),
    reader("at import", "CONTENT@ = open('/BASE/x@.txt').read()", "CONTENT@"),
    reader(
        "ini",
        "import configparser\ndef ini@(p):\n    c = configparser.ConfigParser()\n    c.read(p)\n    return c['m']['r']",
        "ini@(FILE)",
        "[m]\nr=1\n",
        "[m]\nr=2\n",
    ),
    setting("environment", "import os", "os.environ['REGION@']"),
    setting("environment at import", "import os\nRE@ = os.environ['REGION@']", "RE@"),
    setting(
        "environment in a class",
        "import os\nclass En@:\n    def __init__(self): self.r = os.environ['REGION@']\nX@ = En@()",
        "X@.r",
    ),
    setting("expanded", "import os", "os.path.expandvars('$REGION@')"),
    # Readers in compiled code.
    reader("memory map", "import numpy as np", "int(np.memmap(FILE, dtype='u1', mode='r')[0])"),
    reader("numbers", "import numpy as np", "int(np.fromfile(FILE, dtype='u1')[0])"),
    reader(
        "mapped file",
        "import mmap\ndef map@(p):\n    with open(p) as f:\n        return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)[:]",
        "map@(FILE)",
    ),
    reader(
        "database",
        "import sqlite3",
        "sqlite3.connect(FILE).execute('select n from t').fetchone()[0]",
        "create table t as select 1 as n;",
        "create table t as select 2 as n;",
        "x@.db",
    ),
    reader(
        "attached database",
        "import sqlite3\ndef att@(p):\n    c = sqlite3.connect(':memory:')\n"
        "    c.execute(f'attach {p!r} as e')\n    return c.execute('select n from e.t').fetchone()[0]",
        "att@(FILE)",
        "create table t as select 1 as n;",
        "create table t as select 2 as n;",
        "x@.db",
    ),
    reader("arrow", "import pyarrow.csv as pc", "pc.read_csv(FILE).column_names[0]", needs="pyarrow"),
    reader("arrow's map", "import pyarrow as pa", "pa.memory_map(FILE).read()", needs="pyarrow", is_refused=True),
    # What is there.
    reader("size", "import os", "os.path.getsize(FILE)", "1\n", "12\n"),
    reader("json", "import json\nfrom pathlib import Path", "json.loads(Path(FILE).read_bytes())"),
    reader("program", "import subprocess", "subprocess.check_output(['cat', FILE])", is_refused=True),
    # Chance, which changes by itself.
    chance("clock", "import time", "time.time()"),
    chance("renamed clock", "from time import time as at@", "at@()"),
    chance("today", "import datetime as dt", "dt.datetime.now().isoformat()"),
    chance("name", "import uuid", "str(uuid.uuid4())"),
    chance("draw", "import random", "random.random()"),
    chance("draw of numbers", "import numpy as np", "float(np.random.rand())"),
    chance("address", "", "id(object())"),
)
BLOCKS: tuple[Block, ...] = tuple(
    block for block in (*ALL, *SEAMS) if importlib.util.find_spec(block.needs) is not None
)

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
