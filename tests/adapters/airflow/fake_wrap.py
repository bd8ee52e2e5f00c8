"""Stands in for the wrapper around `execute` where that is not there: it can be seen, and changes nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["wrap"]


def wrap(operator: Any) -> None:
    """Marks an operator, or the class that a mapped one is made of, as wrapped."""
    if operator.is_mapped:
        inner = operator.operator_class
        operator.operator_class = type(inner)(
            inner.__name__, (inner,), {"couler_wrapped": True, "__module__": inner.__module__}
        )
    else:
        operator.__dict__["couler_wrapped"] = True
