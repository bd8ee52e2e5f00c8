"""Past runs in documents of no engine: histories, traces of WfFormat and of Nextflow."""

from __future__ import annotations

from couler_plugins.documents import Document
from couler_plugins.runs.history_file import identity, read_lines
from couler_plugins.runs.history_format import recorded_runs
from couler_plugins.runs.nextflow import is_trace, read_trace
from couler_plugins.runs.run import Run
from couler_plugins.runs.wfformat import run_of_wfformat


def runs_in_document(document: Document) -> list[Run]:
    """The runs that a document tells of; none where it is something else.

    Raises:
        InvalidInput: it is one of these, and cannot be read.
    """
    if document.data is not None:
        run = run_of_wfformat(document.data, document.file)
        return recorded_runs(document.data) if run is None else [run]
    if is_trace(document.text):
        return [read_trace(document.text, document.file)]
    if document.index or not (document.file.endswith(".jsonl") or document.text.startswith("{")):
        return []
    lines = read_lines(document.text.encode(errors="surrogateescape"), document.file)
    # Of a run that is there twice, as in histories that were put together, the later line counts.
    runs = {identity(line.run, line.content): line.run for line in lines if line.run is not None}
    return list(runs.values())
