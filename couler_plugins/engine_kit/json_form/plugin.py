"""The adapter of workflows that are written down for no engine: the JSON form of the IR, as a file.

Other commands read such a file like any engine's: `couler convert flow.json --to argo`, `couler graph flow.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from couler_plugins.documents import Document
from couler_plugins.hookspecs import Adapter, hookimpl


class CoulerAdapter(Adapter):
    """Documents with the schema `couler.ir/v1`: a workflow each, as the unified interface writes it."""

    engine: ClassVar[str] = "couler"
    suffix: ClassVar[str] = ".json"
    marks: ClassVar[tuple[str, ...]] = ("couler.ir/",)
    facets: ClassVar[Mapping[str, str]] = {
        "lift": "couler_plugins.engine_kit.json_form.files:lift",
        "lower": "couler_plugins.engine_kit.json_form.files:lower",
    }

    def claims(self, document: Document) -> bool:
        """Return whether a document is one of ours; this needs none of what checks and reads it."""
        return is_json_form(document)


def is_json_form(document: Document) -> bool:
    """Return whether a document says that it is in this schema, of whatever version."""
    data = document.data
    return isinstance(data, dict) and str(data.get("schema", "")).startswith("couler.ir/")


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The adapter of the IR's own files."""
    return [CoulerAdapter()]
