"""Files: readers that everybody lists, and those that nobody does; folders, links, archives, databases."""

from __future__ import annotations

import sys
from typing import Any

from adapters.airflow.keys.case import FRESH, HIT, NEVER, OBSERVED, SAFE, VOUCHED, Case, Run, tasks, work

__all__ = ["CASES"]

FILE = "@BASE@/etc/x.txt"
ALLOWED = "@cached(allow=('files',))"


def reads(name: str, body: str, top: str = "", one: str = "1 2\n", two: str = "1 3\n", **case: Any) -> Case:
    """Return a case of a task that reads a file, which is changed; `FILE` in its code is the path."""
    texts = {"files": {"etc/x.txt": one}, "writes": {"etc/x.txt": two}}
    return work(
        name, body.replace("FILE", repr(FILE)), top.replace("FILE", repr(FILE)), **{"layer": OBSERVED, **texts, **case}
    )


def makes(name: str, body: str, one: str, two: str, top: str = "", **case: Any) -> Case:
    """Return a case of a task that reads what commands have made."""
    return work(name, body, top, **{"layer": OBSERVED, "first": Run(before=[one]), "second": Run(before=[two]), **case})


LOGS = {"AIRFLOW__LOGGING__BASE_LOG_FOLDER": "@BASE@/logs"}


def logged(name: str, body: str, **case: Any) -> Case:
    """Return a case of a task that looks at files in Airflow's folder of logs."""
    first, second = (Run(env=LOGS, before=[f"mkdir -p logs/x; echo {n} > logs/x/a; touch logs/x/{n}"]) for n in (1, 2))
    return work(name, body, **{"layer": OBSERVED, "first": first, "second": second, **case})


SQLITE = "python3 -c \"import sqlite3; c = sqlite3.connect('etc.db'); c.execute('create table if not exists t (n)'); c.execute('insert into t values ({n})'); c.commit()\""
NUMPY = "python3.11 -c \"import array; open('x.raw', 'wb').write(array.array('d', [{n}]).tobytes())\""
PARQUET = f"{sys.executable} -c \"import pandas as pd; pd.DataFrame({{{{'a': [{{n}}]}}}}).to_parquet('p')\""
FONT = "cp {fonts}/DejaVu{{name}}.ttf a.ttf".format(
    fonts=f"$(dirname $({sys.executable} -c 'import matplotlib.font_manager as m; print(m.findfont(None))'))"
)
MATLAB = f"{sys.executable} -c \"import scipy.io as s; s.savemat('x.mat', {{'a': [N]}})\""
MATRIX = "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 {n}.0\n"
TEMPLATED = """
from airflow.providers.standard.operators.python import PythonOperator
def f(templates_dict=None): return templates_dict["q"]
with DAG("d", schedule=None, tags=["couler-cache"], template_searchpath=["@BASE@/etc"]):
    PythonOperator(task_id="t", python_callable=f, templates_dict={"q": "q.sql"}, templates_exts=[".sql"])
"""

ENGINE = """
from sqlalchemy import create_engine, text
E = create_engine('sqlite:///@BASE@/etc.db')
with E.connect() as c:
    c.execute(text('select 1'))
"""
POOLED = "with E.connect() as c:\n    return c.execute(text('select sum(n) from t')).scalar()"

