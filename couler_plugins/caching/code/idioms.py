"""Clocks and chance that are no part of a result: a duration that is only logged, a generator with a seed."""

from __future__ import annotations

import ast
import functools
import re
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from couler_plugins.caching.code.effects.reads import SAYS
from couler_plugins.caching.code.modules import is_library
from couler_plugins.caching.code.names import last_name, syntax_of
from couler_plugins.caching.code.names import last_name as _last

Chain = tuple[str, ...]

LOGGER = re.compile(r"_*(?:\w+_)?(?:log|logger|logging|structlog|getlogger)", re.IGNORECASE)
"""How loggers are named, and what makes them."""
MAKERS = ("getLogger", "get_logger", "bind", "getChild")
CATCHERS = frozenset({"redirect_stdout", "redirect_stderr", "addHandler", "StringIO", "StreamHandler", "MemoryHandler"})
"""What makes a value of what is said."""
FORMATS = frozenset(
    {
        "str",
        "repr",
        "format",
        "int",
        "float",
        "round",
        "abs",
        "min",
        "max",
        "len",
        "divmod",
        "floor",
        "ceil",
        "timedelta",
    }
)
"""Functions that make a text or a number, and keep nothing."""
PLAIN = ("sep", "end", "flush")
STREAMS = ("stdout", "stderr")
KEEPING = (ast.stmt, ast.NamedExpr, ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.comprehension)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def local_name(node: ast.AST, tree: ast.AST, parents: Parents) -> str:
    """Return the name of the function's own that a value is bound to; empty where something else holds it as well."""
    parent = parents.get(node)
    targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
    if not isinstance(parent, (ast.Assign, ast.AnnAssign)) or parent.value is not node or len(targets) != 1:
        return ""
    [target] = targets
    scope = parents.get(parent)
    while scope is not None and not isinstance(scope, FUNCTIONS):
        scope = parents.get(scope)
    outer = {name for one in ast.walk(tree) if isinstance(one, (ast.Global, ast.Nonlocal)) for name in one.names}
    if not isinstance(target, ast.Name) or target.id in outer or scope is None or isinstance(scope, ast.ClassDef):
        return ""
    return target.id


def is_said(node: ast.AST, tree: ast.AST, parents: Parents, loggers: set[Chain]) -> bool:
    """Tell whether something is a part of a text that is logged or printed, and of nothing else.

    Args:
        node: the expression.
        tree: the syntax of the function that it is in.
        parents: the node around each node.
        loggers: gathers the names of what it is logged with, which may be the caller's own.
    """
    above = parents.get(node)
    while above is not None and not isinstance(above, KEEPING):
        if isinstance(above, ast.Call) and node is not above.func and last_name(above.func) not in FORMATS:
            return isinstance(parents.get(above), ast.Expr) and _says(above, tree, loggers)
        node, above = above, parents.get(above)
    return False


def are_loggers(chains: Iterable[Chain], scope: Mapping[str, Any]) -> bool:
    """Tell whether all of some names stand for what libraries log with, as far as they are globals."""
    return all(is_library(str(_origin(scope[root], path))) for root, *path in chains if root in scope)


def _origin(value: Any, path: Iterable[str]) -> str:
    for name in path:
        if not isinstance(value, types.ModuleType):
            break
        value = vars(value).get(name)
    if isinstance(value, types.ModuleType):
        return value.__name__
    named = value if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)) else type(value)
    return str(named.__module__)


def _says(call: ast.Call, tree: ast.AST, loggers: set[Chain]) -> bool:
    """Tell whether a call writes to a log or to a terminal."""
    if any(last_name(node) in CATCHERS for node in ast.walk(tree)):
        return False
    if isinstance(call.func, ast.Name):
        loggers.add((call.func.id,))
        return call.func.id == "print" and all(item.arg in PLAIN or _is_terminal(item) for item in call.keywords)
    assert isinstance(call.func, ast.Attribute)
    base = call.func.value
    return call.func.attr in SAYS and _is_logger(base, tree, loggers)


def _is_terminal(item: ast.keyword) -> bool:
    return item.arg == "file" and ast.unparse(item.value) in {f"sys.{name}" for name in STREAMS}


