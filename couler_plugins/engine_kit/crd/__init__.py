"""What an API server would say of documents, by the schemas and rules of CustomResourceDefinitions."""

from __future__ import annotations

from couler_plugins.engine_kit.crd.checking import check, covered
from couler_plugins.engine_kit.crd.crd import NO_SCHEMAS, Schemas, load_schemas

__all__ = ["NO_SCHEMAS", "Schemas", "check", "covered", "load_schemas"]