CASES: tuple[Case, ...] = (
    logged("file-among-the-logs", "return open('@BASE@/logs/x/a').read()"),
    logged("listing-among-the-logs", "import os\nreturn sorted(os.listdir('@BASE@/logs/x'))"),
    logged(
        "file-removed-among-the-logs",
        "from pathlib import Path\nPath('@BASE@/logs/x/a').unlink(missing_ok=True)\nreturn 1",
        expect=NEVER,
    ),
    logged(
        "log-of-a-handler",
        "h = logging.FileHandler('@BASE@/logs/own.log')\nlogging.getLogger('x').addHandler(h)\n"
        "logging.getLogger('x').error('x')\nh.close()\nreturn 1",
        top="import logging",
        expect=HIT,
    ),
    # Readers by path.
    reads("file-open", "return open(FILE).read()", worst=True),
    reads("file-open-same", "return open(FILE).read()", two="1 2\n", expect=HIT),
    # Whoever allows it says that the result does not depend on the file.
    reads("file-open-allowed", "return open(FILE).read()", mark=ALLOWED, worst=True, expect=VOUCHED),
    reads(
        "file-as-an-argument", "return open(p).read()", arguments="p", call=f"'{FILE}'", mark=ALLOWED, expect=VOUCHED
    ),
    reads("file-read-text", "from pathlib import Path\nreturn Path(FILE).read_text()"),
    reads("file-loadtxt", "return float(np.loadtxt(FILE).sum())", "import numpy as np", needs=("numpy",)),
    reads("file-genfromtxt", "return float(np.genfromtxt(FILE).sum())", "import numpy as np", needs=("numpy",)),
    reads("file-fromfile", "return np.fromfile(FILE, dtype='u1').tolist()", "import numpy as np", needs=("numpy",)),
    reads(
        "file-memmap", "return np.memmap(FILE, dtype='u1', mode='r').tolist()", "import numpy as np", needs=("numpy",)
    ),
    reads(
        "file-memmap-global",
        "return M[2].item()",
        "import numpy as np\nM = np.memmap(FILE, dtype='u1', mode='r')\n",
        needs=("numpy",),
    ),
    reads("file-linecache", "return linecache.getline(FILE, 1)", "import linecache"),
    reads("file-fileinput", "with fileinput.input([FILE]) as f:\n    return list(f)", "import fileinput"),
    reads(
        "file-mmap",
        "with open(FILE, 'rb') as f:\n    return bytes(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)).decode()",
        "import mmap",
    ),
    reads("file-by-descriptor", "import os\nfd = os.open(FILE, os.O_RDONLY)\nreturn os.read(fd, 99).decode()"),
    reads("file-opened-at-import", "F.seek(0)\nreturn F.read()", "F = open(FILE)\n"),
    reads("file-opener-as-a-default", "return how(FILE).read()", arguments="how=open"),
    reads("file-opener-in-a-partial", "return P().read()", "import functools\nP = functools.partial(open, FILE)\n"),
    reads("file-csv", "return list(csv.reader(open(FILE)))", "import csv"),
    reads("file-json-load", "with open(FILE) as f:\n    return json.load(f)", "import json", "1", "2"),
    reads(
        "file-elementtree",
        "return ET.parse(FILE).getroot().text",
        "import xml.etree.ElementTree as ET",
        "<a>1</a>",
        "<a>2</a>",
    ),
    reads(
        "file-sax",
        "from xml import sax\nbox = []\nh = sax.ContentHandler()\nh.characters = box.append\nsax.parse(FILE, h)\nreturn box",
        "",
        "<a>1</a>",
        "<a>2</a>",
    ),
    reads(
        "file-codecs",
        "import codecs\nwith codecs.open(FILE, encoding='utf-8') as f:\n    return f.read()",
    ),
    reads(
        "file-read-csv",
        "import pandas as pd\nreturn int(pd.read_csv(FILE).a.sum())",
        "",
        "a\n1\n",
        "a\n2\n",
        needs=("pandas",),
    ),
    reads(
        "file-read-csv-same",
        "import pandas as pd\nreturn int(pd.read_csv(FILE).a.sum())",
        "",
        "a\n1\n",
        "a\n1\n",
        needs=("pandas",),
        mark=ALLOWED,
        expect=HIT,
    ),
    reads(
        "file-read-csv-by-a-helper-class",
        "return R().load()",
        "import pandas as pd\nclass R:\n    reader = staticmethod(pd.read_csv)\n    def load(self): return int(self.reader(FILE).a.sum())\n",
        "a\n1\n",
        "a\n2\n",
        needs=("pandas",),
    ),
    reads(
        "file-jinja-loader",
        "from jinja2 import Environment, FileSystemLoader\nreturn Environment(loader=FileSystemLoader('@BASE@/etc')).get_template('x.txt').render()",
    ),
    reads(
        "file-jinja-environment-as-a-global",
        "return ENV.get_template('x.txt').render()",
        "from jinja2 import Environment, FileSystemLoader\nENV = Environment(loader=FileSystemLoader('@BASE@/etc'))\n",
    ),
    reads(
        "file-logging-config",
        "import logging.config\nlogging.config.fileConfig(FILE)\nreturn logging.getLogger('corp').level",
        "",
        "[loggers]\nkeys=root,corp\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n[logger_corp]\nhandlers=\nqualname=corp\nlevel=DEBUG\n",
        "[loggers]\nkeys=root,corp\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n[logger_corp]\nhandlers=\nqualname=corp\nlevel=ERROR\n",
    ),
    reads("file-runpy", "import runpy\nreturn runpy.run_path(FILE)['N']", "", "N = 1\n", "N = 2\n"),
    reads("file-exec", "box = {}\nexec(open(FILE).read(), box)\nreturn box['N']", "", "N = 1\n", "N = 2\n"),
    reads(
        "file-read-in-a-thread",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n    return pool.submit(get, FILE).result()",
        "def get(p): return open(p).read()\n",
    ),
    reads(
        "file-read-in-a-process",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n    return pool.map(get, [FILE])[0]",
        "def get(p): return open(p).read()\n",
    ),
    reads(
        "file-read-by-asyncio",
        "import asyncio\nreturn asyncio.run(asyncio.to_thread(get, FILE))",
        "def get(p): return open(p).read()\n",
    ),
    reads(
        "file-read-by-a-cached-property",
        "return M().cfg",
        "import functools\nclass M:\n    @functools.cached_property\n    def cfg(self): return open(FILE).read()\n",
    ),
    reads("file-read-by-fsspec", "import fsspec\nreturn fsspec.open(FILE).open().read().decode()", needs=("fsspec",)),
    reads(
        "file-read-by-object-storage",
        "from airflow.sdk import ObjectStoragePath\nreturn ObjectStoragePath('file://' + FILE).read_text()",
        needs=("fsspec",),
    ),
    reads(
        "file-read-by-urllib", "from urllib.request import urlopen\nreturn urlopen('file://' + FILE).read().decode()"
    ),
    reads("file-read-by-joblib", "import joblib\nreturn joblib.hash(open(FILE, 'rb').read())", needs=("joblib",)),
    reads(
        "file-hash-of-it",
        "import hashlib\nwith open(FILE, 'rb') as f:\n    return hashlib.file_digest(f, 'sha256').hexdigest()",
    ),
    reads(
        "file-compare",
        "import filecmp\nreturn filecmp.cmp(FILE, '@BASE@/etc/same.txt', shallow=False)",
        files={"etc/x.txt": "1", "etc/same.txt": "1"},
    ),
    reads(
        "file-mime-types", "import mimetypes\nreturn mimetypes.read_mime_types(FILE)['.zz']", "", "a/b zz\n", "a/c zz\n"
    ),
    reads(
        "file-translations",
        "import gettext\nreturn str(gettext.find('x', '@BASE@/etc', ['de']))",
        files={"etc/x.txt": "1"},
        writes={"etc/de/LC_MESSAGES/x.mo": "1"},
    ),
    reads(
        "file-plist",
        "import plistlib\nwith open(FILE, 'rb') as f:\n    return plistlib.load(f)['n']",
        "",
        "<?xml version='1.0'?><plist version='1.0'><dict><key>n</key><integer>1</integer></dict></plist>",
        "<?xml version='1.0'?><plist version='1.0'><dict><key>n</key><integer>2</integer></dict></plist>",
    ),
    reads(
        "file-svmlight",
        "from sklearn.datasets import load_svmlight_file\nreturn load_svmlight_file(FILE)[1].tolist()",
        "",
        "1 1:2\n",
        "2 1:2\n",
        needs=("sklearn",),
    ),
    reads(
        "file-lightgbm-native",
        "import lightgbm\nreturn lightgbm.Dataset(FILE, params={'verbose': -1, 'min_data_in_bin': 1, 'min_data_in_leaf': 1}).construct().get_label().tolist()",
        "",
        "1,2\n2,3\n3,1\n",
        "1,2\n2,3\n4,1\n",
        needs=("lightgbm",),
    ),
    reads(
        "file-dll-native",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.fopen.restype = ctypes.c_void_p\nf = ctypes.c_void_p(libc.fopen(FILE.encode(), b'r'))\nbox = ctypes.create_string_buffer(9)\nlibc.fgets(box, 9, f)\nreturn box.value.decode()",
    ),
    reads(
        "file-lxml",
        "from lxml import etree\nreturn etree.parse(FILE).getroot().text",
        "",
        "<a>1</a>",
        "<a>2</a>",
        needs=("lxml",),
    ),
    reads(
        "file-expat",
        "from xml.parsers import expat\nbox = []\np = expat.ParserCreate()\np.CharacterDataHandler = box.append\nwith open(FILE, 'rb') as f:\n    p.ParseFile(f)\nreturn box",
        "",
        "<a>1</a>",
        "<a>2</a>",
    ),
    reads(
        "file-pyarrow-csv",
        "from pyarrow import csv\nreturn csv.read_csv(FILE).to_pydict()",
        "",
        "a\n1\n",
        "a\n2\n",
        needs=("pyarrow",),
    ),
    reads(
        "file-polars-scan",
        "import polars as pl\nreturn pl.scan_csv(FILE).collect().to_dicts()",
        "",
        "a\n1\n",
        "a\n2\n",
        needs=("polars",),
    ),
    reads(
        "file-duckdb",
        "import duckdb\nreturn duckdb.read_csv(FILE).fetchall()",
        "",
        "a\n1\n",
        "a\n2\n",
        needs=("duckdb",),
    ),
    makes(
        "file-parquet",
        "import pandas as pd\nreturn int(pd.read_parquet('@BASE@/p').a[0])",
        PARQUET.format(n=1),
        PARQUET.format(n=2),
        needs=("pandas", "pyarrow"),
    ),
    makes(
        "file-parquet-by-a-helper",
        "return load('@BASE@/p')",
        PARQUET.format(n=1),
        PARQUET.format(n=2),
        "from pandas import read_parquet\ndef load(p): return int(read_parquet(p).a[0])\n",
        needs=("pandas", "pyarrow"),
    ),
    makes(
        "file-parquet-allowed",
        "import pandas as pd\nreturn int(pd.read_parquet('@BASE@/p').a[0])",
        PARQUET.format(n=1),
        PARQUET.format(n=2),
        mark=ALLOWED,
        needs=("pandas", "pyarrow"),
        expect=VOUCHED,
    ),
    makes(
        "file-parquet-written",
        "pd.DataFrame({'a': [1]}).to_parquet('@BASE@/p')\nreturn 1",
        "rm -f p",
        "rm -f p",
        "import pandas as pd",
        needs=("pandas", "pyarrow"),
        expect=NEVER,
    ),
    *(
        makes(
            f"file-matlab{end}",
            "from scipy.io import loadmat\nreturn loadmat('@BASE@/x.mat')['a'].tolist()",
            MATLAB.replace("N", "1"),
            second,
            needs=("scipy",),
            expect=expect,
        )
        for end, second, expect in (("", MATLAB.replace("N", "2"), FRESH), ("-same", "true", HIT))
    ),
    reads(
        "file-html",
        "import pandas as pd\nreturn int(pd.read_html(FILE)[0].iloc[0, 0])",
        "",
        "<table><tr><td>1</td></tr></table>",
        "<table><tr><td>2</td></tr></table>",
        needs=("pandas", "lxml"),
    ),
    reads(
        "file-matrix",
        "return float(mmread(FILE).sum())",
        "from scipy.io import mmread",
        MATRIX.format(n=1),
        MATRIX.format(n=2),
        needs=("scipy",),
    ),
    makes(
        "file-sqlite",
        "import sqlite3\nreturn sqlite3.connect('@BASE@/etc.db').execute('select sum(n) from t').fetchone()[0]",
        SQLITE.format(n=1),
        SQLITE.format(n=2),
    ),
    makes(
        "file-sqlite-by-a-pool",
        POOLED,
        SQLITE.format(n=1),
        SQLITE.format(n=2),
        ENGINE,
        needs=("sqlalchemy",),
    ),
    makes(
        "file-sqlite-by-an-engine-above-same",
        POOLED,
        SQLITE.format(n=1),
        "true",
        ENGINE.partition("with")[0],
        needs=("sqlalchemy",),
        expect=HIT,
    ),
    makes(
        "file-sqlite-by-sqlalchemy",
        "from sqlalchemy import create_engine, text\nwith create_engine('sqlite:///@BASE@/etc.db').connect() as c:\n    return c.execute(text('select sum(n) from t')).scalar()",
        SQLITE.format(n=1),
        SQLITE.format(n=2),
        needs=("sqlalchemy",),
    ),
    makes(
        "file-sqlite-by-pandas",
        "import pandas as pd, sqlite3\nreturn int(pd.read_sql('select sum(n) s from t', sqlite3.connect('@BASE@/etc.db')).s[0])",
        SQLITE.format(n=1),
        SQLITE.format(n=2),
        needs=("pandas",),
    ),
    makes(
        "file-sqlite-attached",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute(\"attach '@BASE@/etc.db' as e\")\nreturn c.execute('select sum(n) from e.t').fetchone()[0]",
        SQLITE.format(n=1),
        SQLITE.format(n=2),
    ),
    makes(
        "file-memmap-of-numbers",
        "import numpy as np\nreturn float(np.memmap('@BASE@/x.raw', dtype='f8', mode='r')[0])",
        NUMPY.format(n=1),
        NUMPY.format(n=2),
        needs=("numpy",),
    ),
    makes(
        "file-zip",
        "return zipfile.ZipFile('@BASE@/z.zip').namelist()[0]",
        "echo > a.txt; python3 -m zipfile -c z.zip a.txt",
        "echo > b.txt; python3 -m zipfile -c z.zip b.txt",
        "import zipfile",
    ),
    makes(
        "file-tar",
        "return tarfile.open('@BASE@/z.tar').getnames()[0]",
        "echo > a.txt; tar cf z.tar a.txt",
        "echo > b.txt; tar cf z.tar b.txt",
        "import tarfile",
    ),
    makes(
        "file-gzip",
        "import gzip\nreturn gzip.open('@BASE@/z.gz', 'rt').read()",
        "echo 1 | gzip > z.gz",
        "echo 2 | gzip > z.gz",
    ),
    makes(
        "file-shelve",
        "import dbm.dumb\nwith dbm.dumb.open('@BASE@/db', 'r') as d:\n    return d['a'].decode()",
        "python3 -c \"import dbm.dumb; d = dbm.dumb.open('db'); d['a'] = '1'; d.close()\"",
        "python3 -c \"import dbm.dumb; d = dbm.dumb.open('db'); d['a'] = '2'; d.close()\"",
    ),
    makes(
        "file-pickle",
        "import pickle\nreturn pickle.load(open('@BASE@/m.pkl', 'rb'))",
        "python3 -c \"import pickle; pickle.dump(1, open('m.pkl', 'wb'))\"",
        "python3 -c \"import pickle; pickle.dump(2, open('m.pkl', 'wb'))\"",
    ),
    makes(
        "file-pickle-by-pandas",
        "import pandas as pd\nreturn pd.read_pickle('@BASE@/m.pkl')",
        "python3 -c \"import pickle; pickle.dump(1, open('m.pkl', 'wb'))\"",
        "python3 -c \"import pickle; pickle.dump(2, open('m.pkl', 'wb'))\"",
        needs=("pandas",),
    ),
    work(
        "file-beside-a-package",
        "return pkgutil.get_data('mypkg', 'c.txt').decode()",
        "import pkgutil",
        files={"mypkg/__init__.py": "", "mypkg/c.txt": "1"},
        edits={"mypkg/c.txt": ("1", "2")},
        layer=OBSERVED,
    ),
    work(
        "file-of-resources",
        "from importlib import resources\nreturn resources.files('mypkg').joinpath('c.txt').read_text()",
        files={"mypkg/__init__.py": "", "mypkg/c.txt": "1"},
        edits={"mypkg/c.txt": ("1", "2")},
        layer=OBSERVED,
    ),
    work(
        "file-of-resources-in-a-helper",
        "return h.load()",
        "import h",
        files={
            "h.py": "from importlib.resources import files\nSOURCE = files('mypkg')\ndef load(): return (SOURCE / 'c.txt').read_text()\n",
            "mypkg/__init__.py": "",
            "mypkg/c.txt": "1",
        },
        edits={"mypkg/c.txt": ("1", "2")},
        layer=OBSERVED,
    ),
    # Folders, links, and what is known of files without opening them.
    work(
        "folder-glob",
        "import glob\nreturn len(glob.glob('@BASE@/etc/*.txt'))",
        files={"etc/a.txt": ""},
        writes={"etc/b.txt": ""},
        layer=OBSERVED,
    ),
    work(
        "folder-rglob-allowed",
        "from pathlib import Path\nreturn sum(len(p.read_text()) for p in Path('@BASE@/etc').rglob('*.txt'))",
        files={"etc/s/a.txt": "1"},
        writes={"etc/s/t/b.txt": "22"},
        layer=OBSERVED,
    ),
    work(
        "folder-listed",
        "import os\nreturn sorted(os.listdir('@BASE@/etc'))",
        files={"etc/a.txt": ""},
        writes={"etc/b.txt": ""},
        layer=OBSERVED,
    ),
    work(
        "folder-scanned",
        "import os\nreturn sorted(e.name for e in os.scandir('@BASE@/etc'))",
        files={"etc/a.txt": ""},
        writes={"etc/b.txt": ""},
        layer=OBSERVED,
    ),
    work(
        "folder-walked",
        "import os\nreturn sum(len(f) for _, _, f in os.walk('@BASE@/etc'))",
        files={"etc/a.txt": ""},
        writes={"etc/s/b.txt": ""},
        layer=OBSERVED,
    ),
    work(
        "folder-compared",
        "import filecmp\nreturn sorted(filecmp.dircmp('@BASE@/etc/a', '@BASE@/etc/b').left_only)",
        files={"etc/a/x": "", "etc/b/x": ""},
        writes={"etc/a/y": ""},
        layer=OBSERVED,
    ),
    work(
        "folder-that-appears",
        "import os\nreturn os.path.isdir('@BASE@/etc/new')",
        files={"etc/a": ""},
        writes={"etc/new/a": ""},
        layer=OBSERVED,
    ),
    work(
        "file-that-appears",
        "from pathlib import Path\np = Path('@BASE@/etc/b.txt')\nreturn p.read_text() if p.exists() else 'none'",
        files={"etc/a.txt": ""},
        writes={"etc/b.txt": "1"},
        layer=OBSERVED,
    ),
    work(
        "file-that-is-tried",
        "try:\n    return open('@BASE@/etc/b.txt').read()\nexcept FileNotFoundError:\n    return 'none'",
        files={"etc/a.txt": ""},
        writes={"etc/b.txt": "1"},
        layer=OBSERVED,
    ),
    work(
        "file-size",
        "import os\nreturn os.path.getsize('@BASE@/etc/a.txt')",
        files={"etc/a.txt": "1"},
        writes={"etc/a.txt": "22"},
        layer=OBSERVED,
    ),
    work(
        "file-mode",
        "import os\nreturn oct(os.stat('@BASE@/etc/a.txt').st_mode)",
        files={"etc/a.txt": "1"},
        second=Run(before=["chmod 600 etc/a.txt"]),
        layer=OBSERVED,
    ),
    work(
        "file-modified-at",
        "import os\nreturn os.path.getmtime('@BASE@/etc/a.txt')",
        files={"etc/a.txt": "1"},
        first=Run(before=["touch -d 2020-01-01 etc/a.txt"]),
        second=Run(before=["touch -d 2021-01-01 etc/a.txt"]),
        layer=OBSERVED,
    ),
    work(
        "file-access",
        "import os\nreturn os.access('@BASE@/etc/b.txt', os.R_OK)",
        files={"etc/a.txt": "1"},
        writes={"etc/b.txt": ""},
        layer=OBSERVED,
    ),
    makes(
        "file-in-a-folder-that-it-goes-to-by-a-link",
        "import os\nos.chdir('@BASE@/cur')\nreturn open('f').read()",
        "mkdir -p v1 v2; echo 1 > v1/f; echo 2 > v2/f; ln -sfn v1 cur",
        "ln -sfn v2 cur",
    ),
    work(
        "file-in-a-folder-that-it-goes-to-from-another",
        "import os\nos.chdir('sub')\nreturn open('f').read()",
        files={"etc/x/sub/f": "1", "etc/y/sub/f": "2"},
        first=Run(folder="etc/x"),
        second=Run(folder="etc/y"),
        layer=OBSERVED,
    ),
    makes(
        "file-in-a-folder-that-is-open-by-a-link",
        "import os\nfd = os.open('@BASE@/cur', os.O_RDONLY)\nreturn sorted(os.listdir(fd))",
        "mkdir -p v1 v2; touch v1/a v2/b; ln -sfn v1 cur",
        "ln -sfn v2 cur",
    ),
    makes(
        "file-status-in-a-folder-that-is-open",
        "import os\nfd = os.open('@BASE@/v', os.O_RDONLY)\nreturn [e.stat().st_size for e in os.scandir(fd)]",
        "mkdir -p v; echo 1 > v/a",
        "echo 22 > v/a",
    ),
    work(
        "file-link-target",
        "import os\nreturn os.readlink('@BASE@/current')",
        files={"etc/a.txt": "1"},
        first=Run(before=["ln -s etc/a.txt current"]),
        second=Run(before=["ln -sfn etc/b.txt current"]),
        layer=OBSERVED,
    ),
    work(
        "file-behind-a-link",
        "return open('@BASE@/current').read()",
        files={"etc/a.txt": "1", "etc/b.txt": "2"},
        first=Run(before=["ln -s etc/a.txt current"]),
        second=Run(before=["ln -sfn etc/b.txt current"]),
        layer=OBSERVED,
    ),
    work(
        "file-behind-a-linked-folder",
        "return open('@BASE@/current/x').read()",
        files={"etc/a/x": "1", "etc/b/x": "2"},
        first=Run(before=["ln -s etc/a current"]),
        second=Run(before=["ln -sfn etc/b current"]),
        layer=OBSERVED,
    ),
    work(
        "file-replaced-same-size-and-time",
        "return open('@BASE@/etc/a.txt').read()",
        files={"etc/a.txt": "1"},
        writes={"etc/a.txt": "2"},
        first=Run(before=["touch -d 2020-01-01 etc/a.txt"]),
        second=Run(before=["touch -d 2020-01-01 etc/a.txt"]),
        layer=OBSERVED,
    ),
    work(
        "file-touched-only",
        "return open('@BASE@/etc/a.txt').read()",
        files={"etc/a.txt": "1"},
        second=Run(before=["touch etc/a.txt"]),
        expect=HIT,
        layer=OBSERVED,
    ),
    work(
        "file-another-one-changes",
        "return open('@BASE@/etc/a.txt').read()",
        files={"etc/a.txt": "1", "etc/b.txt": "1"},
        writes={"etc/b.txt": "2"},
        expect=HIT,
        layer=OBSERVED,
    ),
    work(
        "file-in-a-temporary-folder",
        "import tempfile\nwith tempfile.TemporaryFile('w+') as f:\n    f.write('1')\n    f.seek(0)\n    return f.read()",
        expect=HIT,
        layer=OBSERVED,
    ),
    work(
        "file-only-in-a-branch-not-taken",
        "if x:\n    return open('/nowhere').read()\nreturn 1",
        arguments="x",
        call="0",
        expect=HIT,
        layer=OBSERVED,
    ),
    work("names-of-paths-only", "return os.path.join('a', os.path.basename('/x/b'))", "import os", expect=HIT),
    work(
        "attribute-named-open",
        "return row['open'] + P.open",
        "class P: open = 1\n",
        arguments="row",
        call="{'open': 2}",
        expect=HIT,
    ),
    work("path-joined-only", "return str(BASE / 'x')", "from pathlib import Path\nBASE = Path('/data')\n", expect=HIT),
    # Templates in files.
    tasks("template-file", TEMPLATED, files={"etc/q.sql": "select 1"}, edits={"etc/q.sql": ("1", "2")}),
    tasks(
        "template-file-includes",
        TEMPLATED,
        files={"etc/q.sql": "{% include 'r.sql' %}", "etc/r.sql": "select 1"},
        edits={"etc/r.sql": ("1", "2")},
    ),
    tasks(
        "template-file-macro",
        TEMPLATED,
        files={"etc/q.sql": "{% from 'm.sql' import m %}{{ m() }}", "etc/m.sql": "{% macro m() %}1{% endmacro %}"},
        edits={"etc/m.sql": ("1", "2")},
    ),
    tasks(
        "template-file-comment",
        TEMPLATED,
        files={"etc/q.sql": "select 1{# a #}"},
        edits={"etc/q.sql": ("{# a #}", "{# b #}")},
        expect=HIT,
    ),
    tasks(
        "template-file-beside-the-dag",
        TEMPLATED.replace(', template_searchpath=["@BASE@/etc"]', ""),
        files={"q.sql": "select 1"},
        edits={"q.sql": ("1", "2")},
    ),
    tasks(
        "template-file-read-by-the-body",
        """
        from pathlib import Path
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def t(): return (Path(__file__).parent / "sql" / "q.sql").read_text()
            t()
        """,
        files={"sql/q.sql": "select 1"},
        edits={"sql/q.sql": ("1", "2")},
        layer=OBSERVED,
    ),
    # What another module or compiled code reads.
    reads("file-status-of-posix", "return posix.stat(FILE).st_size", "import posix", two="1 22\n"),
    reads(
        "file-status-of-aiofiles",
        "import asyncio\nasync def go(): return (await aos.stat(FILE)).st_size\nreturn asyncio.run(go())",
        "from aiofiles import os as aos",
        two="1 22\n",
        needs=("aiofiles",),
    ),
    reads(
        "file-status-in-an-executor",
        "import asyncio\nasync def go(): return [e.stat().st_size for e in await aos.scandir('@BASE@/etc')]\n"
        "return asyncio.run(go())",
        "from aiofiles import os as aos",
        two="1 22\n",
        needs=("aiofiles",),
    ),
    makes(
        "file-of-a-font",
        "from PIL import ImageFont\nreturn ImageFont.truetype('@BASE@/a.ttf', 20).getname()[0]",
        FONT.format(name="Sans"),
        FONT.format(name="Serif"),
        needs=("PIL", "matplotlib"),
    ),
    reads(
        "file-of-rustworkx",
        "import rustworkx\nreturn len(rustworkx.PyGraph.read_edge_list(FILE))",
        one="0 1\n",
        two="0 1\n1 2\n",
        needs=("rustworkx",),
    ),
    work(
        "file-whose-lines-are-missing",
        "import linecache\nreturn linecache.getline('@BASE@/etc/x.txt', 1)",
        writes={"etc/x.txt": "1"},
        layer=OBSERVED,
    ),
    work(
        "file-in-another-temporary-folder",
        "import os, tempfile\nwith tempfile.TemporaryDirectory() as d:\n    return os.path.dirname(d)",
        first=Run(env={"TMPDIR": "@BASE@/t1"}, before=["mkdir -p t1 t2"]),
        second=Run(env={"TMPDIR": "@BASE@/t2"}),
        layer=OBSERVED,
    ),
    # Files that a task writes.
    work(
        "file-appended-by-the-task",
        "with open('@BASE@/log.txt', 'a') as f:\n    f.write('x')\nreturn len(open('@BASE@/log.txt').read())",
        layer=OBSERVED,
        expect=SAFE,
    ),
)
