"""What code names: the dotted names that it reaches from its globals and imports, read from its bytecode."""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["ALL", "Names", "names_of"]

GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME")
LOCALS = ("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST_CHECK")
STORES = ("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL")
ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
IGNORED = ("CACHE", "PRECALL", "PUSH_NULL", "RESUME", "SWAP", "POP_TOP", "COPY", "EXTENDED_ARG", "NOP")


ALL = "__dict__"
"""The attribute that stands for all of them, where something is handed on as a whole."""


class Names(NamedTuple):
    """What some code names.

    Attributes:
        chains: globals with the attributes read of them: `("np", "random", "rand")`.
        imports: modules that it imports itself, with the attributes read of them: `("os", "environ")`.
        attributes: all attributes that it reads of anything.
        written: globals that it assigns or deletes.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, ...], ...]
    attributes: tuple[str, ...]
    written: tuple[str, ...]


def names_of(code: types.CodeType, package: str = "") -> Names:
    """The names in a code object and in those inside of it, each once and sorted.

    Args:
        code: the code.
        package: the package that relative imports start from.
    """
    codes = list(_all(code))
    aliases: dict[str, tuple[str, ...]] = {}
    imports: set[tuple[str, ...]] = set()
    for one in codes:
        found, bound = _imports(one, package)
        imports |= found
        aliases |= bound
    chains: set[tuple[str, ...]] = set()
    attributes: set[str] = set()
    written: set[str] = set()
    for one in codes:
        instructions = [item for item in dis.get_instructions(one) if item.opname not in IGNORED]
        for number, item in enumerate(instructions):
            name = item.argval
            if item.opname in GLOBALS:
                chains.add((name, *_attributes(instructions, number)))
            elif item.opname in LOCALS and name in aliases:
                read = tuple(_attributes(instructions, number))
                imports.add((*aliases[name], *(read or (ALL,))))
            elif item.opname in ATTRIBUTES:
                attributes.add(name)
            elif item.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                written.add(name)
    return Names(tuple(sorted(chains)), tuple(sorted(imports)), tuple(sorted(attributes)), tuple(sorted(written)))


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all(constant)


def _attributes(instructions: list[dis.Instruction], number: int) -> Iterator[str]:
    """The attributes that are read of what an instruction loads, one of the other."""
    for item in instructions[number + 1 :]:
        if item.opname not in ATTRIBUTES:
            return
        yield item.argval


def _imports(code: types.CodeType, package: str) -> tuple[set[tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The modules (and what is taken from them) that code imports, and the local names that these get."""
    found: set[tuple[str, ...]] = set()
    bound: dict[str, tuple[str, ...]] = {}
    module, taken = "", False
    constants: list[Any] = []
    imported: tuple[str, ...] | None = None  # what the next store binds
    for item in dis.get_instructions(code):
        if item.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            constants.append(item.argval)
        elif item.opname == "IMPORT_NAME":
            level, names = constants[-2:]
            module, taken = _absolute(item.argval, level, package), bool(names)
            found |= {(module,), *((module, name) for name in names or ())}
            imported = (module,) if taken else (module.partition(".")[0],)
        elif item.opname == "IMPORT_FROM":
            # `import a.b as c` takes b from a as well, but it is the whole module that it names.
            imported = (module, item.argval) if taken else (module,)
        elif item.opname in STORES and imported is not None:
            bound[item.argval] = imported
            imported = None
    return found, bound


def _absolute(name: str, level: int, package: str) -> str:
    if not level:
        return name
    base = package.split(".")
    parts = base[: len(base) - level + 1]
    return ".".join([*parts, name] if name else parts)
