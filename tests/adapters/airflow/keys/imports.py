"""Modules: where they are, what they import, what they do when they are imported, and libraries."""

from __future__ import annotations

from adapters.airflow.keys.case import CODE, HIT, SAFE, VALUES, Case, Run, tasks, work

__all__ = ["CASES"]

WHEEL = """
rm -rf sp && mkdir -p sp/site-packages/mycorp sp/site-packages/mycorp-1.0.dist-info
cd sp/site-packages
echo 'def f(): return {n}' > mycorp/__init__.py
printf 'Metadata-Version: 2.1\\nName: mycorp\\nVersion: {version}\\n' > mycorp-1.0.dist-info/METADATA
printf 'mycorp/__init__.py,sha256={digest},18\\nmycorp-1.0.dist-info/METADATA,,\\n' > mycorp-1.0.dist-info/RECORD
"""
SITE = ("sp/site-packages",)
EDITED = """
cd sp/site-packages/mycorp && sed -i 's/return 1/return 2/' __init__.py && touch -d '+1 minute' __init__.py
"""
FROM_GIT = """
printf '{{"url": "https://example.com/x.git", "vcs_info": {{"vcs": "git", "commit_id": "{commit}"}}}}' > sp/site-packages/mycorp-1.0.dist-info/direct_url.json
"""
ZIPPED = """
mkdir -p z && cd z
printf 'from airflow.sdk import DAG, task\\nimport hz\\nwith DAG("d", schedule=None, tags=["couler-cache"]):\\n    @task\\n    def t(): return hz.f()\\n    t()\\n' > d.py
echo 'def f(): return {n}' > hz.py
rm -f ../dags/z.zip && python3 -m zipfile -c ../dags/z.zip d.py hz.py
"""


def wheel(n: int, digest: str, version: str = "1.0") -> str:
    return WHEEL.format(n=n, digest=digest, version=version)


