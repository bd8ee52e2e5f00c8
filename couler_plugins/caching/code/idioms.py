"""Clocks and chance that are no part of a result: a duration that is only logged, a generator with a seed.

Whether they are is told from the source of a function; without it, they count like all others.
"""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Iterator

from couler_plugins.caching.code.effects.words import SAYS
from couler_plugins.caching.code.syntax import syntax_of

__all__ = ["SEEDS", "harmless"]

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
Parents = dict[ast.AST, ast.AST]


@functools.lru_cache(maxsize=2048)
def harmless(code: types.CodeType) -> frozenset[str]:
    """Return the names in code, dotted as it writes them, whose clock or chance is no part of what it computes.

    Attributes of what has no name are written `.name`.
    """
    tree = syntax_of(code)
    if tree is None:
        return frozenset()
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    handed_on = {name for node in ast.walk(tree) if _is_handed_on(node, parents) for name in _names(node)}
    return frozenset({*_durations(tree, parents, calls), *_seeded(tree, parents, calls)} - handed_on)


def _durations(tree: ast.AST, parents: Parents, calls: list[ast.Call]) -> Iterator[str]:
    """The clocks that are read to log how long something took."""
    read = [call for call in calls if _last(call.func) in TIMES or (_last(call.func) in CLOCKS and not call.args)]
    started = {target.id for call in read if isinstance(target := _bound(call, parents), ast.Name)}
    clocks: set[ast.AST] = {*read, *(node for node in _loads(tree) if node.id in started)}
    differences = {parents[node] for node in clocks if _is_difference(parents.get(node), clocks)}
    told = {target.id for node in differences if isinstance(target := _bound(node, parents), ast.Name)}
    ends = [*(node for node in differences if not isinstance(_bound(node, parents), ast.Name))]
    ends += [node for node in _loads(tree) if node.id in told]
    ends += [node for node in clocks if parents.get(node) not in differences and _bound(node, parents) is None]
    if all(_is_said(node, parents) for node in ends):
        for call in read:
            yield ast.unparse(call.func)
            yield f".{_last(call.func)}"


def _seeded(tree: ast.AST, parents: Parents, calls: list[ast.Call]) -> Iterator[str]:
    """The generators that get a seed, and what is drawn from them."""
    made = [call for call in calls if _last(call.func) in GENERATORS]
    names = {target.id for call in made if isinstance(target := _bound(call, parents), ast.Name)}
    if made and all(map(_has_seed, made)):
        yield from (name for call in made for name in _names(call.func))
    drawn: dict[str, bool] = {}
    for call in calls:
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_ours = (isinstance(base, ast.Name) and base.id in names) or base in made
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
    given = [item.value for item in call.keywords if item.arg in (parameter, None)]  # None: `**more`
    return all(isinstance(value, ast.Constant) and value.value not in drawing for value in given)


def _bound(node: ast.AST, parents: Parents) -> ast.expr | None:
    """The name that a value is bound to, if it is bound to one."""
    parent = parents.get(node)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and parent.value is node:
        return parent.targets[0]
    return None


def _loads(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _is_difference(node: ast.AST | None, clocks: set[ast.AST]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and {node.left, node.right} <= clocks


def _is_said(node: ast.AST, parents: Parents) -> bool:
    """Whether something is a part of a text that is logged or printed."""
    above = parents.get(node)
    while above is not None and not isinstance(above, ast.stmt):
        if isinstance(above, ast.Call) and _last(above.func) in SAYS and isinstance(parents.get(above), ast.Expr):
            return True
        above = parents.get(above)
    return False


def _has_seed(call: ast.Call) -> bool:
    given = [*call.args, *(item.value for item in call.keywords)]
    return bool(given) and not _is_none(given[0])


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
