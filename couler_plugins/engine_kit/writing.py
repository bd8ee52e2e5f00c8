"""The text of lowered documents, for every engine whose documents are files."""

from __future__ import annotations

from couler_plugins.documents import dump_yaml, splice
from couler_plugins.documents.mappings import by_key
from couler_plugins.plan import Decision, Lowered, Written


def write_files(lowered: Lowered) -> Written:
    """The new text of every file that changed; everything that was not edited keeps its comments and formatting."""
    bundle = lowered.bundle
    edits = by_key((traced.document, traced.edit) for traced in lowered.edits)
    texts: dict[int, str] = {}
    decisions: list[Decision] = []
    first = 0
    for number, file in enumerate(bundle.files):
        own = {
            document.index: (lowered.changed[first + offset], edits[first + offset])
            for offset, document in enumerate(file.documents)
            if first + offset in lowered.changed
        }
        first += len(file.documents)
        if not own:
            continue
        spliced = splice(file, own)
        texts[number] = spliced.text
        decisions.extend(
            Decision(
                optimizer="documents",
                workflow=file.name,
                subject=f"document {index + 1}",
                action="rewritten without its comments and formatting",
                reason=reason,
            )
            for index, reason in spliced.redumped
        )
    for number, data in lowered.appended:
        text = texts.get(number, bundle.files[number].text)
        texts[number] = f"{text}{'' if text.endswith(chr(10)) else chr(10)}---\n{dump_yaml(data)}"
    added = "---\n".join(dump_yaml(data) for data in lowered.added)
    return Written(texts=texts, added=added, decisions=tuple(decisions))
