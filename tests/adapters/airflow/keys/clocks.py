"""Clocks and chance: by names that anybody knows, and by others."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import FRESH, HIT, NEVER, WORDS, Case, work

__all__ = ["CASES"]


def clock(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case whose result is another one each time."""
    return work(name, body, top, **{"layer": WORDS, "expect": FRESH, **case})


CASES: tuple[Case, ...] = (
    clock("clock-time", "import time\nreturn time.time()", worst=True),
    clock(
        "clock-numpy",
        "return str(np.datetime64('now', 'ns')) + str(np.datetime64('now', 'us'))",
        "import numpy as np",
        expect=NEVER,
        needs=("numpy",),
        worst=True,
    ),
    clock("clock-pandas-text", "return str(pd.Timestamp('now'))", "import pandas as pd", needs=("pandas",)),
    clock("clock-pandas-to-datetime", "return str(pd.to_datetime('now'))", "import pandas as pd", needs=("pandas",)),
    clock(
        "clock-pandas-array-of-texts",
        "return [str(x) for x in pd.to_datetime(['now', 'today'])]",
        "import pandas as pd",
        needs=("pandas",),
    ),
    clock(
        "clock-of-a-module-in-a-list",
        "return [m.run() for m in STEPS]",
        "import sa\nSTEPS = [sa]\n",
        files={"sa.py": "import time\ndef run(): return time.time()\n"},
    ),
    clock(
        "clock-of-a-cached-property",
        "return M().now_",
        "import functools, time\nclass M:\n    @functools.cached_property\n    def now_(self): return time.time()\n",
    ),
    clock("clock-renamed", "return now()", "from time import time as now"),
    clock("clock-by-getattr", "return getattr(time, 'ti' + 'me')()", "import time"),
    clock("clock-in-a-table", "return CLOCKS['a']()", "import time\nCLOCKS = {'a': time.time}\n"),
    clock(
        "clock-as-a-default-factory",
        "return S().at",
        "import dataclasses, time\n@dataclasses.dataclass\nclass S:\n    at: float = dataclasses.field(default_factory=time.time)\n",
    ),
    clock(
        "clock-as-a-pydantic-factory",
        "return S().at",
        "import time\nfrom pydantic import BaseModel, Field\nclass S(BaseModel):\n    at: float = Field(default_factory=time.time)\n",
        needs=("pydantic",),
    ),
    clock("clock-at-import", "return AT", "import time\nAT = time.time()\n"),
    clock(
        "clock-in-a-descriptor",
        "return C().at",
        "import time\nclass Now:\n    def __get__(self, obj, cls): return time.time()\nclass C:\n    at = Now()\n",
    ),
    clock("clock-in-a-map", "return list(map(lambda f: f(), [time.time]))", "import time"),
    clock(
        "clock-of-the-system",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.time.restype = ctypes.c_long\nreturn [libc.time(None), libc.clock()]",
    ),
    clock("clock-of-a-log-record", "import logging\nreturn logging.LogRecord('a', 1, 'b', 1, 'c', None, None).created"),
    clock(
        "clock-of-a-formatted-log",
        "import logging\nreturn logging.Formatter('%(asctime)s %(msecs)d %(relativeCreated)f').format(logging.LogRecord('a', 1, 'b', 1, 'c', None, None))",
    ),
    clock(
        "clock-of-a-zip-entry",
        "import io, zipfile\nbox = io.BytesIO()\nwith zipfile.ZipFile(box, 'w') as z:\n    z.writestr('a', 'b')\nreturn zipfile.ZipFile(box).getinfo('a').date_time",
        expect=NEVER,
    ),
    clock("clock-of-gzip", "import gzip\nreturn gzip.compress(b'a').hex()", expect=NEVER),
    clock("clock-of-email-dates", "from email.utils import formatdate\nreturn formatdate()", expect=NEVER),
    clock(
        "clock-of-a-loop",
        "import asyncio\nasync def main(): return asyncio.get_running_loop().time()\nreturn asyncio.run(main())",
    ),
    clock(
        "clock-of-sqlite",
        "import sqlite3\nreturn sqlite3.connect(':memory:').execute(\"select strftime('%f', 'now'), random()\").fetchall()",
    ),
    clock(
        "clock-of-a-file",
        "import os, tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    return os.stat(f.name).st_mtime_ns",
    ),
    clock("clock-of-the-process", "import os\nreturn os.times().elapsed"),
    clock(
        "clock-of-resource-usage",
        "import resource\nreturn [resource.getrusage(resource.RUSAGE_SELF).ru_utime, resource.getrusage(resource.RUSAGE_SELF).ru_minflt]",
    ),
    clock("clock-of-a-timeit", "import timeit\nreturn timeit.timeit('1', number=1)"),
    clock("clock-of-pendulum", "import pendulum\nreturn pendulum.now().isoformat()"),
    clock(
        "clock-of-pendulum-differences",
        "import pendulum\nreturn pendulum.from_timestamp(0).diff_for_humans()",
        expect=NEVER,
    ),
    clock("clock-of-a-relative-age", "import pendulum\nreturn pendulum.datetime(2000, 1, 1).age", expect=NEVER),
    clock("clock-today", "import datetime\nreturn datetime.date.today().isoformat()", expect=NEVER),
    clock("clock-of-the-calendar", "import time\nreturn time.strftime('%Y')", expect=NEVER),
    clock(
        "clock-of-dateutil",
        "from dateutil import parser\nreturn parser.parse('10:00').isoformat()",
        expect=NEVER,
        needs=("dateutil",),
    ),
    clock("clock-of-ctime", "import time\nreturn time.ctime()", expect=NEVER),
    clock("clock-of-airflow", "from airflow.sdk.timezone import utcnow\nreturn utcnow().isoformat()"),
    clock("clock-of-cookies", "from http.cookiejar import time2isoz\nreturn time2isoz()", expect=NEVER),
    clock("clock-of-an-xmlrpc-date", "import xmlrpc.client\nreturn str(xmlrpc.client.DateTime())", expect=NEVER),
    clock(
        "clock-of-babel",
        "from babel import dates\nreturn dates.format_time(locale='en')",
        expect=NEVER,
        needs=("babel",),
    ),
    clock(
        "clock-of-jinja",
        "return Template('{{ now() }}').render(now=time.time)",
        "import time\nfrom jinja2 import Template\n",
    ),
    # Clocks that are kept: one that is only logged is none.
    *(
        clock(f"clock-kept-{name}", body, f"import io, time\nfrom datetime import datetime\n{top}")
        for name, body, top in (
            ("in-an-item", "row = {}\nrow['at'] = datetime.now()\nreturn str(row['at'])", ""),
            ("in-an-attribute", "r = R()\nr.at = time.time()\nreturn r.at", "class R: pass"),
            ("by-a-class", "class R:\n    at = time.time()\nreturn R.at", ""),
            ("in-a-buffer", "b = io.StringIO()\nprint(datetime.now(), file=b)\nreturn b.getvalue()", ""),
            (
                "by-an-own-log",
                "log.info(datetime.now())\nreturn str(log.rows)",
                "class Log:\n    def __init__(self): self.rows = []\n    def info(self, x): self.rows.append(x)\nlog = Log()\n",
            ),
        )
    ),
    # Libraries that ask for the time with nothing in the name that says so.
    *(
        clock(f"clock-of-{name}", body, top, expect=NEVER, needs=(needs,))
        for name, body, top, needs in (
            ("croniter", "return croniter('* * * * *').get_next()", "from croniter import croniter", "croniter"),
            (
                "recurrence",
                "from dateutil.rrule import rrule, DAILY\nreturn str(rrule(DAILY, count=2)[0])",
                "",
                "dateutil",
            ),
            ("arrow", "return str(arrow.get())", "import arrow", "arrow"),
            ("a-time-of-day", "return str(pd.to_datetime('10:00'))", "import pandas as pd", "pandas"),
            ("a-global-text", "return str(pd.Timestamp(AT))", "import pandas as pd\nAT = 'now'\n", "pandas"),
            (
                "a-query",
                "return sqlite3.connect(':memory:').execute(SQL).fetchall()",
                "import sqlite3\nSQL = \"select strftime('%f', 'now')\"\n",
                "sqlite3",
            ),
            ("yesterday", "return str(pendulum.yesterday('UTC'))", "import pendulum", "pendulum"),
        )
    ),
    clock(
        "told-the-time",
        "at = datetime(2024, 1, 1)\nreturn [str(croniter('* * * * *', at).get_next(datetime)), str(rrule(DAILY, dtstart=at, count=2)[0])]",
        "from datetime import datetime\nfrom croniter import croniter\nfrom dateutil.rrule import rrule, DAILY\n",
        expect=HIT,
        needs=("croniter", "dateutil"),
    ),
    # Chance.
    clock("chance-random", "import random\nreturn random.random()", worst=True),
    clock("chance-system-random", "import random\nreturn random.SystemRandom().random()"),
    clock("chance-unseeded-generator", "return RNG.random()", "import random\nRNG = random.Random()\n"),
    clock(
        "chance-numpy-unseeded",
        "return float(np.random.default_rng().normal())",
        "import numpy as np",
        needs=("numpy",),
    ),
    clock("chance-numpy-global", "return float(np.random.rand())", "import numpy as np", needs=("numpy",)),
    clock(
        "chance-frame-sample",
        "return pd.Series(range(10**6)).sample(3).tolist()",
        "import pandas as pd",
        needs=("pandas",),
    ),
    clock(
        "chance-split",
        "return train_test_split(list(range(1000)))[0][:5]",
        "from sklearn.model_selection import train_test_split",
        needs=("sklearn",),
    ),
    clock(
        "chance-forest",
        "return RandomForestClassifier(n_estimators=3).fit(X, Y).predict_proba(X).tolist()",
        "from sklearn.ensemble import RandomForestClassifier\nX = [[i % 7, i % 5] for i in range(40)]\nY = [i % 2 for i in range(40)]\n",
        needs=("sklearn",),
    ),
    clock("chance-scipy", "return float(norm.rvs())", "from scipy.stats import norm", needs=("scipy",)),
    clock("chance-uuid", "import uuid\nreturn str(uuid.uuid4())"),
    clock("chance-secrets", "import secrets\nreturn secrets.token_hex()"),
    clock("chance-of-an-id", "return id(C())", "class C: pass\n", expect=NEVER),
    clock("chance-of-a-process", "import os\nreturn os.getpid()"),
    clock("chance-of-a-temporary-name", "import tempfile\nreturn tempfile.mktemp()"),
    clock("chance-of-a-thread-id", "import threading\nreturn threading.get_native_id()"),
    clock("chance-of-an-urandom-file", "with open('/dev/urandom', 'rb') as f:\n    return f.read(8).hex()"),
    clock("chance-of-openssl", "import ssl\nreturn ssl.RAND_bytes(8).hex()"),
    clock("chance-of-a-text-hash", "return hash('a')", expect=NEVER),
    clock("chance-of-the-machine", "import platform\nreturn platform.node()", expect=NEVER),
    clock("chance-of-the-number-of-processors", "import os\nreturn os.cpu_count()", expect=NEVER),
    clock("chance-of-a-mail", "return MIMEMultipart().as_string()", "from email.mime.multipart import MIMEMultipart"),
    clock(
        "chance-of-fernet",
        "return Fernet(b'A' * 43 + b'=').encrypt(b'x').decode()",
        "from cryptography.fernet import Fernet",
        needs=("cryptography",),
    ),
    clock(
        "chance-of-a-private-key",
        "from cryptography.hazmat.primitives.asymmetric import ed25519\nreturn ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()",
        needs=("cryptography",),
    ),
    # Chance and clocks behind what is called: seeds that turn out to be None, and libraries that ask by themselves.
    *(
        clock(f"chance-of-{name}", body, f"import random\nCFG = {{}}\nSEED = None\n{top}", needs=needs, **more)
        for name, body, top, needs, more in (
            ("a-seed-that-is-none", "return random.Random(seed).random()", "", (), {"arguments": "seed=None"}),
            ("a-seed-of-no-config", "random.seed(CFG.get('seed'))\nreturn random.random()", "", (), {}),
            ("a-seed-in-a-branch", "if CFG: random.seed(1)\nreturn random.random()", "", (), {}),
            (
                "numpy-without-a-seed",
                "return np.random.default_rng(SEED).random()",
                "import numpy as np",
                ("numpy",),
                {},
            ),
            (
                "a-state-of-no-config",
                "return pd.Series(range(1000)).sample(5, random_state=SEED).tolist()",
                "import pandas as pd",
                ("pandas",),
                {},
            ),
            (
                "a-split-of-no-config",
                "return train_test_split(list(range(1000)), random_state=CFG.get('seed'))[0][:5]",
                "from sklearn.model_selection import train_test_split",
                ("sklearn",),
                {},
            ),
            (
                "a-sampler",
                "study = optuna.create_study()\nstudy.optimize(lambda t: t.suggest_float('x', 0, 1), n_trials=2)\nreturn study.best_params",
                "import optuna",
                ("optuna",),
                {},
            ),
        )
    ),
    clock(
        "clock-of-a-difference-to-now", "return pendulum.datetime(2024, 1, 1).diff().in_seconds()", "import pendulum"
    ),
    clock("clock-of-a-format", "return str(pendulum.from_format('10:00', 'HH:mm'))", "import pendulum", expect=NEVER),
    clock(
        "clock-of-a-gzip-file",
        "import gzip, io\nb = io.BytesIO()\nwith gzip.open(b, 'wb') as f: f.write(b'x')\nreturn b.getvalue().hex()",
        expect=NEVER,
    ),
    # Seeded: no chance.
    *(
        clock(f"seeded-{name}", body, f"CFG = {{'seed': 3}}\n{top}", expect=HIT, needs=needs)
        for name, body, top, needs in (
            ("by-a-config", "random.seed(CFG['seed'])\nreturn random.random()", "import random", ()),
            (
                "split-by-a-config",
                "return train_test_split(list(range(100)), random_state=CFG['seed'])[0][:5]",
                "from sklearn.model_selection import train_test_split",
                ("sklearn",),
            ),
            (
                "estimator-that-needs-none",
                "return SVC().fit([[0], [1]], [0, 1]).predict([[2]]).tolist()",
                "from sklearn.svm import SVC",
                ("sklearn",),
            ),
            (
                "numpy-in-the-body",
                "import numpy as np\nnp.random.seed(1)\nreturn float(np.random.rand())",
                "",
                ("numpy",),
            ),
            (
                "format-of-a-whole-date",
                "return str(pendulum.from_format('2024-01-02', 'YYYY-MM-DD'))",
                "import pendulum",
                (),
            ),
        )
    ),
    clock(
        "seeded-numpy",
        "rng = np.random.default_rng(42)\nreturn float(rng.normal())",
        "import numpy as np",
        expect=HIT,
        needs=("numpy",),
    ),
    clock("seeded-random", "import random\nreturn random.Random(7).random()", expect=HIT),
    clock(
        "seeded-by-an-argument",
        "import random\nreturn random.Random(seed).random()",
        arguments="seed",
        call="7",
        expect=HIT,
    ),
    clock(
        "seeded-split",
        "return train_test_split(list(range(100)), random_state=0)[0][:5]",
        "from sklearn.model_selection import train_test_split",
        expect=HIT,
        needs=("sklearn",),
    ),
    clock(
        "seed-changes",
        "return float(np.random.default_rng(SEED).normal())",
        "import numpy as np\nSEED = 1\n",
        edit=("SEED = 1", "SEED = 2"),
        needs=("numpy",),
    ),
    clock("name-based-uuid", "import uuid\nreturn str(uuid.uuid5(uuid.NAMESPACE_DNS, 'a'))", expect=HIT),
    clock(
        "time-to-log-a-duration",
        "t = time.time()\nr = sum(range(10))\nlog.info('took %s', time.time() - t)\nreturn r",
        "import time, logging\nlog = logging.getLogger(__name__)\n",
        expect=HIT,
        worst=True,
    ),
    clock(
        "perf-counter-to-print",
        "t = time.perf_counter()\nr = sum(range(10))\nprint(f'took {time.perf_counter() - t}')\nreturn r",
        "import time\n",
        expect=HIT,
    ),
    clock("sleep", "import time\ntime.sleep(0.01)\nreturn 1", expect=HIT),
)
