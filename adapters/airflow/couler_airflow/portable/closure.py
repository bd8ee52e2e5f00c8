"""The source of a function with all that it reaches in the files of its DAG, so that it runs by itself elsewhere."""

from __future__ import annotations

import ast
import inspect
import io
import json
import sys
import textwrap
import tokenize
import types
from functools import cache
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from couler_airflow.portable.legality import refuse
from couler_plugins.caching.code.distributions import owner_of
from couler_plugins.caching.code.modules import is_library_code
from couler_plugins.engine_kit.legalize.python.source import needed_names

HINT = "put it into the DAG's file as plain Python, or run it in a container"
SKIP = "AirflowSkipException"
STAND_INS = {
    **{name: f"class {name}(Exception):\n    pass\n" for name in ("AirflowException", "AirflowFailException", SKIP)},
    "PokeReturnValue": """\
class PokeReturnValue:
    def __init__(self, is_done, xcom_value=None):
        self.is_done, self.xcom_value = is_done, xcom_value
""",
}
"""What stands for classes of Airflow, which is not there where the function runs."""
CONTEXT = "get_current_context"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Closure:
    """Definitions, each behind those that it needs.

    Args:
        task: the id of the task, for errors.
    """

    def __init__(self, task: str) -> None:
        self._task = task
        self.texts: dict[str, str] = {}
        self.imports: dict[str, str] = {}
        self.packages: dict[str, None] = {}
        self._of: dict[str, Any] = {}

    @property
    def names(self) -> set[str]:
        """The names that are defined."""
        return {*self.texts, *self.imports}

    def add(self, function: Any) -> str:
        """Add the function of a task, without its decorators; return its name.

        Raises:
            Unsupported: it cannot run by itself.
        """
        if not isinstance(function, types.FunctionType) or inspect.unwrap(function) is not function:
            raise self._refusal(f"calls a {type(function).__name__}, whose source is not known")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise self._refusal("is a generator, which only Airflow asks for more")
        if function.__name__ == "<lambda>":
            source = f"condition = {self._lambda(function)}\n"
            name = "condition"
        else:
            source, name = self._source(function, decorated=False), function.__name__
        self._add(name, source, function, function)
        return name

    def _refusal(self, reason: str) -> Exception:
        return refuse("Operation.kind", self._task, reason, HINT)

    def _source(self, what: Any, *, decorated: bool) -> str:
        try:
            lines, _ = inspect.getsourcelines(what)
        except (OSError, TypeError):
            raise self._refusal(f"calls {what.__name__}, whose source is nowhere to be found") from None
        text = textwrap.dedent("".join(lines))
        try:
            (definition,) = ast.parse(text).body
        except (SyntaxError, ValueError):
            raise self._refusal(f"calls {what.__name__}, whose source cannot be read") from None
        if not isinstance(definition, Definition):
            raise self._refusal(f"calls {what.__name__}, which was not defined by def or class")
        if not decorated:
            text = "\n".join(text.splitlines()[definition.lineno - 1 :]) + "\n"
        return text

    def _lambda(self, function: types.FunctionType) -> str:
        code = function.__code__
        text = _text_of(code.co_filename)
        nodes = ast.walk(_tree_of(code.co_filename))
        here = [node for node in nodes if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno]
        if len(here) != 1:
            raise self._refusal("calls a lambda, which is not the only one on its line")
        return ast.get_source_segment(text, here[0]) or ""

    def _add(self, name: str, source: str, origin: types.FunctionType | type, value: Any) -> None:
        """Add a definition, and before it what it needs; `origin` is where its names are looked up."""
        if name in self._of:
            if self._of[name] is not value:
                raise self._refusal(f"reaches two definitions of the name {name!r}")
            return
        self._of[name] = value
        self._check_imports(ast.parse(source))
        whole = f"def around():\n{textwrap.indent(source, '    ')}"  # decorators and defaults count, too
        for needed in sorted(needed_names(whole) - {name}):
            self._resolve(needed, origin)
        self.texts[name] = source

    def _check_imports(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    self._import(item.name)
            elif isinstance(node, ast.ImportFrom):
                self._import("." if node.level else node.module or "")

    def _import(self, module: str) -> None:
        """Look at a module that is imported: it is Python's own, or a package that can be installed."""
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names:
            return
        if root == "airflow":
            raise self._refusal(f"imports {module}, which is part of Airflow")
        distribution = _distribution(root)
        if distribution is None:
            raise self._refusal(f"imports {module or 'a module beside it'}, which is no package that can be installed")
        self.packages[distribution] = None

    def _resolve(self, name: str, origin: Any) -> None:
        """Add what a name means where a definition stands."""
        if name in self.imports:
            return
        file, namespace, cells = _scope_of(origin)
        if name in cells:
            value = cells[name]
        elif name in namespace:
            value = namespace[name]
        else:
            raise self._refusal(f"needs {name}, which is not there outside of Airflow")
        if str(getattr(value, "__module__", "")).startswith("airflow."):
            if name in STAND_INS:
                self.texts.setdefault(name, STAND_INS[name])
                return
            if name == CONTEXT:
                return  # which its context stands for
        if name == "__file__":
            raise self._refusal("asks where its file is")
        if isinstance(value, types.ModuleType):
            self._import(value.__name__)
            self.imports[name] = f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}"
        elif _is_own(value, file):
            self._add(value.__name__, self._source(value, decorated=True), value, value)
            if value.__name__ != name:
                self.texts.setdefault(name, f"{name} = {value.__name__}\n")
        elif (line := _import_of(name, file)) is not None:
            module, text = line
            self._import(module)
            self.imports[name] = text
        else:
            self._add_value(name, value, file, origin)

    def _add_value(self, name: str, value: Any, file: str, origin: Any) -> None:
        source = _assignment_of(name, file)
        if source is not None:
            self._add(name, source, origin, value)
            return
        if not _is_plain(value):
            raise self._refusal(f"reaches {name}, a {type(value).__name__} that only the DAG's file has")
        self.texts[name] = f"{name} = {value!r}\n"


