"""All programs, by name. Some hold templates that were copied and renamed, as happens: what `dedupe` merges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.argo.hera import cached, graphs, kinds, operations, pods

if TYPE_CHECKING:
    from hera.workflows import Workflow

__all__ = ["PROGRAMS", "Program"]

Program = Callable[[], "Workflow"]

PROGRAMS: dict[str, Program] = {
    function.__name__: function for module in (graphs, operations, pods, kinds, cached) for function in module.PROGRAMS
}
