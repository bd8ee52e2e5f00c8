"""Modules and packages that are used as a whole, or have no file of their own."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import CODE, HIT, Case, Run, work

__all__ = ["CASES"]

REGION: dict[str, Any] = {"first": Run(env={"REGION": "1"}), "second": Run(env={"REGION": "2"})}
CONF = {"conf.py": "import os\nREGION = os.environ.get('REGION')\n"}
UTILS = {"common/utils.py": "a = 0\ndef f(): return 1\n"}
STEPS = {"steps/__init__.py": "", "steps/one.py": "def run(): return 1\n"}
FIRST = ("return 1", "return 2")


def whole(name: str, body: str, top: str, **case: Any) -> Case:
    """Return a case of a module that takes a value from its surroundings when it is loaded."""
    return work(f"whole-{name}", body, top, files=CONF, layer=CODE, **REGION, **case)


def package(name: str, body: str, top: str, **case: Any) -> Case:
    """Return a case of a folder of modules without `__init__.py`, one of which is edited."""
    files = {**UTILS, **case.pop("files", {})}
    return work(f"folder-{name}", body, top, files=files, edits={"common/utils.py": FIRST}, layer=CODE, **case)


CASES: tuple[Case, ...] = (
    whole("module-as-a-local", "c = conf\nreturn c.REGION", "import conf"),
    whole("module-handed-on", "return get(conf)", "import conf\ndef get(m): return m.REGION"),
    whole("module-listed", "return {n: getattr(conf, n) for n in dir(conf) if n.isupper()}", "import conf"),
    whole("module-in-a-list", "return [m.REGION for m in MODULES]", "import conf\nMODULES = [conf]"),
    whole(
        "module-imported-and-handed-on",
        "import conf\nreturn get(conf)",
        "from conf import REGION as _\ndef get(m): return m.REGION",
    ),
    whole("module-that-is-not-used", "return 1", "import conf", expect=HIT),
    work(
        "whole-package-handed-on",
        "return go(steps)",
        "import steps.one\ndef go(p): return p.one.run()",
        files=STEPS,
        edits={"steps/one.py": FIRST},
    ),
    work(
        "whole-package-by-a-name",
        "return getattr(steps, name).run()",
        "import steps.one",
        arguments="name",
        call="'one'",
        files=STEPS,
        edits={"steps/one.py": FIRST},
    ),
    work(
        "whole-modules-of-one-name",
        "def f():\n    import conf as m\n    return m.REGION\ndef g():\n    import other as m\n    return m.REGION\n"
        "return [f(), g()]",
        "import conf, other",
        files={**CONF, "other.py": "REGION = 1\n"},
        **REGION,
    ),
    package("from-in-a-body", "from common import utils\nreturn utils.f()", "from common.utils import a"),
    package("dotted-in-a-body", "import common\nreturn common.utils.f()", "from common.utils import a"),
    package("handed-on", "return call(common)", "import common.utils\ndef call(c): return c.utils.f()"),
    package("not-loaded", "from common import utils\nreturn utils.f()", ""),
    package(
        "in-a-helper",
        "return go()",
        "from common.utils import a\nfrom lazy import go",
        files={"lazy.py": "def go():\n    from common import utils\n    return utils.f()\n"},
    ),
)
