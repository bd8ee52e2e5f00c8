"""Everyday edits, and things of everyday code that change nothing: each has to be a hit."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import CODE, HIT, VALUES, WORDS, Case, Run, tasks, work

__all__ = ["CASES"]

DAG_FILE = '''
"""A DAG."""
import logging
import math
from helping import clean
log = logging.getLogger(__name__)
LIMIT = 3
OTHER = 1
class Rates:
    """Rates."""
    low = 1
    def twice(self):
        return self.low * 2
class Unused:
    def get(self):
        return 1
def helper(x):
    """Help."""
    # a comment
    return x * LIMIT
def unrelated(x):
    return x + OTHER
with DAG("d", schedule=None, tags=["couler-cache"], doc_md=__doc__):
    @task
    def work(x):
        """Work."""
        log.info("working")
        return helper(clean(x)) + Rates().low + int(math.sqrt(4))
    work(5)
'''
WITH_DATACLASS = (
    DAG_FILE.replace("import math\n", "import math\nfrom dataclasses import dataclass\n")
    .replace("class Rates:", "@dataclass(frozen=True)\nclass Rates:")
    .replace("low = 1", "low: int = 1")
)
HELPING = """
import deep
FACTOR = 2
def clean(x):
    # clean
    return x * FACTOR
def unused():
    return 1
"""


def edited(name: str, old: str, new: str, file: str = "d.py", text: str = DAG_FILE, **case: Any) -> Case:
    """Return a case of an edit of a usual DAG file, or of a module beside it, that changes no result."""
    files = {"helping.py": HELPING, "deep.py": "D = 1\n"}
    return tasks(name, text, files=files, edits={file: (old, new)}, expect=HIT, layer=CODE, **case)


def quiet(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case of a task that computes the same each time."""
    return work(name, body, top, **{"expect": HIT, "layer": WORDS, **case})


DATACLASS = "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Cfg:\n    rate: int = 1\ndef unrelated(): return 1\n"

