"""Settings: the environment, configuration of Airflow, libraries of settings, the working directory, zones."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, OBSERVED, SAFE, Case, Run, tasks, work

__all__ = ["CASES"]


def region(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case that is run with `REGION=eu`, and then with `REGION=us`."""
    runs = {"first": Run(env={"REGION": "eu"}), "second": Run(env={"REGION": "us"})}
    return work(name, body, top, **{"layer": OBSERVED, **runs, **case})


HELPER = "import os\nclass S:\n    def __init__(self): self.region = os.environ['REGION']\n    def get(self): return self.region\n"
LAZY = """
import json, pathlib
_loaded = None
def settings():
    global _loaded
    if _loaded is None:
        _loaded = json.loads((pathlib.Path(__file__).parent / "c.json").read_text())
    return _loaded
"""

GRAPH = "import networkx as nx\nreturn nx.path_graph(3).number_of_nodes(), str(nx.config.backend_priority)"

CASES: tuple[Case, ...] = (
    # The environment, wherever it is read.
    region("environment-in-the-body", "import os\nreturn os.environ['REGION']", worst=True),
    region("environment-by-getenv", "import os\nreturn os.getenv('REGION', 'none')"),
    region("environment-at-module-level", "return R", "import os\nR = os.environ['REGION']\n"),
    region(
        "environment-of-a-module-alias",
        "m = sa\nreturn m.run()",
        "import sa",
        files={"sa.py": "import os\nR = os.environ['REGION']\ndef run(): return R\n"},
    ),
    region(
        "environment-in-a-helper-module",
        "return sa.run()",
        "import sa",
        files={"sa.py": "import os\ndef run(): return os.environ['REGION']\n"},
    ),
    region("environment-in-a-default", "return get()", "import os\ndef get(r=os.environ['REGION']): return r\n"),
    region("environment-in-a-default-of-the-task", "return r", "import os\n", arguments="r=os.environ['REGION']"),
    region("environment-as-an-argument", "return r", "import os\n", arguments="r", call="os.environ['REGION']"),
    region(
        "environment-in-a-class-field", "return C.region", "import os\nclass C:\n    region = os.environ['REGION']\n"
    ),
    region(
        "environment-in-a-dunder-field",
        "return C.__region__",
        "import os\nclass C:\n    __region__ = os.environ['REGION']\n",
    ),
    region(
        "environment-in-a-post-init",
        "return CFG.url",
        "import os, dataclasses\n@dataclasses.dataclass\nclass C:\n    name: str\n    def __post_init__(self): self.url = os.environ['REGION'] + self.name\nCFG = C('x')\n",
    ),
    region("environment-in-an-object", "return S.get(X)", "from h import S\nX = S()\n", files={"h.py": HELPER}),
    region(
        "environment-in-a-class-attribute-object",
        "return Svc.client.get()",
        "from h import S\nclass Svc:\n    client = S()\n",
        files={
            "h.py": HELPER.replace(
                "def __init__(self):", "def __init__(self): import threading; self.l = threading.Lock();"
            )
        },
    ),
    region(
        "environment-in-a-default-factory",
        "return S().region",
        "from h import S",
        files={
            "h.py": "import os, dataclasses\n@dataclasses.dataclass\nclass S:\n    region: str = dataclasses.field(default_factory=lambda: os.environ['REGION'])\n"
        },
    ),
    region(
        "environment-in-a-pydantic-default",
        "return Config().region",
        "import os\nfrom pydantic import BaseModel\nclass Config(BaseModel):\n    region: str = os.environ.get('REGION', 'eu')\n",
        needs=("pydantic",),
    ),
    region(
        "environment-in-a-pydantic-factory",
        "return S().region",
        "from h import S",
        files={
            "h.py": "import os\nfrom pydantic import BaseModel, Field\nclass S(BaseModel):\n    region: str = Field(default_factory=lambda: os.environ['REGION'])\n"
        },
        needs=("pydantic",),
    ),
    region(
        "environment-in-an-attrs-factory",
        "return S().region",
        "from h import S",
        files={
            "h.py": "import os, attrs\n@attrs.define\nclass S:\n    region: str = attrs.field(factory=lambda: os.environ['REGION'])\n"
        },
        needs=("attrs",),
    ),
    region(
        "pydantic-settings",
        "return S().region",
        "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    region: str = ''\n",
        needs=("pydantic_settings",),
        worst=True,
    ),
    region(
        "pydantic-settings-global",
        "return CONF.region",
        "from h import CONF",
        files={
            "h.py": "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    region: str = ''\nCONF = S()\n"
        },
        needs=("pydantic_settings",),
    ),
    # A library that looks at all variables for its own.
    work(
        "environment-for-its-own",
        GRAPH,
        second=Run(env={"OF_A_RUN": "1"}),
        needs=("networkx",),
        expect=HIT,
        layer=OBSERVED,
    ),
    work(
        "environment-for-its-own-new",
        GRAPH,
        second=Run(env={"NETWORKX_BACKEND_PRIORITY_GENERATORS": "networkx"}),
        needs=("networkx",),
        layer=OBSERVED,
    ),
    work(
        "pydantic-settings-env-file",
        "return S().rate",
        "from pydantic_settings import BaseSettings\nclass S(BaseSettings, env_file='@BASE@/etc/.env'):\n    rate: str = ''\n",
        files={"etc/.env": "RATE=1\n"},
        edits={"etc/.env": ("=1", "=2")},
        needs=("pydantic_settings",),
        layer=OBSERVED,
    ),
    region("environment-by-expandvars", "import os\nreturn os.path.expandvars('s3://$REGION/x')"),
    region(
        "environment-by-string-template",
        "import os\nfrom string import Template\nreturn Template('$REGION').substitute(os.environ)",
    ),
    region("environment-as-a-whole", "import os\nreturn sorted(v for k, v in os.environ.items() if k == 'REGION')"),
    region("environment-kept-as-a-global", "return ENV['REGION']", "import os\nENV = os.environ\n"),
    region("environment-copied-as-a-global", "return ENV['REGION']", "import os\nENV = dict(os.environ)\n"),
    region("environment-in-bytes", "import os\nreturn os.environb[b'REGION'].decode()"),
    region(
        "environment-by-the-system",
        "import ctypes\nf = ctypes.CDLL(None).getenv\nf.restype = ctypes.c_char_p\nreturn f(b'REGION').decode()",
    ),
    region(
        "environment-for-a-program",
        "import subprocess\nreturn subprocess.run('echo $REGION', shell=True, capture_output=True, text=True).stdout",
    ),
    region(
        "environment-decides-at-import",
        "return h.get()",
        "import h",
        files={
            "h.py": "import os\nif os.environ['REGION'] == 'eu':\n    def get(): return 1\nelse:\n    def get(): return 2\n"
        },
    ),
    region(
        "environment-chooses-a-module",
        "return m.N",
        "import importlib, os\nm = importlib.import_module('conf_' + os.environ['REGION'])\n",
        files={"conf_eu.py": "N = 1\n", "conf_us.py": "N = 2\n"},
    ),
    region(
        "environment-chooses-a-class",
        "return Conf.N",
        "import os\nclass Eu:\n    N = 1\nclass Us:\n    N = 2\nConf = {'eu': Eu, 'us': Us}[os.environ['REGION']]\n",
    ),
    region("environment-that-no-task-reads", "return 1", "import os\nR = os.environ['REGION']\n", expect=HIT),
    region("environment-with-the-same-outcome", "return N", "import os\nN = len(os.environ['REGION'])\n", expect=HIT),
    region(
        "environment-value-in-the-key-anyway",
        "return CONF.region",
        "from h import CONF",
        files={"h.py": "import os\nclass C:\n    def __init__(self): self.region = os.environ['REGION']\nCONF = C()\n"},
        second=Run(env={"REGION": "eu", "OTHER": "1"}),
        expect=HIT,
    ),
    region("environment-changed-by-the-task", "import os\nos.environ['LEFT'] = '1'\nreturn os.environ['REGION']"),
    region(
        "environment-read-in-a-thread",
        "import os\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n    return pool.submit(lambda: os.environ['REGION']).result()",
    ),
    region(
        "environment-read-in-a-fork",
        "import os, multiprocessing\nreturn multiprocessing.get_context('fork').Pool(1).map(get, [0])[0]",
        "import os\ndef get(_): return os.environ['REGION']\n",
    ),
    work(
        "environment-that-appears",
        "import os\nreturn os.environ.get('DEBUG_RATE', '1')",
        second=Run(env={"DEBUG_RATE": "2"}),
        layer=OBSERVED,
    ),
    work(
        "environment-membership",
        "import os\nreturn 'DEBUG_RATE' in os.environ",
        second=Run(env={"DEBUG_RATE": "2"}),
        layer=OBSERVED,
    ),
    # Files of settings.
    work(
        "dotenv-values",
        "return dotenv_values('@BASE@/dags/.env')['A']",
        "from dotenv import dotenv_values",
        files={".env": "A=1\n"},
        edits={".env": ("=1", "=2")},
        needs=("dotenv",),
        layer=OBSERVED,
    ),
    work(
        "dotenv-at-module-level",
        "import os\nreturn os.environ['RATE_A']",
        "from dotenv import load_dotenv\nload_dotenv('@BASE@/dags/.env')\n",
        files={".env": "RATE_A=1\n"},
        edits={".env": ("=1", "=2")},
        needs=("dotenv",),
        layer=OBSERVED,
    ),
    work(
        "json-beside-the-dag",
        "return CFG['r']",
        "import json, pathlib\nCFG = json.loads((pathlib.Path(__file__).parent / 'c.json').read_text())\n",
        files={"c.json": '{"r": 1}'},
        edits={"c.json": ("1", "2")},
    ),
    work(
        "json-in-a-post-init",
        "return CFG.rate",
        "import json, dataclasses, pathlib\n@dataclasses.dataclass\nclass C:\n    name: str\n    def __post_init__(self): self.rate = json.loads((pathlib.Path(__file__).parent / self.name).read_text())['r']\nCFG = C('c.json')\n",
        files={"c.json": '{"r": 1}'},
        edits={"c.json": ("1", "2")},
    ),
    work(
        "json-by-a-module-getattr",
        "return cfg.rate",
        "import cfg",
        files={
            "cfg.py": "import json, pathlib\ndef __getattr__(n): return json.loads((pathlib.Path(__file__).parent / 'c.json').read_text())[n]\n",
            "c.json": '{"rate": 1}',
        },
        edits={"c.json": ("1", "2")},
        layer=OBSERVED,
    ),
    work(
        "json-loaded-on-first-use",
        "return cfg.settings()['rate']",
        "import cfg",
        files={"cfg.py": LAZY, "c.json": '{"rate": 1}'},
        edits={"c.json": ("1", "2")},
        layer=OBSERVED,
    ),
    work(
        "json-another-key-changes",
        "return RATE",
        "import json, pathlib\nRATE = json.loads((pathlib.Path(__file__).parent / 'c.json').read_text())['r']\n",
        files={"c.json": '{"r": 1, "s": 1}'},
        edits={"c.json": ('"s": 1', '"s": 2')},
        expect=HIT,
    ),
    work(
        "yaml-beside-the-dag",
        "return CFG['r']",
        "import yaml, pathlib\nCFG = yaml.safe_load((pathlib.Path(__file__).parent / 'c.yaml').read_text())\n",
        files={"c.yaml": "r: 1\n"},
        edits={"c.yaml": ("1", "2")},
        needs=("yaml",),
    ),
    work(
        "yaml-comment-changes",
        "return CFG['r']",
        "import yaml, pathlib\nCFG = yaml.safe_load((pathlib.Path(__file__).parent / 'c.yaml').read_text())\n",
        files={"c.yaml": "r: 1  # one\n"},
        edits={"c.yaml": ("# one", "# two")},
        needs=("yaml",),
        expect=HIT,
    ),
    work(
        "toml-in-the-body",
        "import tomllib\nwith open('@BASE@/etc/c.toml', 'rb') as f:\n    return tomllib.load(f)['r']",
        files={"etc/c.toml": "r = 1\n"},
        edits={"etc/c.toml": ("1", "2")},
        layer=OBSERVED,
    ),
    work(
        "configparser-read",
        "c = configparser.ConfigParser()\nc.read('@BASE@/dags/app.ini')\nreturn c['m']['rate']",
        "import configparser",
        files={"app.ini": "[m]\nrate=1\n"},
        edits={"app.ini": ("=1", "=2")},
        layer=OBSERVED,
        worst=True,
    ),
    work(
        "configparser-at-module-level",
        "return CONF['m']['rate']",
        "import configparser\nCONF = configparser.ConfigParser()\nCONF.read('@BASE@/dags/app.ini')\n",
        files={"app.ini": "[m]\nrate=1\n"},
        edits={"app.ini": ("=1", "=2")},
    ),
    work(
        "netrc",
        "import netrc\nreturn netrc.netrc('@BASE@/etc/netrc').authenticators('h')[0]",
        files={"etc/netrc": "machine h login a password x\n"},
        edits={"etc/netrc": ("login a", "login b")},
        first=Run(before=["chmod 600 etc/netrc"]),
        layer=OBSERVED,
    ),
    # Airflow's configuration, variables, connections.
    work(
        "airflow-conf",
        "return conf.get('myapp', 'region')",
        "from airflow.configuration import conf",
        first=Run(env={"AIRFLOW__MYAPP__REGION": "eu"}),
        second=Run(env={"AIRFLOW__MYAPP__REGION": "us"}),
        layer=OBSERVED,
    ),
    work(
        "airflow-conf-of-the-sdk",
        "return conf.get('myapp', 'region')",
        "from airflow.sdk.configuration import conf",
        first=Run(env={"AIRFLOW__MYAPP__REGION": "eu"}),
        second=Run(env={"AIRFLOW__MYAPP__REGION": "us"}),
        layer=OBSERVED,
    ),
    work(
        "airflow-variable",
        "from airflow.sdk import Variable\nreturn Variable.get('rate')",
        first=Run(env={"AIRFLOW_VAR_RATE": "1"}),
        second=Run(env={"AIRFLOW_VAR_RATE": "2"}),
        layer=OBSERVED,
    ),
    work(
        "airflow-variable-in-a-helper-class",
        "return C().rate()",
        "from airflow.sdk import Variable as V\nclass C:\n    def rate(self): return V.get('rate')\n",
        first=Run(env={"AIRFLOW_VAR_RATE": "1"}),
        second=Run(env={"AIRFLOW_VAR_RATE": "2"}),
        layer=OBSERVED,
    ),
    work(
        "airflow-connection",
        "from airflow.sdk import Connection\nreturn Connection.get('db').host",
        first=Run(env={"AIRFLOW_CONN_DB": "http://one"}),
        second=Run(env={"AIRFLOW_CONN_DB": "http://two"}),
        layer=OBSERVED,
    ),
    work(
        "airflow-connection-by-a-hook",
        "from airflow.sdk import BaseHook\nreturn BaseHook.get_connection('db').host",
        first=Run(env={"AIRFLOW_CONN_DB": "http://one"}),
        second=Run(env={"AIRFLOW_CONN_DB": "http://two"}),
        layer=OBSERVED,
    ),
    tasks(
        "airflow-variable-in-a-template",
        """
        from airflow.providers.standard.operators.python import PythonOperator
        def f(x): return x
        with DAG("d", schedule=None, tags=["couler-cache"]):
            PythonOperator(task_id="t", python_callable=f, op_args=["{{ var.value.get('rate', 3) }}"])
        """,
        first=Run(env={"AIRFLOW_VAR_RATE": "1"}),
        second=Run(env={"AIRFLOW_VAR_RATE": "2"}),
    ),
    tasks(
        "airflow-connection-in-a-template",
        """
        from airflow.providers.standard.operators.python import PythonOperator
        def f(x): return x
        with DAG("d", schedule=None, tags=["couler-cache"]):
            PythonOperator(task_id="t", python_callable=f, op_args=["{{ conn.db.host }}"])
        """,
        first=Run(env={"AIRFLOW_CONN_DB": "http://one"}),
        second=Run(env={"AIRFLOW_CONN_DB": "http://two"}),
    ),
    # The process: folder, arguments, zone, locale, limits.
    work(
        "working-directory",
        "import os\nreturn os.getcwd()",
        first=Run(folder="etc/a"),
        second=Run(folder="etc/b"),
        files={"etc/a/x": "", "etc/b/x": ""},
        layer=OBSERVED,
    ),
    work(
        "absolute-path",
        "return str(Path('x').absolute())",
        "from pathlib import Path",
        first=Run(folder="etc/a"),
        second=Run(folder="etc/b"),
        files={"etc/a/x": "", "etc/b/x": ""},
        layer=OBSERVED,
    ),
    work(
        "resolved-path",
        "return str(Path('x').resolve())",
        "from pathlib import Path",
        first=Run(folder="etc/a"),
        second=Run(folder="etc/b"),
        files={"etc/a/x": "", "etc/b/x": ""},
        layer=OBSERVED,
    ),
    work(
        "relative-file",
        "return open('x').read()",
        first=Run(folder="etc/a"),
        second=Run(folder="etc/b"),
        files={"etc/a/x": "1", "etc/b/x": "2"},
        layer=OBSERVED,
    ),
    work(
        "home-folder",
        "from pathlib import Path\nreturn str(Path('~/x').expanduser())",
        first=Run(env={"HOME": "/one"}),
        second=Run(env={"HOME": "/two"}),
        layer=OBSERVED,
    ),
    work(
        "zone-of-fromtimestamp",
        "return datetime.fromtimestamp(0).isoformat()",
        "from datetime import datetime",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
        worst=True,
    ),
    work(
        "zone-of-localtime",
        "import time\nreturn time.localtime(0).tm_hour",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
    ),
    work(
        "zone-of-mktime",
        "import time\nreturn time.mktime((2026, 1, 1, 0, 0, 0, 0, 1, -1))",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
    ),
    work(
        "zone-of-astimezone",
        "return datetime(2026, 1, 1, tzinfo=UTC).astimezone().isoformat()",
        "from datetime import UTC, datetime",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
    ),
    work(
        "zone-of-a-naive-timestamp",
        "return datetime(2026, 1, 1).timestamp()",
        "from datetime import datetime",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
    ),
    work(
        "zone-that-no-task-reads",  # it is in every key: nothing tells whether a library looks
        "return 1",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        expect=SAFE,
        layer=OBSERVED,
    ),
    work(
        "zone-of-email-dates",
        "from email.utils import localtime\nfrom datetime import datetime, UTC\nreturn localtime(datetime(2026, 1, 1, tzinfo=UTC)).isoformat()",
        first=Run(env={"TZ": "UTC"}),
        second=Run(env={"TZ": "Asia/Tokyo"}),
        layer=OBSERVED,
    ),
    work(
        "locale-of-numbers",
        "import locale\nlocale.setlocale(locale.LC_ALL, '')\nreturn locale.getlocale()[1]",
        first=Run(env={"LC_ALL": "C"}),
        second=Run(env={"LC_ALL": "C.UTF-8"}),
        layer=OBSERVED,
    ),
    work(
        "temporary-folder",
        "import tempfile\nreturn tempfile.gettempdir()",
        first=Run(env={"TMPDIR": "@BASE@/etc/a"}),
        second=Run(env={"TMPDIR": "@BASE@/etc/b"}),
        files={"etc/a/x": "", "etc/b/x": ""},
        layer=OBSERVED,
    ),
    work(
        "path-of-programs",
        "import shutil\nreturn shutil.which('mytool')",
        first=Run(env={"PATH": "@BASE@/etc/a:/usr/bin:/bin"}, before=["chmod +x etc/*/mytool"]),
        second=Run(env={"PATH": "@BASE@/etc/b:/usr/bin:/bin"}),
        files={"etc/a/mytool": "", "etc/b/mytool": ""},
        layer=OBSERVED,
    ),
    work(
        "user-name",
        "import getpass\nreturn getpass.getuser()",
        first=Run(env={"LOGNAME": "one"}),
        second=Run(env={"LOGNAME": "two"}),
        layer=OBSERVED,
    ),
    work(
        "umask",
        "import os\nold = os.umask(0)\nos.umask(old)\nreturn old",
        "import os\nos.umask(0o22)\n",
        edit=("0o22", "0o77"),
    ),
    work(
        "recursion-limit",
        "import sys\nreturn sys.getrecursionlimit()",
        "import sys\nsys.setrecursionlimit(2000)\n",
        edit=("2000", "3000"),
    ),
)
