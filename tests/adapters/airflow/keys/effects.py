"""What modules do to libraries when they are loaded: options, contexts, patches, registrations."""

from __future__ import annotations

from adapters.airflow.keys.case import CODE, HIT, Case, work

__all__ = ["CASES"]

ACCESSOR = """
import pandas as pd
@pd.api.extensions.register_dataframe_accessor("geo")
class G:
    def __init__(self, o): self.o = o
    def total(self): return self.o.a.sum() * 1
"""

CASES: tuple[Case, ...] = (
    work(
        "effect-decimal-precision",
        "return str(Decimal(1) / 3)",
        "import decimal\nfrom decimal import Decimal\ndecimal.getcontext().prec = 5\n",
        edit=("= 5", "= 8"),
        worst=True,
    ),
    work(
        "effect-decimal-precision-elsewhere",
        "return str(Decimal(1) / 3)",
        "from decimal import Decimal\nimport conf\n",
        files={"conf.py": "import decimal\ndecimal.getcontext().prec = 5\n"},
        edits={"conf.py": ("= 5", "= 8")},
    ),
    work(
        "effect-decimal-rounding",
        "return str(Decimal('2.5').quantize(Decimal('1')))",
        "import decimal\nfrom decimal import Decimal\ndecimal.getcontext().rounding = decimal.ROUND_UP\n",
        edit=("ROUND_UP", "ROUND_DOWN"),
    ),
    work(
        "effect-pandas-option",
        "return str(pd.DataFrame({'a': [1.23456]}))",
        "import pandas as pd\npd.set_option('display.precision', 2)\n",
        edit=("2)", "4)"),
        needs=("pandas",),
    ),
    work(
        "effect-pandas-option-as-attribute",
        "return str(pd.DataFrame({'a': [1.23456]}))",
        "import pandas as pd\npd.options.display.precision = 2\n",
        edit=("= 2", "= 4"),
        needs=("pandas",),
    ),
    work(
        "effect-numpy-print-options",
        "return str(np.array([1.23456]))",
        "import numpy as np\nnp.set_printoptions(precision=2)\n",
        edit=("=2", "=4"),
        needs=("numpy",),
    ),
    work(
        "effect-numpy-errors",
        "try:\n    return str(np.float64(1) / 0)\nexcept FloatingPointError:\n    return 'error'",
        "import numpy as np\nnp.seterr(all='raise')\n",
        edit=("'raise'", "'ignore'"),
        needs=("numpy",),
    ),
    work(
        "effect-numpy-global-seed",
        "return int(np.random.randint(1000000))",
        "import numpy as np\nnp.random.seed(1)\n",
        edit=("seed(1)", "seed(2)"),
        needs=("numpy",),
    ),
    work(
        "effect-sklearn-config",
        "return sklearn.get_config()['display']",
        "import sklearn\nsklearn.set_config(display='text')\n",
        edit=("'text'", "'diagram'"),
        needs=("sklearn",),
    ),
    work(
        "effect-pandas-method",
        "return int(pd.DataFrame({'a': [1, 2]}).total())",
        "import pandas as pd\npd.DataFrame.total = lambda df: df.a.sum()\n",
        edit=("df.a.sum()", "df.a.prod() * 7"),
        needs=("pandas",),
        worst=True,
    ),
    work(
        "effect-pandas-accessor",
        "return int(pd.DataFrame({'a': [1, 2]}).geo.total())",
        ACCESSOR,
        edit=("* 1", "* 5"),
        needs=("pandas",),
    ),
    work(
        "effect-json-default",
        "return json.dumps(C())",
        "import json\nclass C: pass\njson.JSONEncoder.default = lambda self, o: 1\n",
        edit=("o: 1", "o: 2"),
    ),
    work(
        "effect-builtin",
        "return double(2)",
        "import builtins\nbuiltins.double = lambda x: x * 2\n",
        edit=("* 2", "* 3"),
    ),
    work(
        "effect-builtin-elsewhere",
        "return double(2)",
        "import conf\n",
        files={"conf.py": "import builtins\nbuiltins.double = lambda x: x * 2\n"},
        edits={"conf.py": ("* 2", "* 3")},
    ),
    work(
        "effect-builtin-replaced",
        "return len([1])",
        "import builtins\nreal = builtins.len\nbuiltins.len = lambda x: real(x) + 1 if type(x) is list and real(x) == 1 and x[0] == 1 else real(x)\n",
        edit=("real(x) + 1 if", "real(x) + 2 if"),
    ),
    work(
        "effect-copyreg",
        "return copy.copy(C()).n",
        "import copy, copyreg\nclass C: n = 0\ndef again(n):\n    c = C()\n    c.n = n\n    return c\ncopyreg.pickle(C, lambda c: (again, (1,)))\n",
        edit=("(1,)", "(2,)"),
    ),
    work(
        "effect-codec-error-handler",
        "return 'é'.encode('ascii', 'corp').decode()",
        "import codecs\ncodecs.register_error('corp', lambda e: ('1', e.end))\n",
        edit=("'1'", "'2'"),
    ),
    work(
        "effect-virtual-subclass",
        "return isinstance(1, P)",
        "import abc\nclass P(abc.ABC): pass\nP.register(int)\n",
        edit=("int", "str"),
    ),
    work(
        "effect-yaml-constructor",
        "return yaml.safe_load('!n 1')",
        "import yaml\nyaml.SafeLoader.add_constructor('!n', lambda loader, node: 1)\n",
        edit=("node: 1", "node: 2"),
        needs=("yaml",),
    ),
    work(
        "effect-jinja-filter",
        "return ENV.from_string('{{ 1 | f }}').render()",
        "from jinja2 import Environment\nENV = Environment()\nENV.filters['f'] = lambda x: x\n",
        edit=("x: x", "x: x + 1"),
    ),
    work(
        "effect-sqlite-adapter",
        "import sqlite3\nreturn sqlite3.connect(':memory:').execute('select ?', (C(),)).fetchone()[0]",
        "import sqlite3\nclass C: pass\nsqlite3.register_adapter(C, lambda c: 1)\n",
        edit=("c: 1", "c: 2"),
    ),
    work(
        "effect-ufunc-dispatch",
        "return int(np.add(A(), 1))",
        "import numpy as np\nclass A:\n    def __array_ufunc__(self, *a, **k): return 1\n",
        edit=("return 1", "return 2"),
        needs=("numpy",),
    ),
    work(
        "effect-import-hook",
        "import made_up\nreturn made_up.N",
        "import sys, types\nclass Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n        if name != 'made_up': return None\n        from importlib.machinery import ModuleSpec\n        return ModuleSpec(name, Finder)\n    @staticmethod\n    def create_module(spec): return None\n    @staticmethod\n    def exec_module(module): module.N = 1\nsys.meta_path.insert(0, Finder)\n",
        edit=("N = 1", "N = 2"),
    ),
    work(
        "effect-module-made-by-hand",
        "import made_up\nreturn made_up.N",
        "import sys, types\nm = types.ModuleType('made_up')\nm.N = 1\nsys.modules['made_up'] = m\n",
        edit=("N = 1", "N = 2"),
    ),
    work(
        "effect-mock-patch",
        "import math\nreturn math.sqrt(4)",
        "from unittest import mock\nmock.patch('math.sqrt', lambda x: 1).start()\n",
        edit=("x: 1", "x: 2"),
    ),
    work(
        "effect-environment",
        "import os\nreturn os.environ['RATE_X']",
        "import os\nos.environ['RATE_X'] = '1'\n",
        edit=("'1'", "'2'"),
    ),
    work(
        "effect-locale",
        "return locale.localeconv()['decimal_point'] + str(locale.getlocale())",
        "import locale\nlocale.setlocale(locale.LC_ALL, 'C')\n",
        edit=("'C'", "'C.UTF-8'"),
    ),
    work(
        "effect-logging-level",
        "import logging\nreturn logging.getLogger('corp').level",
        "import logging\nlogging.getLogger('corp').setLevel(10)\n",
        edit=("10", "20"),
    ),
    work(
        "effect-context-variable",
        "return V.get()",
        "from contextvars import ContextVar\nV = ContextVar('v')\nV.set(1)\n",
        edit=("set(1)", "set(2)"),
    ),
    work(
        "effect-default-timeout",
        "import socket\nreturn socket.getdefaulttimeout()",
        "import socket\nsocket.setdefaulttimeout(1)\n",
        edit=("(1)", "(2)"),
    ),
    work(
        "effect-integer-digits",
        "try:\n    return len(str(10 ** 5000))\nexcept ValueError:\n    return 'too long'",
        "import sys\nsys.set_int_max_str_digits(4300)\n",
        edit=("4300", "9000"),
    ),
    work(
        "effect-nobody-needs",
        "return 1",
        "import decimal\ndecimal.getcontext().prec = 5\nimport logging\nlogging.getLogger('x').setLevel(10)\n",
        expect=HIT,
        layer=CODE,
    ),
    work("effect-of-adding-a-path", "return 1", "import sys\nsys.path.append('/nowhere')\n", expect=HIT),
)
