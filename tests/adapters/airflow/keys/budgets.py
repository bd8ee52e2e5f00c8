"""Keys of what is large, deep or slow: the task runs, and in time."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import LIMITS, SAFE, Case, work

__all__ = ["CASES"]


def large(name: str, top: str, body: str = "return len(A)", **case: Any) -> Case:
    """Return a case of a global whose key must not cost more than seconds."""
    return work(name, body, top, **{"expect": SAFE, "layer": LIMITS, "seconds": 10, **case})


CASES: tuple[Case, ...] = (
    large("large-nested-references", "A = [1]\nfor _ in range(26): A = [A, A]\n", worst=True),
    large("large-nested-dicts", "A = {}\nfor _ in range(24): A = {'a': A, 'b': A}\n"),
    large(
        "large-nested-objects",
        "class N:\n    def __init__(self, a, b): self.a, self.b = a, b\nA = [N(1, 2)]\nfor _ in range(24): A = [N(A, A)]\n",
    ),
    large("large-depth", "A = []\nfor _ in range(5000): A = [A]\n"),
    large(
        "large-depth-of-objects",
        "class N:\n    def __init__(self, a): self.a = a\nA = N(0)\nfor _ in range(3000): A = N(A)\n",
        "return 1 if A else 0",
    ),
    large("large-dict", "A = {str(i): {'x': i} for i in range(100_000)}\n"),
    large("large-list-of-integers", "A = list(range(1_000_000))\n"),
    large("large-bytes", "A = b'x' * 50_000_000\n"),
    large("large-text", "A = 'x' * 50_000_000\n"),
    large(
        "large-frame",
        "import pandas as pd, numpy as np\nA = pd.DataFrame(np.zeros((300_000, 10)))\n",
        needs=("pandas",),
    ),
    large("large-array", "import numpy as np\nA = np.zeros(5_000_000)\n", needs=("numpy",)),
    large("large-integer", "A = 3 ** 2_000_000\n", "return A % 7"),
    large("large-set", "A = frozenset(range(300_000))\n"),
    large("cycle-of-objects", "class N: pass\nA = N()\nA.me = A\n", "return 1 if A.me is A else 0"),
    large("cycle-of-dicts", "A = {}\nA['a'] = A\n"),
    large(
        "slow-repr",
        "import time\nclass C:\n    def __repr__(self):\n        time.sleep(60)\n        return 'C'\nA = [C()]\n",
        seconds=5,
    ),
    large(
        "slow-equality",
        "import time\nclass C:\n    def __eq__(self, o):\n        time.sleep(60)\n        return True\n    __hash__ = None\nA = [C()]\n",
        seconds=5,
    ),
    large(
        "slow-getattr",
        "import time\nclass C:\n    def __getattr__(self, name):\n        if name.startswith('__'): raise AttributeError(name)\n        time.sleep(60)\nA = [C()]\n",
        seconds=5,
    ),
    large(
        "getattr-that-answers-all",
        "class C:\n    def __getattr__(self, name): return self\n    def __call__(self, *a, **k): return self\nA = [C()]\n",
    ),
    large("getattr-that-exits", "class C:\n    def __getattr__(self, name): raise SystemExit(name)\nA = [C()]\n"),
    large("property-that-exits", "class C:\n    @property\n    def a(self): raise SystemExit(3)\nA = [C()]\n"),
    large(
        "property-with-an-effect",
        "LOG = []\nclass C:\n    @property\n    def a(self):\n        LOG.append(1)\n        return 1\nA = [C()]\n",
        "return len(LOG) + len(A)",
    ),
    large("endless-iterator", "import itertools\nA = itertools.count()\n", "return next(A)"),
    large(
        "endless-mapping",
        "from collections.abc import Mapping\nclass M(Mapping):\n    def __getitem__(self, k): return 1\n    def __iter__(self):\n        while True: yield 1\n    def __len__(self): return 1\nA = M()\n",
    ),
    large("generator-is-not-used-up", "A = (n for n in (1, 2))\n", "return list(A)"),
    large("file-object-keeps-its-place", "import io\nA = io.StringIO('abc')\n", "return A.read()"),
    large(
        "frame-with-a-lazy-column",
        "import pandas as pd\nclass C:\n    def __repr__(self): raise RuntimeError('no')\nA = pd.DataFrame({'a': [C()]})\n",
        needs=("pandas",),
    ),
    large(
        "metaclass-that-lies",
        "class Meta(type):\n    def __instancecheck__(cls, o): raise RuntimeError('no')\n    @property\n    def __module__(cls): raise RuntimeError('no')\nclass C(metaclass=Meta): pass\nA = [C()]\n",
    ),
    large("class-that-lies-about-itself", "class C:\n    __class__ = property(lambda self: int)\nA = [C()]\n"),
    large("mock-as-a-global", "from unittest.mock import MagicMock\nA = MagicMock()\nA.__len__.return_value = 1\n"),
    large(
        "many-modules",
        "import importlib\nmods = [importlib.import_module(f'm{i}') for i in range(60)]\nA = mods\n",
        "return sum(m.N for m in A)",
        files={f"m{i}.py": f"N = {i}\n" for i in range(60)},
    ),
    large("result-is-large", "", "return 'x' * 3_000_000"),
    large("result-is-a-cycle-free-diamond", "", "a = [1]\nfor _ in range(12):\n    a = [a, a]\nreturn a"),
)