CASES: tuple[Case, ...] = (
    # Where modules are.
    work(
        "module-named-as-one-of-the-library",
        "return profile.f()",
        "import profile",
        files={"path/profile.py": "def f(): return 1\n"},
        edits={"path/profile.py": ("return 1", "return 2")},
        worst=True,
    ),
    work(
        "package-named-as-one-of-the-library",
        "from wsgiref.core import f\nreturn f()",
        files={"path/wsgiref/__init__.py": "", "path/wsgiref/core.py": "def f(): return 1\n"},
        edits={"path/wsgiref/core.py": ("return 1", "return 2")},
    ),
    work(
        "relative-imports",
        "return f()",
        "from pk.a import f",
        files={
            "pk/__init__.py": "",
            "pk/a.py": "from .b import g\ndef f(): return g()\n",
            "pk/b.py": "from . import c\ndef g(): return c.V\n",
            "pk/c.py": "V = 1\n",
        },
        edits={"pk/c.py": ("V = 1", "V = 2")},
    ),
    work(
        "namespace-package",
        "from ns.a import f\nreturn f()",
        files={"path/ns/a.py": "from ns import b\ndef f(): return b.V\n", "path/ns/b.py": "V = 1\n"},
        edits={"path/ns/b.py": ("V = 1", "V = 2")},
    ),
    work(
        "star-import",
        "return f()",
        "from h import *",
        files={"h.py": "from h2 import *\n", "h2.py": "def f(): return 1\n"},
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "star-import-in-the-dag-file",
        "return RATE",
        "from h import *",
        files={"h.py": "RATE = 1\n"},
        edits={"h.py": ("RATE = 1", "RATE = 2")},
    ),
    work(
        "package-init",
        "from pk import rate\nreturn rate",
        files={"pk/__init__.py": "from pk.inner import rate\n", "pk/inner.py": "rate = 1\n"},
        edits={"pk/inner.py": ("= 1", "= 2")},
    ),
    work(
        "module-shadowed-by-another-folder",
        "import rates\nreturn rates.N",
        files={"rates.py": "N = 1\n"},
        writes={"path/rates.py": "N = 2\n"},
    ),
    work(
        "module-becomes-a-package",
        "import rates\nreturn rates.N",
        files={"rates.py": "N = 1\n"},
        writes={"rates/__init__.py": "N = 2\n"},
    ),
    work(
        "module-in-the-plugins-folder",
        "import corp\nreturn corp.N",
        files={"plugins/corp.py": "N = 1\n"},
        edits={"plugins/corp.py": ("N = 1", "N = 2")},
    ),
    work(
        "path-is-extended-in-the-dag-file",
        "import extra_rates\nreturn extra_rates.N",
        "import pathlib, sys\nsys.path.insert(0, str(pathlib.Path(__file__).parent / 'lib'))\n",
        files={"lib/extra_rates.py": "N = 1\n"},
        edits={"lib/extra_rates.py": ("N = 1", "N = 2")},
    ),
    work(
        "module-linked-from-elsewhere",
        "import rates\nreturn rates.N",
        files={"etc/one.py": "N = 1\n", "etc/two.py": "N = 2\n"},
        first=Run(before=["ln -s ../etc/one.py dags/rates.py"]),
        second=Run(before=["ln -sfn ../etc/two.py dags/rates.py"]),
    ),
    work(
        "folder-linked-to-a-release",
        "import rates\nreturn rates.N",
        files={"etc/r1/rates.py": "N = 1\n", "etc/r2/rates.py": "N = 2\n"},
        first=Run(before=["ln -s etc/r1 current"], path=["current"]),
        second=Run(before=["ln -sfn etc/r2 current"], path=["current"]),
    ),
    work(
        "same-code-in-another-folder",
        "import rates\nreturn rates.f()",
        files={"etc/r1/rates.py": "def f(): return 1\n", "etc/r2/rates.py": "def f(): return 1\n"},
        first=Run(before=["ln -s etc/r1 current"], path=["current"]),
        second=Run(before=["ln -sfn etc/r2 current"], path=["current"]),
        expect=HIT,
    ),
    work(
        "module-in-a-zip",
        "import zipped\nreturn zipped.N",
        first=Run(
            before=["echo 'N = 1' > zipped.py; python3 -m zipfile -c lib.zip zipped.py; rm zipped.py"], path=["lib.zip"]
        ),
        second=Run(
            before=["echo 'N = 2' > zipped.py; python3 -m zipfile -c lib.zip zipped.py; rm zipped.py"], path=["lib.zip"]
        ),
    ),
    work(
        "module-without-a-source",
        "import compiled\nreturn compiled.N",
        first=Run(
            before=[
                "echo 'N = 1' > compiled.py; python3.11 -c 'import py_compile; py_compile.compile(\"compiled.py\", \"path/compiled.pyc\")'; rm compiled.py"
            ]
        ),
        second=Run(
            before=[
                "echo 'N = 22' > compiled.py; python3.11 -c 'import py_compile; py_compile.compile(\"compiled.py\", \"path/compiled.pyc\")'; rm compiled.py"
            ]
        ),
    ),
    # How they are imported.
    work(
        "lazy-import-in-a-helper",
        "return f()",
        "from h import f",
        files={"h.py": "def f():\n    from h2 import g\n    return g()\n", "h2.py": "def g(): return 1\n"},
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "importlib-in-a-helper",
        "return f()",
        "from h import f",
        files={
            "h.py": "import importlib\ndef f(): return importlib.import_module('h2').g()\n",
            "h2.py": "def g(): return 1\n",
        },
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "importlib-at-module-level",
        "return f()",
        "from h import f",
        files={
            "h.py": "import importlib\nmod = importlib.import_module('h2')\ndef f(): return mod.g()\n",
            "h2.py": "def g(): return 1\n",
        },
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "import-by-its-dunder",
        "return __import__('h2').g()",
        files={"h2.py": "def g(): return 1\n"},
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "entry-by-a-dotted-text",
        "from airflow.sdk._shared.module_loading import import_string\nreturn import_string(NAME)()",
        "NAME = 'h2.g'\n",
        files={"h2.py": "def g(): return 1\n"},
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "pydoc-locate",
        "import pydoc\nreturn pydoc.locate('h2.g')()",
        files={"h2.py": "def g(): return 1\n"},
        edits={"h2.py": ("return 1", "return 2")},
    ),
    work(
        "modules-in-a-list",
        "return [m.run() for m in STEPS]",
        "import sa\nSTEPS = [sa]\n",
        files={"sa.py": "from sb import N\ndef run(): return N\n", "sb.py": "N = 1\n"},
        edits={"sb.py": ("N = 1", "N = 2")},
    ),
    work(
        "modules-found-in-a-package",
        "return [importlib.import_module(m.name).N for m in pkgutil.iter_modules(steps.__path__, 'steps.')]",
        "import importlib, pkgutil, steps\n",
        files={"steps/__init__.py": "", "steps/a.py": "N = 1\n"},
        writes={"steps/b.py": "N = 2\n"},
    ),
    work(
        "module-by-sys-modules",
        "import sys\nreturn sys.modules['rates'].N",
        "import rates\n",
        files={"rates.py": "N = 1\n"},
        edits={"rates.py": ("N = 1", "N = 2")},
    ),
    work(
        "module-getattr-of-a-function",
        "return cfg.rate()",
        "import cfg",
        files={
            "cfg.py": "def load():\n    import cfg_impl\n    return cfg_impl\ndef __getattr__(n): return getattr(load(), n)\n",
            "cfg_impl.py": "def rate(): return 1\n",
        },
        edits={"cfg_impl.py": ("return 1", "return 2")},
    ),
    work(
        "module-class-replaced",
        "return cfg.rate",
        "import cfg",
        files={
            "cfg.py": "import sys, types\nclass M(types.ModuleType):\n    @property\n    def rate(self): return 1\nsys.modules[__name__].__class__ = M\n"
        },
        edits={"cfg.py": ("return 1", "return 2")},
    ),
    work(
        "module-swapped-in-sys-modules",
        "return cfg.rate",
        "import cfg",
        files={"cfg.py": "import sys\nclass C:\n    rate = 1\nsys.modules[__name__] = C()\n"},
        edits={"cfg.py": ("rate = 1", "rate = 2")},
    ),
    work(
        "optional-module-appears",
        "try:\n    import fast\nexcept ImportError:\n    return 0\nreturn fast.N",
        writes={"fast.py": "N = 1\n"},
    ),
    work(
        "optional-module-is-missing",
        "try:\n    import fastlib\nexcept ImportError:\n    return 0\nreturn fastlib.f()",
        expect=HIT,
    ),
    work(
        "optional-module-is-broken",
        "try:\n    import fastlocal\nexcept ImportError:\n    return 0\nreturn fastlocal.f()",
        files={"fastlocal.py": "import not_there_at_all\n"},
        expect=SAFE,
    ),
    work(
        "module-that-exits",
        "if x:\n    import tool\n    return tool.f()\nreturn 0",
        arguments="x",
        call="0",
        files={"tool.py": "import argparse\nargparse.ArgumentParser().parse_args(['--bad'])\ndef f(): return 2\n"},
        expect=SAFE,
        layer="limits",
        worst=True,
    ),
    work(
        "module-that-kills",
        "if x:\n    import tool\n    return tool.f()\nreturn 0",
        arguments="x",
        call="0",
        files={"tool.py": "raise KeyboardInterrupt\n"},
        expect=SAFE,
        layer="limits",
        worst=True,
    ),
    work(
        "module-that-stops-for-ever",
        "if x:\n    import tool\n    return tool.f()\nreturn 0",
        arguments="x",
        call="0",
        files={"tool.py": "import time\ntime.sleep(600)\n"},
        expect=SAFE,
        layer="limits",
        seconds=5,
    ),
    work(
        "module-with-a-side-effect",
        "if x:\n    import tool\n    return 1\nimport os\nreturn os.environ.get('TOUCHED', 'no')",
        arguments="x",
        call="0",
        mark="@cached(allow=('environment',))",
        files={"tool.py": "import os\nos.environ['TOUCHED'] = 'yes'\n"},
        expect=SAFE,
        layer="limits",
        worst=True,
    ),
    work(
        "module-that-imports-in-a-circle",
        "return f()",
        "from h import f",
        files={"h.py": "import h2\ndef f(): return h2.g()\nN = 1\n", "h2.py": "import h\ndef g(): return h.N\n"},
        edits={"h.py": ("N = 1", "N = 2")},
    ),
    # What they do to others when they are imported.
    work(
        "registry-filled-elsewhere",
        "return R['x']()",
        "from reg import R\nimport impl\n",
        files={"reg.py": "R = {}\n", "impl.py": "import reg\nreg.R['x'] = lambda: 1\n"},
        edits={"impl.py": ("lambda: 1", "lambda: 2")},
    ),
    work(
        "registry-of-classes",
        "return make('x').rate",
        "from reg import make\nimport impl\n",
        files={
            "reg.py": "R = {}\ndef register(cls):\n    R[cls.name] = cls\n    return cls\ndef make(name): return R[name]()\n",
            "impl.py": "from reg import register\n@register\nclass X:\n    name = 'x'\n    rate = 1\n",
        },
        edits={"impl.py": ("rate = 1", "rate = 2")},
    ),
    work(
        "monkeypatch-in-another-module",
        "import textwrap\nreturn textwrap.shorten('a', 5)",
        "import patches\n",
        files={"patches.py": "import textwrap\ntextwrap.shorten = lambda *a: 'one'\n"},
        edits={"patches.py": ("'one'", "'two'")},
        layer=CODE,
    ),
    work(
        "monkeypatch-of-a-helper-module",
        "return helping.get()",
        "import helping, patches\n",
        files={"helping.py": "def get(): return 0\n", "patches.py": "import helping\nhelping.get = lambda: 1\n"},
        edits={"patches.py": ("lambda: 1", "lambda: 2")},
    ),
    work(
        "monkeypatch-is-dropped",
        "return helping.get()",
        "import helping, patches\n",
        files={"helping.py": "def get(): return 0\n", "patches.py": "import helping\nhelping.get = lambda: 1\n"},
        edit=("helping, patches", "helping"),
    ),
    work(
        "constant-set-by-another-module",
        "return conf.RATE",
        "import conf, setup_conf\n",
        files={"conf.py": "RATE = 0\n", "setup_conf.py": "import conf\nconf.RATE = 1\n"},
        edits={"setup_conf.py": ("RATE = 1", "RATE = 2")},
    ),
    work(
        "module-imported-for-its-effect-by-a-helper",
        "return helping.get()",
        "import helping\n",
        files={
            "helping.py": "import conf, deep\ndef get(): return conf.RATE\n",
            "conf.py": "RATE = 0\n",
            "deep.py": "import conf\nconf.RATE = 1\n",
        },
        edits={"deep.py": ("RATE = 1", "RATE = 2")},
    ),
    work(
        "order-of-imports",
        "return corp_conf.RATE",
        "import corp_conf\nimport set_one\nimport set_two\n",
        files={
            "corp_conf.py": "RATE = 0\n",
            "set_one.py": "import corp_conf\ncorp_conf.RATE = 1\n",
            "set_two.py": "import corp_conf\ncorp_conf.RATE = 2\n",
        },
        edit=("import set_one\nimport set_two", "import set_two\nimport set_one"),
    ),
    # Installed distributions.
    work(
        "wheel-built-again",
        "return mycorp.f()",
        "import mycorp",
        first=Run(before=[wheel(1, "aaa")], path=SITE),
        second=Run(before=[wheel(2, "bbb")], path=SITE),
    ),
    work(
        "wheel-of-another-version",
        "return mycorp.f()",
        "import mycorp",
        first=Run(before=[wheel(1, "aaa")], path=SITE),
        second=Run(before=[wheel(2, "bbb", "1.1")], path=SITE),
    ),
    work(
        "wheel-from-another-commit",
        "return mycorp.f()",
        "import mycorp",
        first=Run(before=[wheel(1, "aaa") + "cd ../..\n" + FROM_GIT.format(commit="a1")], path=SITE),
        second=Run(before=[wheel(2, "aaa") + "cd ../..\n" + FROM_GIT.format(commit="b2")], path=SITE),
    ),
    work(
        "library-edited-in-place",
        "return mycorp.f()",
        "import mycorp",
        first=Run(before=[wheel(1, "aaa")], path=SITE),
        second=Run(before=[EDITED], path=SITE),
        worst=True,
    ),
    work(
        "wheel-same", "return mycorp.f()", "import mycorp", first=Run(before=[wheel(1, "aaa")], path=SITE), expect=HIT
    ),
    work(
        "wheel-class-of-a-value",
        "return X.get()",
        "import mycorp\nX = mycorp.C()\n",
        first=Run(
            before=[wheel(1, "aaa").replace("def f(): return 1", "class C:\n    def get(self): return 1")], path=SITE
        ),
        second=Run(
            before=[wheel(2, "bbb", "1.1").replace("def f(): return 2", "class C:\n    def get(self): return 2")],
            path=SITE,
        ),
        layer=VALUES,
    ),
    work(
        "wheel-version-that-is-read",
        "import importlib.metadata\nreturn importlib.metadata.version('mycorp')",
        first=Run(before=[wheel(1, "aaa")], path=SITE),
        second=Run(before=[wheel(1, "aaa", "1.1")], path=SITE),
    ),
    work("library-constant", "import requests\nreturn requests.codes.ok", expect=HIT, needs=("requests",)),
    tasks(
        "dag-in-a-zip",
        "",
        file="z.zip",
        first=Run(before=["rm -rf dags/z.zip", ZIPPED.format(n=1)]),
        second=Run(before=["rm -rf dags/z.zip", ZIPPED.format(n=2)]),
    ),
    tasks(
        "dag-in-a-zip-same", "", file="z.zip", first=Run(before=["rm -rf dags/z.zip", ZIPPED.format(n=1)]), expect=HIT
    ),
)
