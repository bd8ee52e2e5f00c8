"""DAG files for people: what Airflow serializes of their DAGs, before and after, as YAML."""

from __future__ import annotations

from dataclasses import replace

from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.generating.workflows import DagSource, file_of
from couler_airflow.split.commit import parts_of
from couler_plugins.documents import dump_yaml
from couler_plugins.errors import Unsupported
from couler_plugins.plan import Lowered, Shown, Written


def dump(lowered: Lowered) -> Written:
    """The source of generated DAGs, and what changed in others, for people: their files are their owner's."""
    written = [item for item in lowered.added if isinstance(item, DagSource)]
    return replace(_shown(lowered), added=file_of(written)) if written else _shown(lowered)


def _shown(lowered: Lowered) -> Written:
    """The DAGs of every file that has any; parts of DAGs that were split stand behind all of these."""
    bundle = lowered.bundle
    texts: dict[int, tuple[list[str], list[str], list[str]]] = {}
    for number, document in enumerate(bundle.documents):
        before, after, parts = texts.setdefault(bundle.file_numbers[number], ([], [], []))
        before.append(dump_yaml(document.data))
        after.append(dump_yaml(lowered.changed[number]) if number in lowered.changed else before[-1])
        if number in lowered.changed and isinstance(bundle, DagBundle):
            parts += (dump_yaml(snapshot(part)) for part in parts_of(bundle.live[number].dag))
    return Written(
        texts={},
        shown={
            number: Shown(
                before="---\n".join(before),
                after="---\n".join((*after, *parts)),
                error=Unsupported(
                    "a DAG file is a program, and is not rewritten",
                    file=bundle.files[number].name,
                    engine="airflow",
                    feature="optimize",
                    hint="call couler_airflow.optimize(dag) at the end of the file, or let the plugin's policy do it"
                    " for all DAGs; `couler explain` and `couler diff` say what that does",
                ),
            )
            for number, (before, after, parts) in texts.items()
        },
    )
