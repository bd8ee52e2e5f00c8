"""CustomResourceDefinitions: their schemas and rules, and checks of documents as an API server makes them."""

from couler_plugins.engine_kit.crd.checking import check, covered
from couler_plugins.engine_kit.crd.crd import NO_SCHEMAS, Schemas, load_schemas

__all__ = ["NO_SCHEMAS", "Schemas", "check", "covered", "load_schemas"]
