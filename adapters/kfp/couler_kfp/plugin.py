"""The KFP adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from couler_kfp.capabilities import CAPABILITIES
from couler_plugins.hookspecs import Adapter, Capability, hookimpl

if TYPE_CHECKING:
    from couler_plugins.documents import Document
    from couler_plugins.errors import CoulerError
    from couler_plugins.ir import Workflow
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Decision, Lowered, Plan

__all__ = ["KfpAdapter"]


class KfpAdapter(Adapter):
    """Compiled pipelines: IR YAML, with a platform document or without, and the Kubernetes-native PipelineVersion."""

    engine: ClassVar[str] = "kfp"
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES

    def claims(self, document: Document) -> bool:
        """Whether the document holds a pipeline."""
        from couler_kfp.pipelines import is_pipeline

        return is_pipeline(document.data)

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The pipelines of all documents; see `couler_kfp.lift`."""
        from couler_kfp.lift import lift

        return lift(bundle, refuse)

    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
        """The pipeline as a workflow of containers; see `couler_kfp.converting`."""
        from couler_kfp.converting.portable import portable

        return portable(workflow)

    def lower(self, plan: Plan, options: Any) -> Lowered:
        """The documents of a plan, and how they differ from the originals; see `couler_kfp.lower`."""
        from couler_kfp.lower import lower

        return lower(plan)


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The KFP adapter."""
    return [KfpAdapter()]