def _is_logger(node: ast.expr, tree: ast.AST, loggers: set[Chain]) -> bool:
    if isinstance(node, ast.Call):
        if last_name(node.func) not in MAKERS:
            return False
        node = node.func if isinstance(node.func, ast.Name) else getattr(node.func, "value", node.func)
    if not LOGGER.fullmatch(last_name(node)):
        return False
    chain = ast.unparse(node).split(".")
    bound = [one for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id == chain[0]]
    if any(isinstance(one.ctx, ast.Store) for one in bound):
        assignments = [one for one in ast.walk(tree) if isinstance(one, ast.Assign) and one.targets[0] in bound]
        makers = (one.value.func for one in assignments if isinstance(one.value, ast.Call))
        return len(chain) == 1 and [last_name(maker) in MAKERS for maker in makers] == [True]
    loggers.add(tuple(chain))
    arguments = {item.arg for item in ast.walk(tree) if isinstance(item, ast.arg)}
    return chain[0] == "self" or chain[0] not in arguments


CLOCKS = tuple(f"{name}{end}" for name in ("time", "monotonic", "perf_counter", "process_time") for end in ("", "_ns"))
TIMES = ("now", "utcnow", "today")
GENERATORS = ("default_rng", "Random", "RandomState", "SeedSequence", "PCG64", "Philox", "MT19937", "SFC64")
SEEDS = ("random_state", "seed", "generator", "rng")
"""Parameters that give a seed, or a generator that has one."""
IDLE = {
    **dict.fromkeys(("Ridge", "RidgeClassifier", "LogisticRegression"), ("solver", ("sag", "saga", "liblinear"))),
    **dict.fromkeys(("Lasso", "ElasticNet", "MultiTaskLasso", "MultiTaskElasticNet"), ("selection", ("random",))),
    **dict.fromkeys(("SVC", "NuSVC"), ("probability", (True,))),
}
"""Estimators of scikit-learn that draw only if a parameter has one of these values: their `random_state` says so."""
GIVEN = {"get": (1, ()), "croniter": (2, ("start_time",)), "rrule": (2, ("dtstart",)), "rrulestr": (9, ("dtstart",))}
"""What asks for the time only if it is not told one: by that many arguments, or by a keyword."""
Parents = dict[ast.AST, ast.AST]


def harmless(code: types.CodeType, scope: Mapping[str, Any]) -> frozenset[str]:
    """Return the names in code, dotted as it writes them, whose clock or chance is no part of what it computes.

    Attributes of what has no name are written `.name`.

    Args:
        code: the code.
        scope: its globals: what it logs with may be an own object that keeps what it is told.
    """
    clocks, chance, loggers = _idioms(code)
    return clocks | chance if are_loggers(loggers, scope) else chance


def draws_idly(code: types.CodeType) -> bool:
    """Tell whether code makes an estimator that draws, although it computes the same whatever it draws."""
    tree = syntax_of(code) if not IDLE.keys().isdisjoint(code.co_names) else None
    return tree is not None and any(isinstance(node, ast.Call) and _is_idle(node) for node in ast.walk(tree))


@functools.lru_cache(maxsize=2048)
def _idioms(code: types.CodeType) -> tuple[frozenset[str], frozenset[str], frozenset[tuple[str, ...]]]:
    """The clocks and the chance that are no part of a result, and what the clocks are logged with."""
    tree = syntax_of(code)
    if tree is None:
        return frozenset(), frozenset(), frozenset()
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    handed_on = {name for node in ast.walk(tree) if _is_handed_on(node, parents) for name in _names(node)}
    loggers: set[tuple[str, ...]] = set()
    clocks = {*_durations(tree, parents, calls, loggers)} - handed_on
    others = {*_seeded(tree, parents, calls), *_told(calls)} - handed_on
    return frozenset(clocks), frozenset(others), frozenset(loggers)


