"""The adapter of workflows that are written down for no engine: the JSON form of the IR, as a file.

Other commands read such a file like any engine's: `couler convert flow.json --to argo`, `couler graph flow.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from couler_plugins.hookspecs import Adapter, hookimpl

if TYPE_CHECKING:
    from couler_plugins.documents import Document
    from couler_plugins.errors import CoulerError
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Lowered, Plan

__all__ = ["CoulerAdapter"]


class CoulerAdapter(Adapter):
    """Documents with the schema `couler.ir/v0`: a workflow each, as the unified interface writes it."""

    engine: ClassVar[str] = "couler"
    suffix: ClassVar[str] = ".json"
    marks: ClassVar[tuple[str, ...]] = ("couler.ir/",)

    def claims(self, document: Document) -> bool:
        """Whether the document says that it is in this schema, of whatever version."""
        data = document.data
        return isinstance(data, dict) and str(data.get("schema", "")).startswith("couler.ir/")

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The workflows as they stand there; see `couler_plugins.interchange.files`."""
        from couler_plugins.interchange.files import lift

        return lift(self, bundle, refuse)

    def lower(self, plan: Plan, options: Any) -> Lowered:
        """The documents of a plan; see `couler_plugins.interchange.files`."""
        from couler_plugins.interchange.files import lower

        return lower(plan)


@hookimpl
def couler_adapters() -> list[Any]:
    """The adapter of the IR's own files."""
    return [CoulerAdapter()]
