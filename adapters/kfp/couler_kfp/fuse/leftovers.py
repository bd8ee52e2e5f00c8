"""Whether a Python component surely leaves nothing in its container that a later one could find there."""

from __future__ import annotations

import ast

from couler_kfp.cache.programs import programs
from couler_kfp.components import write_operation
from couler_plugins.ir import Operation

HARMLESS = frozenset(
    {"collections", "datetime", "functools", "itertools", "json", "kfp", "math", "random", "re", "string", "time"}
    | {"typing"}
)
"""Modules by which no function writes a file or starts a process."""
DYNAMIC = frozenset({"__builtins__", "__import__", "compile", "eval", "exec", "getattr", "globals", "kfp", "locals"})
ELSEWHERE = frozenset({"custom_path", "get_uri", "set_path", "uri"})
"""By these, a function finds out or says where an artifact is in the store."""
READING = frozenset({"r", "rb", "rt"})


def source_of(operation: Operation) -> str:
    """Return the source of a lightweight Python component; empty where it is none."""
    runs = programs(write_operation(operation)[1].executor.get("container", {}))
    return runs.texts[0] if runs.is_function else ""


def installs_of(operation: Operation) -> str:
    """Return the text by which a component installs packages before it starts; empty where it installs none."""
    command = write_operation(operation)[1].executor["container"]["command"]
    return str(command[2]) if command[:2] == ["sh", "-c"] else ""


def _nodes(operation: Operation) -> list[ast.AST]:
    """All nodes of the source of a component; none where it cannot be read."""
    try:
        return [*ast.walk(ast.parse(source_of(operation)))]
    except (SyntaxError, ValueError):
        return []


def keeps_in_place(operation: Operation, output: str) -> bool:
    """Return whether a component surely puts an artifact where it is told to, and not elsewhere."""
    nodes = _nodes(operation)
    words = {getattr(node, key, None) for node in nodes for key in ("attr", "id", "arg")}
    moves = any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "path" for node in nodes
    )
    return any(isinstance(node, ast.arg) and node.arg == output for node in nodes) and not (ELSEWHERE & words or moves)


def leaves_nothing(operation: Operation) -> bool:
    """Return whether a component surely writes no file but its outputs, and starts no process."""
    nodes = _nodes(operation)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    modules = [item.name for node in nodes if isinstance(node, ast.Import) for item in node.names]
    modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    outputs = {output.name for output in operation.outputs} - {
        node.id for node in names if isinstance(node.ctx, ast.Store)
    }
    opened = {id(node.func) for node in nodes if isinstance(node, ast.Call) and _opens_quietly(node, outputs)}
    return (
        bool(nodes)
        and all(module.partition(".")[0] in HARMLESS for module in modules)
        and not any(node.id in DYNAMIC for node in names)
        and all(id(node) in opened for node in names if node.id == "open")
    )


def _opens_quietly(call: ast.Call, outputs: set[str]) -> bool:
    """Whether a call opens a file for reading, or one of the outputs."""
    modes = [*call.args[1:2], *(item.value for item in call.keywords if item.arg == "mode")]
    is_read = all(isinstance(mode, ast.Constant) and mode.value in READING for mode in modes)
    is_plain = len(call.args) in (1, 2) and all(item.arg in ("mode", "encoding", "newline") for item in call.keywords)
    return is_plain and (is_read or ast.unparse(call.args[0]).removesuffix(".path") in outputs)