def _durations(tree: ast.AST, parents: Parents, calls: list[ast.Call], loggers: set[tuple[str, ...]]) -> Iterator[str]:
    """The clocks that are read to log how long something took: a local name holds them, or nothing does."""
    read = [call for call in calls if _last(call.func) in TIMES or (_last(call.func) in CLOCKS and not call.args)]
    starts = {call: name for call in read if (name := local_name(call, tree, parents))}
    clocks: set[ast.AST] = {*read, *_loads(tree, starts.values())}
    differences = {parents[node] for node in clocks if _is_difference(parents.get(node), clocks)}
    names = {node: name for node in differences if (name := local_name(node, tree, parents))}
    ends = [*(node for node in differences if node not in names), *_loads(tree, names.values())]
    ends += [node for node in clocks if parents.get(node) not in differences and node not in starts]
    if all(is_said(node, tree, parents, loggers) for node in ends):
        for call in read:
            yield from _names(call.func)


def _told(calls: list[ast.Call]) -> Iterator[str]:
    """What is told the time wherever it is called."""
    asking = {name for call in calls if not _is_told(call) for name in _names(call.func)}
    yield from ({name for call in calls if _is_told(call) for name in _names(call.func)} - asking)


def _is_told(call: ast.Call) -> bool:
    count, keywords = GIVEN.get(_last(call.func), (0, ()))
    arguments = [*call.args[count - 1 : count], *(item.value for item in call.keywords if item.arg in keywords)]
    starred = any(isinstance(item, ast.Starred) for item in call.args)
    return count > 0 and not starred and any(not _is_none(item) for item in arguments)


def _seeded(tree: ast.AST, parents: Parents, calls: list[ast.Call]) -> Iterator[str]:
    """The generators that get a seed, and what is drawn from them."""
    generators = [call for call in calls if _last(call.func) in GENERATORS]
    names = {target.id for call in generators if isinstance(target := _bound(call, parents), ast.Name)}
    if generators and all(map(_has_seed, generators)):
        yield from (name for call in generators for name in _names(call.func))
    drawn: dict[str, bool] = {}
    for call in calls:
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_ours = (isinstance(base, ast.Name) and base.id in names) or base in generators
        seeded = any(item.arg in SEEDS and not _is_none(item.value) for item in call.keywords)
        for name in _names(call.func):
            drawn[name] = drawn.get(name, True) and (is_ours or seeded or _is_idle(call))
    yield from (name for name, safe in drawn.items() if safe)
    for call in calls:
        # `random.seed(1)` is for all that is drawn of the module from there on.
        if _last(call.func) == "seed" and _has_seed(call) and isinstance(call.func, ast.Attribute):
            module = ast.unparse(call.func.value)
            for other in calls:
                if ast.unparse(other.func).startswith(f"{module}.") and other.lineno >= call.lineno:
                    yield ast.unparse(other.func)
                    yield f".{_last(other.func)}"


def _names(node: ast.AST) -> tuple[str, str]:
    return f".{_last(node)}", ast.unparse(node)


def _is_handed_on(node: ast.AST, parents: Parents) -> bool:
    """Whether something with a name is neither called nor asked for an attribute: others may call it as they like."""
    parent = parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    return isinstance(node, (ast.Name, ast.Attribute)) and not called and not isinstance(parent, ast.Attribute)


def _is_idle(call: ast.Call) -> bool:
    """Whether an estimator is made so that it draws nothing."""
    if _last(call.func) not in IDLE:
        return False
    parameter, drawing = IDLE[_last(call.func)]
    values = [item.value for item in call.keywords if item.arg in (parameter, None)]  # None: `**more`
    return all(isinstance(value, ast.Constant) and value.value not in drawing for value in values)


def _bound(node: ast.AST, parents: Parents) -> ast.expr | None:
    """The name that a value is bound to, if it is bound to one."""
    parent = parents.get(node)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and parent.value is node:
        return parent.targets[0]
    return None


def _loads(tree: ast.AST, names: Collection[str]) -> list[ast.AST]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in names]


def _is_difference(node: ast.AST | None, clocks: set[ast.AST]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and {node.left, node.right} <= clocks


def _has_seed(call: ast.Call) -> bool:
    given = [*call.args, *(item.value for item in call.keywords)]
    return bool(given) and not _is_none(given[0])


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_harmless(code: types.CodeType, scope: Mapping[str, Any], name: str) -> bool:
    """Return whether a name that code reads is harmless."""
    return name in harmless(code, scope)
