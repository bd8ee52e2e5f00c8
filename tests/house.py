"""Measures the structure of the code: `python3 dev.py house`. It reads the text of modules and imports none of them.

A figure has a target, and a limit that holds today: the exit code is 1 where a figure is over its limit. Whoever makes
a figure smaller lowers the limit with it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["couler_plugins", *(f"adapters/{name}/couler_{name}" for name in ("airflow", "argo", "kfp", "tekton"))]
SHIPPED_LAWS = "couler_plugins.testing"
"""The laws that plugins are held to; they were tests before, and are left out of what is counted."""

BANNED = frozenset(["found", "made", "left", "held", "given", "asked", "told", "taken", "known", "handed", "whence"])
PAIRS = {"left": "right"}
"""A banned word that is a plain one beside another: the left and right side of something."""

KEPT = {("couler_plugins.caching.optimizer", "known")}
"""Banned words that are options, as users have written them since 0.1.0."""

OLD_NAMES = {
    "module": "told given wholes handed misnamed rests circles joined reaching gathered whole trying fanning foreign "
    "unportable refusals facet switches in_pods before words moved live story island shown levels",
    "type": "Whence Told Asked Done Followed Manner Bench Lender Ran",
    "field": "rest",
    "function": "anew",
}
"""Names that were changed, and do not come back."""

PLUGINS = "`couler plugins` and every start of a command import this module, and not what it does when it runs"
AIRFLOW = "every parse of a DAG file, and every worker, imports this module, also where the cache is off"
LAZY = {
    "couler_plugins.cli.sql": "the extra `sql`",
    "couler_plugins.cli.studio": "the extra `studio`",
    "couler_plugins.cli.work": "what runs cost, which nobody asks for without a history",
    "couler_plugins.caching.plugin": PLUGINS,
    "couler_plugins.caching.policies.gdsf": "NumPy",
    "couler_plugins.caching.policies.scr.policy": "NumPy",
    "couler_plugins.hpo.llm_tuner": "NumPy, and the extra `tune`",
    "couler_plugins.hpo.optuna_tuner": "NumPy, and the extra `tune`",
    "couler_plugins.hpo.study": "the extra `tune`",
    "couler_plugins.llm.access": "the extra `tune`",
    "couler_plugins.parallelism.critical_path": PLUGINS,
    "couler_plugins.parallelism.optimizer": PLUGINS,
    "couler_plugins.steps.katib": PLUGINS,
    "couler_airflow.airflow_plugin": AIRFLOW,
    "couler_airflow.cache.eligible": AIRFLOW,
    "couler_airflow.listener": AIRFLOW,
    "couler_airflow.plugin": PLUGINS,
    "couler_airflow.policy": AIRFLOW,
    "couler_airflow.runtime.wrap": AIRFLOW,
    "couler_airflow.split.commit": AIRFLOW,
    "couler_airflow.split.plan": AIRFLOW,
    "couler_argo.hera": "a circle: services submit what the hook made",
    "couler_argo.lower": "for workflows of other engines only, and every `explain` of Argo's lowers",
    "couler_argo.plugin": PLUGINS,
    "couler_kfp.plugin": PLUGINS,
    "couler_tekton.extract": PLUGINS,
    "couler_tekton.plugin": PLUGINS,
}
"""Modules with imports of our own modules inside functions, and why these stay there."""


class Limit(NamedTuple):
    """A figure's target, the most that it may be today, and what it counts."""

    target: int
    today: int
    text: str


LIMITS = {
    "loose": Limit(3, 3, "loose modules at the top of couler_plugins/"),
    "unnamed": Limit(0, 0, "rooms that the contract of layers does not name"),
    "circles": Limit(0, 0, "circles of rooms"),
    "upward": Limit(0, 0, "imports that run upward"),
    "lazy": Limit(38, 38, "imports of our own modules inside functions"),
    "reasons": Limit(0, 0, "of these, in modules without a reason in LAZY"),
    "checking": Limit(40, 38, "TYPE_CHECKING blocks"),
    "long": Limit(0, 0, "files over 300 lines"),
    "modules": Limit(965, 1_160, "modules (were 1,136)"),
    "statements": Limit(63_813, 86_100, "statements (were 67,172)"),
    "banned": Limit(0, 0, "banned identifiers in scopes of more than three lines"),
    "old": Limit(0, 0, "names that are to change"),
    "sessions": Limit(1, 1, "functions that open a session"),
    "readme": Limit(1_000, 1_000, "words of the README, without code"),
    "sentences": Limit(0, 0, "sentences of the README with more than 25 words"),
}