CASES: tuple[Case, ...] = (
    edited("edit-nothing", "# a comment", "# a comment", worst=True),
    edited("edit-nothing-with-a-dataclass", "# a comment", "# a comment", text=WITH_DATACLASS),
    edited("edit-comment", "# a comment", "# another comment", worst=True),
    edited("edit-comment-added-above", "LIMIT = 3", "# how many\n\n\nLIMIT = 3", worst=True),
    edited("edit-doc-of-the-file", "A DAG.", "A better DAG."),
    edited("edit-doc-of-the-task", '"""Work."""', '"""Work hard."""'),
    edited("edit-doc-of-a-helper", '"""Help."""', '"""Help a lot."""'),
    edited("edit-doc-of-a-class", '"""Rates."""', '"""All rates."""'),
    edited(
        "edit-format-of-a-call",
        "helper(clean(x)) + Rates().low",
        "helper(\n            clean(\n                x,\n            ),\n        ) + Rates().low",
    ),
    edited("edit-format-of-quotes", '"working"', "'working'"),
    edited("edit-format-of-parentheses", "return x * LIMIT", "return (x * LIMIT)"),
    edited("edit-unrelated-function", "return x + OTHER", "return x - OTHER", worst=True),
    edited("edit-unrelated-constant", "OTHER = 1", "OTHER = 2"),
    edited("edit-unrelated-class", "    def get(self):\n        return 1", "    def get(self):\n        return 2"),
    edited("edit-unrelated-import", "import math\n", "import json\nimport math\n"),
    edited("edit-order-of-imports", "import logging\nimport math\n", "import math\nimport logging\n"),
    edited("edit-order-of-functions", "def unrelated(x):\n    return x + OTHER\n", ""),
    edited("edit-function-added", "def unrelated(x):", "def another(x):\n    return x\ndef unrelated(x):"),
    edited("edit-type-hints", "def helper(x):", "def helper(x: int) -> int:"),
    edited("edit-type-hints-of-the-task", "def work(x):", "def work(x: int) -> int:"),
    edited(
        "edit-future-annotations", "import deep\n", "from __future__ import annotations\nimport deep\n", "helping.py"
    ),
    edited(
        "edit-task-added",
        "    work(5)\n",
        "    work(5)\n    @task\n    def more():\n        return 1\n    more()\n",
        tasks=("work",),
    ),
    edited("edit-schedule", "schedule=None", 'schedule="@daily"'),
    edited("edit-retries", "    @task\n", "    @task(retries=3)\n"),
    edited("edit-pool-and-owner", "    @task\n", '    @task(owner="me", queue="big", priority_weight=4)\n'),
    edited("edit-dag-id", 'DAG("d"', 'DAG("e"'),
    edited("edit-default-args", "schedule=None", 'schedule=None, default_args={"retries": 2}'),
    edited("edit-tags", '"couler-cache"]', '"couler-cache", "team-a"]'),
    edited("edit-argument-by-name", "work(5)\n", "work(x=5)\n"),
    edited("edit-class-method-not-called", "return self.low * 2", "return self.low * 3"),
    edited("edit-helper-comment", "# clean", "# clean it", "helping.py", worst=True),
    edited("edit-helper-unrelated-function", "return 1", "return 2", "helping.py", worst=True),
    edited("edit-helper-blank-lines", "def unused", "\n\ndef unused", "helping.py"),
    edited("edit-helper-doc", "def clean(x):\n", 'def clean(x):\n    """Clean."""\n', "helping.py"),
    edited("edit-helper-function-added", "def unused", "def more():\n    return 2\ndef unused", "helping.py"),
    edited("edit-deep-comment", "D = 1\n", "D = 1  # deep\n", "deep.py"),
    edited("edit-deep-unrelated-constant", "D = 1\n", "D = 1\nE = 2\n", "deep.py"),
    edited("edit-comment-with-a-dataclass", "# a comment", "# another comment", text=WITH_DATACLASS, worst=True),
    edited("edit-unrelated-function-with-a-dataclass", "return x + OTHER", "return x - OTHER", text=WITH_DATACLASS),
    edited("edit-doc-of-a-dataclass", '"""Rates."""', '"""All rates."""', text=WITH_DATACLASS),
    edited("edit-method-of-a-dataclass-not-called", "return self.low * 2", "return self.low * 3", text=WITH_DATACLASS),
    edited("edit-helper-comment-with-a-dataclass", "# clean", "# clean it", "helping.py", text=WITH_DATACLASS),
    # Words of a list, in code that computes the same.
    quiet("same-dataclass", "return Cfg().rate", DATACLASS, worst=True),
    quiet(
        "same-dataclass-edit-beside",
        "return Cfg().rate",
        DATACLASS,
        edit=("def unrelated(): return 1", "def unrelated(): return 2"),
        worst=True,
    ),
    quiet("same-dataclass-elsewhere", "return Cfg().rate", "from helping import Cfg", files={"helping.py": DATACLASS}),
    quiet(
        "same-dataclass-slots",
        "return Cfg(1).rate",
        "import dataclasses\n@dataclasses.dataclass(slots=True, kw_only=False)\nclass Cfg:\n    rate: int\n",
    ),
    quiet("same-dataclass-as-a-global", "return CFG.rate", DATACLASS + "CFG = Cfg()\n", layer=VALUES),
    quiet("same-dataclass-replace", "return dataclasses.replace(Cfg(), rate=3).rate", DATACLASS),
    quiet("same-dataclass-as-a-dict", "return dataclasses.asdict(Cfg())", DATACLASS),
    quiet(
        "same-attrs",
        "return Cfg().rate",
        "import attrs\n@attrs.define\nclass Cfg:\n    rate: int = 1\n",
        needs=("attrs",),
    ),
    quiet(
        "same-attrs-frozen-global",
        "return CFG.rate",
        "import attrs\n@attrs.frozen\nclass Cfg:\n    rate: int = 1\nCFG = Cfg()\n",
        needs=("attrs",),
        layer=VALUES,
    ),
    quiet(
        "same-pydantic",
        "return Cfg().rate",
        "from pydantic import BaseModel\nclass Cfg(BaseModel):\n    rate: int = 1\n",
        needs=("pydantic",),
    ),
    quiet(
        "same-pydantic-global",
        "return CFG.rate",
        "from pydantic import BaseModel\nclass Cfg(BaseModel):\n    rate: int = 1\nCFG = Cfg()\n",
        needs=("pydantic",),
        layer=VALUES,
    ),
    quiet(
        "same-pydantic-settings-global",
        "return CFG.rate",
        "from pydantic_settings import BaseSettings\nclass Cfg(BaseSettings):\n    rate: int = 1\nCFG = Cfg()\n",
        needs=("pydantic_settings",),
        layer=VALUES,
    ),
    quiet(
        "same-msgspec",
        "return Cfg(1).rate",
        "import msgspec\nclass Cfg(msgspec.Struct):\n    rate: int\n",
        needs=("msgspec",),
    ),
    quiet(
        "same-named-tuple",
        "return Cfg(1).rate",
        "from typing import NamedTuple\nclass Cfg(NamedTuple):\n    rate: int\n",
    ),
    quiet(
        "same-typed-dict",
        "return Cfg(rate=1)['rate']",
        "from typing import TypedDict\nclass Cfg(TypedDict):\n    rate: int\n",
    ),
    quiet(
        "same-own-hash",
        "return len({C(1), C(1)})",
        "class C:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __hash__(self): return hash(self.n)\n",
        worst=True,
    ),
    quiet(
        "same-enum",
        "return E.A.twice()",
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def twice(self): return self.value * 2\n",
    ),
    quiet(
        "same-enum-elsewhere",
        "return E.A.twice()",
        "from h import E",
        files={"h.py": "import enum\nclass E(enum.IntEnum):\n    A = 1\n    def twice(self): return self.value * 2\n"},
    ),
    quiet(
        "same-single-dispatch",
        "return area(3)",
        "import functools\n@functools.singledispatch\ndef area(x): return 0\n@area.register\ndef _(x: int): return x\n",
    ),
    quiet(
        "same-single-dispatch-method",
        "return C().get(1)",
        "import functools\nclass C:\n    @functools.singledispatchmethod\n    def get(self, x): return 0\n    @get.register\n    def _(self, x: int): return x\n",
    ),
    quiet("same-lru-cache", "return f()", "import functools\n@functools.lru_cache\ndef f(): return 1\n"),
    quiet(
        "same-cached-property",
        "return C().rate",
        "import functools\nclass C:\n    @functools.cached_property\n    def rate(self): return 1\n",
    ),
    quiet(
        "same-total-ordering",
        "return C(1) < C(2)",
        "import functools\n@functools.total_ordering\nclass C:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n < o.n\n",
    ),
    quiet(
        "same-abstract-class",
        "return C().get()",
        "import abc\nclass B(abc.ABC):\n    @abc.abstractmethod\n    def get(self): ...\nclass C(B):\n    def get(self): return 1\n",
    ),
    quiet(
        "same-protocol",
        "return isinstance(C(), P)",
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass P(Protocol):\n    def get(self): ...\nclass C:\n    def get(self): return 1\n",
    ),
    quiet(
        "same-generic",
        "return Box(1).n",
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, n: T): self.n = n\n",
    ),
    quiet("same-slots", "return C(1).n", "class C:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\n"),
    quiet(
        "same-structlog",
        "log.info('x')\nreturn 1",
        "import structlog\nlog = structlog.get_logger()\n",
        needs=("structlog",),
    ),
    quiet(
        "same-structlog-bound",
        "log.info('x')\nreturn 1",
        "import structlog\nlog = structlog.get_logger(__name__).bind(a=1)\n",
        needs=("structlog",),
    ),
    quiet(
        "same-logging-with-time",
        "log.info('at %s', datetime.now())\nreturn 1",
        "import logging\nfrom datetime import datetime\nlog = logging.getLogger(__name__)\n",
    ),
    quiet("same-print", "print('x')\nreturn 1"),
    quiet("same-warning", "warnings.warn('old')\nreturn 1", "import warnings"),
    quiet(
        "same-tqdm-like-progress",
        "return list(progress([1, 2]))",
        "import sys\ndef progress(items):\n    for item in items:\n        print('.', file=sys.stderr)\n        yield item\n",
    ),
    quiet(
        "same-validate-call",
        "return get(1)",
        "from pydantic import validate_call\n@validate_call\ndef get(n: int): return n\n",
        needs=("pydantic",),
    ),
    quiet(
        "same-tenacity-in-a-helper",
        "return get()",
        "from helping import get",
        files={"helping.py": "from tenacity import retry\n@retry\ndef get(): return 1\n"},
        needs=("tenacity",),
    ),
    quiet(
        "same-timing-decorator",
        "return get()",
        "import functools, time\ndef timed(f):\n    @functools.wraps(f)\n    def inner(*args):\n        t = time.perf_counter()\n        try:\n            return f(*args)\n        finally:\n            print(time.perf_counter() - t)\n    return inner\n@timed\ndef get(): return 1\n",
    ),
    quiet(
        "same-object-with-a-lock",
        "return X.rate",
        "import threading\nclass C:\n    def __init__(self):\n        self.lock = threading.Lock()\n        self.rate = 1\nX = C()\n",
        layer=VALUES,
    ),
    quiet(
        "same-pandas-pipeline",
        "df = pd.DataFrame({'a': [1, 2, 3], 'k': ['x', 'y', 'x']})\nreturn df.groupby('k').a.sum().to_dict()",
        "import pandas as pd",
        needs=("pandas",),
    ),
    quiet(
        "same-pandas-merge",
        "a = pd.DataFrame({'k': [1], 'a': [1]})\nreturn a.merge(a.rename(columns={'a': 'b'}), on='k').to_dict('records')",
        "import pandas as pd",
        needs=("pandas",),
    ),
    quiet(
        "same-numpy-statistics",
        "return float(np.linalg.norm(np.array([3.0, 4.0])))",
        "import numpy as np",
        needs=("numpy",),
    ),
    quiet(
        "same-sklearn-pipeline",
        "return make_pipeline(StandardScaler(), Ridge()).fit([[1], [2]], [1, 2]).predict([[3]]).tolist()",
        "from sklearn.linear_model import Ridge\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n",
        needs=("sklearn",),
    ),
    quiet(
        "same-scipy-optimum",
        "return round(float(minimize_scalar(lambda x: (x - 1) ** 2).x), 6)",
        "from scipy.optimize import minimize_scalar",
        needs=("scipy",),
    ),
    quiet("same-regular-expression", "return WORD.findall('ab cd')", "import re\nWORD = re.compile('[a-z]+')\n"),
    quiet(
        "same-json-and-hashing",
        "return hashlib.sha256(json.dumps({'a': 1}).encode()).hexdigest()",
        "import hashlib, json",
    ),
    quiet(
        "same-datetime-arithmetic",
        "return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1)).isoformat()",
        "from datetime import UTC, datetime, timedelta",
    ),
    quiet(
        "same-date-parsing",
        "return datetime.fromisoformat('2026-01-01').date().isoformat()",
        "from datetime import datetime",
    ),
    quiet(
        "same-zone-conversion",
        "return datetime(2026, 1, 1, tzinfo=UTC).astimezone(ZoneInfo('Asia/Tokyo')).isoformat()",
        "from datetime import UTC, datetime\nfrom zoneinfo import ZoneInfo\n",
    ),
    quiet("same-pendulum-parsing", "return pendulum.parse('2026-01-01').add(days=1).isoformat()", "import pendulum"),
    quiet("same-string-io", "return csv.DictReader(io.StringIO('a\\n1\\n')).fieldnames", "import csv, io"),
    quiet("same-itertools", "return [list(g) for _, g in itertools.groupby([1, 1, 2])]", "import itertools"),
    quiet("same-deep-copy", "return copy.deepcopy(TABLE)", "import copy\nTABLE = {'a': [1]}\n"),
    quiet(
        "same-type-checking-import",
        "return 1",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas as pd\n",
    ),
    quiet(
        "same-raises-and-catches",
        "try:\n    raise Bad('x')\nexcept Bad as error:\n    return str(error)",
        "class Bad(Exception): pass\n",
    ),
    quiet(
        "same-names-a-network-library",
        "return isinstance(1, requests.Response)",
        "import requests",
        needs=("requests",),
    ),
    quiet("same-url-parsing", "return urlsplit('http://a/b').path", "from urllib.parse import urlsplit"),
    quiet("same-attribute-named-now", "return x.now + x.open", "class S:\n    now = 1\n    open = 2\nx = S()\n"),
    quiet(
        "same-column-named-sample",
        "return pd.DataFrame({'sample': [1]})['sample'].tolist()",
        "import pandas as pd",
        needs=("pandas",),
    ),
    quiet(
        "same-method-named-exists",
        "return Store().exists('a')",
        "class Store:\n    def exists(self, key): return key == 'a'\n",
    ),
    quiet("same-platform-constant", "return sys.maxsize > 0 and sys.version_info >= (3,)", "import sys"),
    quiet("same-day-again", "return ds", arguments="ds=None", first=Run(date="2026-01-01")),
    quiet(
        "same-two-runs-of-two-days-without-it", "return 1", first=Run(date="2026-01-01"), second=Run(date="2026-01-02")
    ),
    quiet("same-other-conf", "return 1", first=Run(conf={"a": 1}), second=Run(conf={"a": 2})),
    quiet("same-lazy-library-import", "import pandas as pd\nreturn pd.Series([1]).sum().item()", needs=("pandas",)),
    quiet("same-io-bytes", "import io\nreturn io.BytesIO(b'a').read().decode()"),
    quiet(
        "same-in-memory-sqlite", "import sqlite3\nreturn sqlite3.connect(':memory:').execute('select 1').fetchone()[0]"
    ),
    quiet("same-task-in-a-loop-variable", "return x", arguments="x", call="len([n for n in range(3)])"),
)
