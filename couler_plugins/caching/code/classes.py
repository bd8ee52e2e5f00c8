"""Classes: which of their members say what they compute, and which of them say themselves how they are kept."""

from __future__ import annotations

import types
from typing import Any

__all__ = ["has_functions", "is_made", "members_of", "options_of", "order_of", "overrides"]

OF_CLASSES = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__firstlineno__", "__abstractmethods__"),
        *(
            "__static_attributes__",
            "__parameters__",
            "_abc_impl",
            "__annotate_func__",
            "__annotate__",
        ),
        *("__annotations_cache__", "__signature__", "__dataclass_params__", "__attrs_props__"),
    }
)
"""What classes have that says nothing of what they compute, or that is made of what is looked at anyway."""
MACHINERY = ("__pydantic_", "_sunder_", "__attrs_base_of_slotted__")
KEPT = ("__pydantic_fields__", "__pydantic_decorators__")
DESCRIBED = "__pydantic_fields__"
"""What classes have whose documentation is a part of what they make: of a schema."""
HEAP_TYPE = 1 << 9
"""The flag of classes that are made while a program runs (CPython's `Py_TPFLAGS_HEAPTYPE`)."""
OVERRIDES = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")


def members_of(cls: type) -> list[tuple[str, Any]]:
    """Return the members of a class that say what it computes, by name."""
    described = DESCRIBED in vars(cls)
    own = sorted(vars(cls).items())
    return [(name, member) for name, member in own if _counts(name) or (described and name == "__doc__")]


def order_of(cls: type) -> list[str]:
    """Return the names of a class's values in their order: who goes through them sees that, and of methods nothing."""
    return [name for name, member in vars(cls).items() if not name.startswith("__") and not _is_method(member)]


def options_of(cls: type) -> list[Any]:
    """Return what a class of msgspec was told beside its members: options, and what its fields are called outside."""
    if not hasattr(type(cls), "__struct_config__"):
        return []
    config = cls.__struct_config__  # type: ignore[attr-defined]
    options = {name: getattr(config, name) for name in sorted(dir(config)) if not name.startswith("_")}
    return [options, getattr(cls, "__struct_encode_fields__", ())]


def has_functions(cls: type) -> bool:
    """Return whether a class, or one behind it, has methods that are written in Python."""
    return any(isinstance(member, types.FunctionType) for base in cls.__mro__ for member in vars(base).values())


def is_made(cls: type) -> bool:
    """Return whether a class was made while the program ran."""
    return bool(cls.__flags__ & HEAP_TYPE)


def overrides(cls: type) -> bool:
    """Return whether a class says itself how its objects are taken apart."""
    return any(name in vars(cls) for name in OVERRIDES)


def _is_method(member: Any) -> bool:
    return callable(member) or isinstance(member, (property, staticmethod, classmethod))


def _counts(name: str) -> bool:
    return name in KEPT or (name not in OF_CLASSES and not name.startswith(MACHINERY))