class Module(NamedTuple):
    """One file of the code."""

    name: str
    path: Path
    tree: ast.Module
    nodes: list[ast.AST]
    """All of the tree's, walked once."""

    @property
    def room(self) -> str:
        """The package or module right below its distribution's package; empty for `__init__` itself."""
        return self.name.partition(".")[2].partition(".")[0]


class House:
    """The modules of the core and of the four adapters."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.modules = {module.name: module for package in PACKAGES for module in _modules(root / package)}

    @cached_property
    def core(self) -> list[Module]:
        """The modules of `couler_plugins`."""
        return [module for module in self.modules.values() if module.name.split(".")[0] == "couler_plugins"]

    @cached_property
    def layers(self) -> dict[str, int]:
        """The layer of each room that the contract of layers names, 0 on top."""
        settings = tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))
        contracts = settings["tool"]["importlinter"]["contracts"]
        rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
        return {name: depth for depth, row in enumerate(rows) for name in re.findall(r"\w+", row)}

    def imports(self, module: Module) -> Iterator[tuple[ast.stmt, str]]:
        """Every import of our own modules, whatever it stands in, with the module's full name."""
        for node in module.nodes:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in self.modules:
                inner = {name for alias in node.names if (name := f"{node.module}.{alias.name}") in self.modules}
                yield from ((node, name) for name in sorted(inner or {node.module}))
            elif isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names if alias.name in self.modules)

    @cached_property
    def arrows(self) -> dict[str, set[str]]:
        """The rooms that each room of the core imports, type-checking imports included."""
        arrows: dict[str, set[str]] = defaultdict(set)
        for module in self.core:
            for _, name in self.imports(module):
                room = self.modules[name].room
                if name.startswith("couler_plugins") and module.room and room and room != module.room:
                    arrows[module.room].add(room)
        return arrows

    def loose(self) -> Iterator[str]:
        """Modules that stand in no room."""
        for module in self.core:
            if module.path.parent == self.root / "couler_plugins" and module.path.name != "__init__.py":
                yield module.name

    def unnamed(self) -> Iterator[str]:
        """Rooms that have no layer."""
        yield from sorted({module.room for module in self.core if module.room} - set(self.layers))

    def circles(self) -> Iterator[str]:
        """Rooms that import each other, directly or through others."""
        reach = {room: _reachable(self.arrows, room) for room in self.arrows}
        circles = {frozenset(other for other in reach[room] if room in reach.get(other, ())) for room in reach}
        yield from (", ".join(sorted(circle)) for circle in circles if circle)

    def upward(self) -> Iterator[str]:
        """Arrows from a room to one of a higher layer."""
        for room, others in sorted(self.arrows.items()):
            for other in sorted(others):
                if room in self.layers and other in self.layers and self.layers[other] < self.layers[room]:
                    yield f"{room} -> {other}"

    def lazy(self) -> Iterator[str]:
        """Imports of our own modules inside functions."""
        yield from (f"{where}: {module} imports {name}" for where, module, name in self.lazy_imports())

    def reasons(self) -> Iterator[str]:
        """Imports inside functions of modules that the table LAZY does not name."""
        yield from (f"{where}: {module}" for where, module, _ in self.lazy_imports() if module not in LAZY)

    def lazy_imports(self) -> Iterator[tuple[str, str, str]]:
        """Imports of our own modules inside functions: the place, the module and what it imports."""
        for module in self.modules.values():
            functions = [node for node in module.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
            inside = {id(node) for function in functions for node in ast.walk(function) if isinstance(node, IMPORTS)}
            for node, name in self.imports(module):
                if id(node) in inside:
                    yield self._place(module, node), module.name, name

    def checking(self) -> Iterator[str]:
        """Blocks of imports for type checkers only."""
        for module in self.modules.values():
            for node in module.nodes:
                if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                    yield self._place(module, node)

    def long(self) -> Iterator[str]:
        """Files of more than 300 lines, those of benchmarks and examples included."""
        paths = [module.path for module in self.modules.values()]
        paths += [path for folder in ("benchmarks", "examples", "docs") for path in (self.root / folder).rglob("*.py")]
        for path in paths:
            if (lines := path.read_text("utf-8").count("\n")) > 300:
                yield f"{path.relative_to(self.root)}: {lines}"

    def sessions(self) -> Iterator[str]:
        """Functions that make a `Session` of the driver."""
        for module in self.core:
            for node in module.nodes:
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Session":
                    yield self._place(module, node)

    def banned(self) -> Iterator[str]:
        """Banned identifiers, once a scope, where the scope has more than three lines."""
        for module in self.modules.values():
            for scope, names in _bindings(module.tree):
                lines = 4 if isinstance(scope, ast.Module) else (scope.end_lineno or 0) - scope.lineno + 1
                for name in sorted(names & BANNED if lines > 3 else ()):
                    if PAIRS.get(name) not in names and (module.name, name) not in KEPT:
                        yield f"{self._place(module, scope)}: {name}"

    def old(self) -> Iterator[str]:
        """Modules, types, fields and functions of names that were changed."""
        for module in self.modules.values():
            names = {("module", module.name.rpartition(".")[2])}
            for node in module.nodes:
                if isinstance(node, ast.ClassDef):
                    names |= {("type", node.name)} | {("field", name) for name in _fields(node)}
                elif isinstance(node, ast.FunctionDef):
                    names.add(("function", node.name))
            yield from (f"{module.name}: {kind} {n}" for kind, n in sorted(names) if n in OLD_NAMES[kind].split())

    @cached_property
    def readme(self) -> str:
        """The README without blocks of code; empty where there is none."""
        path = self.root / "README.md"
        return re.sub(r"```.*?```", "", path.read_text("utf-8") if path.exists() else "", flags=re.DOTALL)

    def sentences(self) -> Iterator[str]:
        """Sentences of the README with more than 25 words; a cell, an item and a heading end one as well."""
        for part in re.split(r"\n\s*\n|\n(?=[-#|])|\|", re.sub(r"\]\([^)]*\)", "]", self.readme)):
            for sentence in re.split(r"(?<=[.!?])\s+", " ".join(part.split())):
                if (words := len(re.findall(r"\S*\w\S*", sentence))) > 25:
                    yield f"{words}: {sentence}"

    def _place(self, module: Module, node: ast.AST) -> str:
        return f"{module.path.relative_to(self.root)}:{getattr(node, 'lineno', 1)}"

    def figures(self, names: Iterable[str] = ()) -> dict[str, list[str] | int]:
        """Every figure, or those named: what it counts, or the number alone where that would be all of the code."""
        counted = [module for module in self.modules.values() if not module.name.startswith(SHIPPED_LAWS)]
        statements = sum(_is_statement(node) for module in counted for node in module.nodes)
        totals: dict[str, list[str] | int] = {"modules": len(counted), "statements": statements}
        totals["readme"] = len(self.readme.split())
        return {name: totals[name] if name in totals else list(getattr(self, name)()) for name in names or LIMITS}


def _modules(package: Path) -> Iterator[Module]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = ast.parse(path.read_text("utf-8"))
        yield Module(name, path, tree, list(ast.walk(tree)))


def _is_statement(node: ast.AST) -> bool:
    """Whether a node is a statement, and no docstring."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.stmt) and not text


def _reachable(arrows: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    stack = list(arrows.get(start, ()))
    while stack:
        room = stack.pop()
        if room not in reached:
            reached.add(room)
            stack += arrows.get(room, ())
    return reached


def _fields(node: ast.ClassDef) -> Iterator[str]:
    return (
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    )


IMPORTS = (ast.Import, ast.ImportFrom)
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.expr
SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def _bindings(scope: ast.AST) -> Iterator[tuple[ast.expr, set[str]]]:
    """Every scope with the names that are bound in it."""
    names: set[str] = set()
    stack = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, SCOPES):
            yield from _bindings(node)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        stack.extend(ast.iter_child_nodes(node))
    yield scope, names  # type: ignore[misc]  # a module has no end, and is told by its type


def main(arguments: Iterable[str] = ()) -> int:
    """Print the figures, or those named with what they count."""
    names = list(arguments)
    if unknown := set(names) - set(LIMITS):
        print(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join(LIMITS)}", file=sys.stderr)
        return 2
    over = False
    for name, value in House().figures(names).items():
        limit = LIMITS[name]
        number = value if isinstance(value, int) else len(value)
        over |= number > limit.today
        state = "OVER" if number > limit.today else "ok" if number <= limit.target else "open"
        print(f"{state:<5}{number:>7,}  (target {limit.target:,}, limit {limit.today:,})  {limit.text}  [{name}]")
        if names and not isinstance(value, int):
            print(*(f"    {line}" for line in value), sep="\n")
    return int(over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