def _is_own(value: Any, file: str) -> bool:
    """Whether something is defined by def or class in this file, or in another one that belongs to no library."""
    if isinstance(value, types.FunctionType):
        here = value.__code__.co_filename == file or not is_library_code(value.__code__)
        return here and inspect.unwrap(value) is value
    if isinstance(value, type):
        try:
            return inspect.getfile(value) == file or owner_of(Path(inspect.getfile(value))) is None
        except (TypeError, OSError):
            return False
    return False


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return type(value) in (str, int, float, bool, list, dict, tuple, type(None))


def _scope_of(origin: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The file that something is defined in, the names there, and those of the function around it."""
    if isinstance(origin, types.FunctionType):
        closed = inspect.getclosurevars(origin).nonlocals if origin.__closure__ else {}
        return origin.__code__.co_filename, origin.__globals__, dict(closed)
    module = sys.modules.get(origin.__module__)
    methods = [item for item in vars(origin).values() if isinstance(item, types.FunctionType)]
    if methods:
        return methods[0].__code__.co_filename, methods[0].__globals__, {}
    return inspect.getfile(origin), vars(module) if module else {}, {}


@cache
def _text_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


@cache
def _tree_of(file: str) -> ast.Module:
    return ast.parse(_text_of(file))


def _import_of(name: str, file: str) -> tuple[str, str] | None:
    """The module that a file imports a name from, and the line that does; None where it does not."""
    for node in ast.walk(_tree_of(file)):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for item in node.names:
                if (item.asname or item.name) == name:
                    return node.module, f"from {node.module} import {item.name}" + (
                        f" as {name}" if item.asname else ""
                    )
    return None


def _assignment_of(name: str, file: str) -> str | None:
    """The statement that gives a name its only value in a file; None where there are several, or none."""
    tree = _tree_of(file)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    bound = [node for node in names if not isinstance(node.ctx, ast.Load)]
    plain = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and [getattr(item, "id", None) for item in node.targets] == [name]
    ]
    return f"{ast.get_source_segment(_text_of(file), plain[0])}\n" if len(bound) == len(plain) == 1 else None


@cache
def _distribution(root: str) -> str | None:
    """The package that a module is installed by; None for one that is none."""
    try:
        if find_spec(root) is None:
            return None
    except (ImportError, ValueError):
        return None
    return min(_distributions().get(root, ()), default=None)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def indented(text: str, prefix: str = "    ") -> str:
    """Return a source with all of its lines moved to the right, but for those inside of texts."""
    inside = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in _TEXTS
        for line in range(token.start[0] + 1, token.end[0] + 1)
    }
    lines = enumerate(text.splitlines(keepends=True), 1)
    return "".join(line if number in inside or not line.strip() else f"{prefix}{line}" for number, line in lines)


_TEXTS = frozenset(
    number for number, name in tokenize.tok_name.items() if name in ("STRING", "FSTRING_MIDDLE", "FSTRING_END")
)
