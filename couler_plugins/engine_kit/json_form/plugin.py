"""The adapter of workflows that are written down for no engine: the JSON form of the IR, as a file.

Other commands read such a file like any engine's: `couler convert flow.json --to argo`, `couler graph flow.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from couler_plugins.hookspecs import Adapter, hookimpl


class CoulerAdapter(Adapter):
    """Documents with the schema `couler.ir/v0`: a workflow each, as the unified interface writes it."""

    engine: ClassVar[str] = "couler"
    suffix: ClassVar[str] = ".json"
    marks: ClassVar[tuple[str, ...]] = ("couler.ir/",)
    facets: ClassVar[Mapping[str, str]] = {
        "claims": "couler_plugins.engine_kit.json_form.files:claims",
        "lift": "couler_plugins.engine_kit.json_form.files:lift",
        "lower": "couler_plugins.engine_kit.json_form.files:lower",
    }


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The adapter of the IR's own files."""
    return [CoulerAdapter()]
