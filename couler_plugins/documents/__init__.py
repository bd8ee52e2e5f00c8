"""YAML and JSON documents, read and written as Kubernetes does, with positions, differences and splices."""

from couler_plugins.documents.diff import Edit, diff
from couler_plugins.documents.emitter import Indentation, dump_json, dump_yaml
from couler_plugins.documents.findings import (
    Finding,
    Place,
    Remark,
    Reread,
    findings,
    merge_alike,
    remarks_on_reread,
    reread,
    without_place,
)
from couler_plugins.documents.mappings import Mapped
from couler_plugins.documents.reader import MAX_BYTES, Document, FilePlace, SourceFile, is_template, read
from couler_plugins.documents.rewriting import Spliced, splice
from couler_plugins.documents.spans import Path, render

__all__ = [
    "MAX_BYTES",
    "Document",
    "Edit",
    "FilePlace",
    "Finding",
    "Indentation",
    "Mapped",
    "Path",
    "Place",
    "Remark",
    "Reread",
    "SourceFile",
    "Spliced",
    "diff",
    "dump_json",
    "dump_yaml",
    "findings",
    "is_template",
    "merge_alike",
    "read",
    "remarks_on_reread",
    "render",
    "reread",
    "splice",
    "without_place",
]
