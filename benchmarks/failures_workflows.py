"""Workflows that `benchmarks.failures` replays: cuts of traces, the Argo documents of them, and what `guard` writes."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.failures_argo import Template
from benchmarks.failures_replay import Work
from benchmarks.harness import tell
from benchmarks.split_graphs import KINDS, drawn_seconds
from couler_plugins import api
from couler_plugins.errors import InvalidInput
from couler_plugins.plugins import Plugins
from couler_plugins.runs.wfformat import read_wfformat
from couler_plugins.simulation.workload import Workload, chance_of

__all__ = ["LEAST", "MOST", "Source", "argo_document", "cut", "guarded", "sources", "templates_of"]

SHARED = Path(os.environ.get("COULER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
LEAST, MOST = 10, 100
"""Steps of a workflow that is replayed."""
IDEMPOTENT = "couler.io/idempotent"
LIMIT = "1Gi"

Source = Work
"""A whole trace, of which nothing is declared."""


def sources(folder: Path | None) -> dict[str, Source]:
    """The traces of a folder, by default those of the corpus, or workflows of our own where that is not there.

    What cannot be used is reported on stderr.
    """
    folder = folder or SHARED / "corpus" / "traces"
    if not folder.is_dir():
        return {kind: _generated(kind) for kind in KINDS}
    every: dict[str, Source] = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix().removesuffix(".json")
        if name.endswith(".edits"):
            continue
        try:
            load = Workload.of(read_wfformat(path.read_bytes(), name), family=name, unknown_size=1)
        except (InvalidInput, OSError) as error:
            tell(f"{path}: is left out: {error}")
            continue
        if len(load.steps) < LEAST:
            tell(f"{path}: is left out, as it has only {len(load.steps)} steps")
            continue
        every[name] = Source(name, load.seconds, load.parents, load.types, [False] * len(load.steps))
    if not every:
        raise SystemExit(f"{folder}: there is no trace of WfFormat with {LEAST} steps here (files that end in .json)")
    return every


def _generated(kind: str) -> Source:
    chance = random.Random(kind)
    links = KINDS[kind](200, chance)
    seconds = [drawn_seconds(chance) for _ in links]
    return Source(kind, seconds, links, [f"kind-{number % 7}" for number in range(len(links))], [False] * len(links))


def cut(source: Source, name: str) -> Work:
    """A connected part of a trace, of 10 to 100 steps, half of which are idempotent: all drawn by a name.

    It begins with any step, and takes in a neighbour of what it has, by lot, until it is large enough.
    """
    chance = chance_of("cut", name)
    size = min(chance.randint(LEAST, MOST), len(source.seconds))
    chosen = _grown(source, size, chance)
    place = {step: number for number, step in enumerate(chosen)}
    idempotent = set(chance.sample(range(size), size // 2))
    return Work(
        name,
        [source.seconds[step] for step in chosen],
        [tuple(place[parent] for parent in source.parents[step] if parent in place) for step in chosen],
        [source.types[step] for step in chosen],
        [number in idempotent for number in range(size)],
    )


def _grown(source: Source, size: int, chance: random.Random) -> list[int]:
    near: list[list[int]] = [list(above) for above in source.parents]
    for step, above in enumerate(source.parents):
        for parent in above:
            near[parent].append(step)
    chosen: set[int] = set()
    border: list[int] = []
    while len(chosen) < size:
        if border:
            position = chance.randrange(len(border))
            border[position], border[-1] = border[-1], border[position]
            step = border.pop()
        else:  # the first, and one of another part where a trace has several that nothing connects
            step = chance.randrange(len(near))
        if step not in chosen:
            chosen.add(step)
            border += near[step]
    return sorted(chosen)


def argo_document(work: Work) -> dict[str, Any]:
    """A workflow of Argo: a DAG whose steps of one type call one template, or another where they are idempotent."""
    programs: dict[tuple[str, bool], str] = {}
    tasks = []
    for number, key in enumerate(zip(work.types, work.idempotent, strict=True)):
        template = programs.setdefault(key, f"program-{len(programs)}")
        task: dict[str, Any] = {"name": f"step-{number}", "template": template}
        if work.parents[number]:
            task["dependencies"] = [f"step-{parent}" for parent in work.parents[number]]
        tasks.append(task)
    templates: list[dict[str, Any]] = [{"name": "main", "dag": {"tasks": tasks}}]
    for (kind, idempotent), name in programs.items():
        template_: dict[str, Any] = {"name": name}
        if idempotent:
            template_["metadata"] = {"annotations": {IDEMPOTENT: "true"}}
        limits = {"limits": {"memory": LIMIT}}
        template_["container"] = {"image": "registry.local/tools:1", "command": [kind], "resources": limits}
        templates.append(template_)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "trace-"},
        "spec": {"entrypoint": "main", "templates": templates},
    }


def guarded(document: Mapping[str, Any], pipeline: str, plugins: Plugins) -> Mapping[str, Any]:
    """What a pipeline makes of a document."""
    (result,) = api.optimize(dict(document), pipeline, plugins=plugins).documents
    return dict(result)


def templates_of(document: Mapping[str, Any]) -> Sequence[Template]:
    """What each step's template says of its attempts, in the order of the steps."""
    spec = document["spec"]
    templates = {item["name"]: item for item in spec["templates"]}
    if "retryStrategy" in spec or "retryStrategy" in templates["main"] or "podSpecPatch" in spec:
        raise SystemExit("this benchmark reads retries of templates of containers only")
    own = (templates[task["template"]] for task in templates["main"]["dag"]["tasks"])
    return [Template(item.get("retryStrategy"), item.get("podSpecPatch", "")) for item in own]
