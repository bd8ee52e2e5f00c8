"""A small CRD, and what an API server with it says of objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.documents import Remark, dump_yaml, read
from couler_plugins.engine_kit.crd import Schemas, check, load_schemas
from couler_plugins.inputs.sources import Text

__all__ = ["MEGABYTE", "codes", "crd", "custom", "remarks", "schemas_of"]

MEGABYTE = 1024**2


def crd(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The CRD of the kind `Thing` (`example.com/v1`) with these fields in its spec; `more` goes beside them."""
    spec = {"type": "object", "properties": properties, **more}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def schemas_of(definition: Any) -> Schemas:
    """The schemas in one CRD, or in several."""
    definitions = definition if isinstance(definition, list) else [definition]
    return load_schemas([Text(dump_yaml(item), "crd.yaml") for item in definitions], MEGABYTE)


def custom(spec: Any, **more: Any) -> dict[str, Any]:
    """A `Thing`."""
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec, **more}


def remarks(data: Any, schemas: Schemas) -> list[Remark]:
    """All remarks on one document, in the order of their paths."""
    (document,) = read(dump_yaml(data), "object.yaml").documents
    return sorted(check([document], schemas), key=lambda remark: [str(key) for key in remark.path])


def codes(found: Iterable[Remark]) -> list[tuple[str, str]]:
    """The places and codes of remarks."""
    return [(".".join(map(str, remark.path)), remark.code) for remark in found]
