"""Building blocks that slip through the seams: each was once a wrong hit that a person found."""

from __future__ import annotations

from adapters.airflow.keys.block import Block, Change, chance, code, reader

__all__ = ["SEAMS"]

SHOWN = "str(decimal.Decimal(1) / 7)"
PRECISION = "import decimal\ndef precise@(n):\n    decimal.getcontext().prec = n\n    return n\n"


def effect(name: str, top: str) -> Block:
    """Return a block that sets how decimals are shown when its module is loaded."""
    return code(f"effect {name}", PRECISION + top, SHOWN, "precise@(5)", "precise@(6)")


SEAMS: tuple[Block, ...] = (
    # Objects that hold more than they say.
    code(
        "member with a label",
        "import enum\nclass La@(enum.Enum):\n    def __new__(cls, v, label):\n        o = object.__new__(cls)\n"
        "        o._value_, o.label = v, label\n        return o\n    A = 1, 'red'",
        "La@.A.label",
        "'red'",
        "'rot'",
    ),
    code(
        "decimal with a unit",
        "import decimal\nclass Mo@(decimal.Decimal):\n    pass\ndef mo@(v, unit):\n    o = Mo@(v)\n    o.unit = unit\n"
        "    return o\nMO@ = mo@('1', 'EUR')",
        "MO@.unit",
        "'EUR'",
        "'USD'",
    ),
    code(
        "counter with a name",
        "import collections\nclass Ct@(collections.Counter):\n    def __init__(self, name):\n        super().__init__()\n"
        "        self.name = name\nCT@ = Ct@('a')",
        "CT@.name",
        "Ct@('a')",
        "Ct@('b')",
    ),
    code(
        "adapter of a logger",
        "import logging\nLA@ = logging.LoggerAdapter(logging.getLogger('x'), {'t': 'a'})",
        "LA@.extra['t']",
        "'t': 'a'",
        "'t': 'b'",
    ),
    code(
        "span of months", "import pendulum\nSP@ = pendulum.duration(months=1)", "SP@.in_words()", "months=1", "days=30"
    ),
    code(
        "constructor of a class",
        "class Fk@(dict):\n    def __setitem__(self, k, v): super().__setitem__(k, v * 2)\nfk@ = Fk@.fromkeys",
        "dict(fk@('a', 1))",
        "v * 2",
        "v * 3",
    ),
    code(
        "ufunc",
        "import numpy as np\nUF@ = np.frompyfunc(lambda x: x * 2, 1, 1)",
        "int(UF@(3))",
        "x * 2",
        "x * 3",
        is_refused=True,
    ),
    code(
        "order of values",
        "class Or@:\n    a = 1\n    b = 2",
        "[n for n in Or@.__dict__ if n[0] != '_']",
        "a = 1\n    b = 2",
        "b = 2\n    a = 1",
    ),
    code(
        "generic base",
        "import typing\nT@ = typing.TypeVar('T@')\nclass Ge@(typing.Generic[T@]): pass\nclass Gd@(Ge@[int]): pass",
        "typing.get_args(Gd@.__orig_bases__[0])[0].__name__",
        "Ge@[int]",
        "Ge@[str]",
    ),
    # What a module does when it is loaded.
    effect("assigned", "READY@ = precise@(5)"),
    effect("asserted", "assert precise@(5)"),
    effect("in a test", "if precise@(5): pass"),
    effect("in a loop", "for _ in range(precise@(5)): pass"),
    effect("in a default", "def ed@(n=precise@(5)): pass"),
    effect("in a class", "class Ec@:\n    n = precise@(5)"),
    effect("in a comprehension", "EL@ = [precise@(n) for n in range(5, 6)]\nprecise@(5)"),
    effect("of a decorator", "def sets@(f):\n    precise@(5)\n    return f\n@sets@\ndef se@(): pass"),
    Block(
        "effect of a variable",
        "# nothing of note @\nimport decimal, os\ndecimal.getcontext().prec = int(os.environ['PREC@'])",
        SHOWN,
        (Change("$PREC@", "6"), Change("# nothing of note @", "# something else @", is_idle=True)),
        env={"PREC@": "5"},
    ),
    # Functions that are held elsewhere than in a module.
    reader(
        "status as a default",
        "import os\ndef sd@(p, s=os.stat): return s(p).st_size",
        "sd@(FILE)",
        "1\n",
        "12\n",
        is_refused=True,
    ),
    reader(
        "status in a table", "import os\nST@ = {'s': os.stat}", "ST@['s'](FILE).st_size", "1\n", "12\n", is_refused=True
    ),
    reader(
        "attribute by a name",
        "import json\nclass An@: pass\nAn@.v = json.load(open('/BASE/x@.txt'))",
        "getattr(An@, 'v')",
    ),
    # Clocks that are kept, and chance that has no seed after all.
    chance("clock in an item", "import time\ndef ci@():\n    r = {}\n    r['at'] = time.time()\n    return r", "ci@()"),
    chance(
        "clock in an attribute", "import time\nclass Ca@:\n    def __init__(self): self.at = time.time()", "Ca@().at"
    ),
    chance("clock by another name", "import time\ndef cn@():\n    a = time.time()\n    b = a\n    return b", "cn@()"),
    chance(
        "clock in a log of one's own",
        "import time\nclass Lo@:\n    def __init__(self): self.said = []\n    def info(self, t): self.said.append(t)\n"
        "def cl@():\n    log = Lo@()\n    log.info(time.time())\n    return log.said",
        "cl@()",
    ),
    chance(
        "no seed",
        "import numpy as np\nSE@ = None\ndef ns@(): return float(np.random.default_rng(SE@).random())",
        "ns@()",
    ),
    chance(
        "seed of another",
        "import numpy as np\ndef so@():\n    np.random.seed(1)\n    return float(np.random.default_rng().random())",
        "so@()",
    ),
    chance(
        "seed in a branch",
        "import random\ndef sb@(s=0):\n    if s:\n        random.seed(s)\n    return random.random()",
        "sb@()",
    ),
)
