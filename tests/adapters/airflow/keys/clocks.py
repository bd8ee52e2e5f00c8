"""Clocks: by names that anybody knows, and by others."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import FRESH, HIT, NEVER, WORDS, Case, work

__all__ = ["CASES", "clock"]


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
        "clock-by-an-argument",
        "return str(pd.Timestamp(end))",
        "import pandas as pd",
        arguments="end",
        call="'now'",
        needs=("pandas",),
    ),
    clock(
        "clock-by-a-default",
        "return str(of())",
        "import pandas as pd\ndef of(end='now'): return pd.Timestamp(end)",
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
    clock(
        "clock-of-a-difference-to-now", "return pendulum.datetime(2024, 1, 1).diff().in_seconds()", "import pendulum"
    ),
    clock("clock-of-a-format", "return str(pendulum.from_format('10:00', 'HH:mm'))", "import pendulum", expect=NEVER),
    clock(
        "clock-of-a-gzip-file",
        "import gzip, io\nb = io.BytesIO()\nwith gzip.open(b, 'wb') as f: f.write(b'x')\nreturn b.getvalue().hex()",
        expect=NEVER,
    ),
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
