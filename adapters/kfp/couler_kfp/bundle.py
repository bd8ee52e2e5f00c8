"""Bundles of files as KFP reads them: y and n are letters in IR YAML."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from couler_kfp.documents import is_spec
from couler_plugins.documents import SourceFile, read
from couler_plugins.ir.bundle import Bundle

LETTER = re.compile(r"(?<![^\s\[{,])[yYnN](?![^\s\]},:])")


def load(files: Iterable[SourceFile]) -> Bundle:
    """The files as KFP reads them."""
    return Bundle.of(map(read_as_kfp, files))


def read_as_kfp(file: SourceFile) -> SourceFile:
    """The file, read again where y and n stand in IR YAML: KFP writes these names without quotes.

    PyYAML, with which it compiles, and yaml.v3, with which its API server reads, take them for letters; Kubernetes
    takes them for booleans. A PipelineVersion is read by Kubernetes.
    """
    own = any(is_spec(item.data) for item in file.documents)
    if not own or file.format != "yaml" or not LETTER.search(file.text):
        return file
    return read(file.text, file.name, max_bytes=sys.maxsize, letters=True)
