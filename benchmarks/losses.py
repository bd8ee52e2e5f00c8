"""Whether conversions lose something silently: each field changed, and the converted file or the report compared.

python -m benchmarks.losses --traces ../shared/corpus --json losses.json

`--traces` holds files of Argo, KFP and Tekton, at any depth; without, it is the corpus of the tests. Each path of their
documents that is in use is changed in one file for each engine, or in every file with `--all`; `--quick` takes one of
many files only. The file is converted to each other engine before and after, with `todo`.

A change is told where the converted text changes, where the report does, or where the report before names the field or
what it stands in. Otherwise it is a silent loss, unless EXCEPTIONS says why it means nothing there. Airflow's DAGs are
programs, and what they pass to operators is not changed; Airflow is a target only.

Figures, for each direction and in total:

files           that convert
paths           that were changed, lists and mappings of names counted once; with --all: fields
changed         those whose change is in the converted text
named           those that the report names instead, or whose change the report shows
refused         those whose change makes a file that is refused
meaningless     those that EXCEPTIONS explains
silent_losses   the rest (has to be 0)
silent          where these are: file, path, value before and after
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.harness import finish, parser, tell
from benchmarks.losses_exceptions import meaningless
from benchmarks.losses_mutations import Field, callers, calls, fields, names_around, other, port_around, value_at
from couler_plugins.documents import MAX_BYTES, read
from couler_plugins.driver.conversion import convert_inputs
from couler_plugins.driver.differences import Policy
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import session
from couler_plugins.inputs.sources import SUFFIXES, Input, read_source
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision
from couler_plugins.plugins import Plugins, load_plugins

OWN = Path(__file__).resolve().parents[1] / "tests" / "corpus"
TARGETS = {
    "airflow": "airflow",
    "argo": "argo{image=busybox}",
    "kfp": "kfp{image=busybox}",
    "tekton": "tekton{image=busybox}",
}
"""The engines that files are converted to, with what an owner would name."""
COUNTS = ("files", "paths", "changed", "named", "refused", "meaningless", "silent_losses")
QUICK = 8
"""One of so many files is looked at with --quick."""
WORD = re.compile(r"[A-Za-z]\w*")
MORE = re.compile(r"(?<=[(, ])[\w-]+(?=[\w, -]*\)$)|(?<=nothing calls ').+(?=')")
"""What is lost with what a reason names, in brackets at its end, and what nothing calls."""
COMMENTS = re.compile(r"(?:#.*\n)*")
EVERYDAY = frozenset(
    str.split(
        """
        arguments args artifacts command container dag default env executors from image input inputs kind key metadata
        name outputs parameters params path pipelineSpec result results root script source spec steps taskSpec tasks
        template templates type value values when workflowSpec
        """
    )
)
"""Keys that are words of many a report, or that much else stands in: to tell these tells no field."""

LEFT_OUT = ("leave out a parameter", "leave out a result")
"""What decisions do to the parameter or the result that their reasons name."""


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        text: what was written, without the comments on top; None where it was refused.
        report: all that is told of it.
        decisions: the decisions of the report.
    """

    text: str | None
    report: frozenset[str]
    decisions: tuple[Decision, ...]


class Loss(NamedTuple):
    """A change of a field that neither the converted file nor the report shows."""

    file: str
    path: str
    place: str
    before: Any
    after: Any


class Converter:
    """Converts files of one engine to another.

    Args:
        plugins: the adapters.
        source: the engine.
        target: the other one.
    """

    def __init__(self, plugins: Plugins, source: str, target: str) -> None:
        self.source, self.target = source, target
        self.direction = f"{source} to {target}"
        self._options = TARGETS[target]
        config = load_config(environ={})
        self._work: Session = session(config, plugins, to=self._options, policy=Policy("todo"))

    def __call__(self, item: Input) -> Outcome:
        """Return what becomes of a file as its data is now."""
        (file,) = convert_inputs([item], self._options, self._work).files
        told = file.decisions
        lines = [f"{item.loss} {item}" for item in told] + ([str(file.error)] if file.error is not None else [])
        text = None if file.text is None else COMMENTS.sub("", file.text, count=1)
        return Outcome(text if file.workflows else None, frozenset(lines), told)


def main() -> None:
    flags = parser(__doc__ or "", "a folder with files of Argo, KFP and Tekton")
    flags.add_argument("--all", action="store_true", help="every field of every file, not one for each path")
    options = flags.parse_args()
    paths = sorted(path for path in (options.traces or OWN).rglob("*") if path.suffix in SUFFIXES and path.is_file())
    chosen = paths[options.seed % QUICK :: QUICK] if options.quick else paths
    figures = figures_of(chosen, every_field=options.all)
    bars = {name: float(item["paths"]) for name, item in figures["directions"].items()}
    finish(options, figures, bars, {name: max(value, 1.0) for name, value in bars.items()})


def figures_of(paths: Iterable[Path], *, every_field: bool = False) -> dict[str, Any]:
    """Return the figures over files.

    Args:
        paths: the files.
        every_field: whether every field is changed, and not one for each path.
    """
    plugins = load_plugins(load_config(environ={}))
    engines = files_of(paths, plugins)
    directions: dict[str, Any] = {}
    for source, items in engines.items():
        for target in TARGETS:
            if target != source:
                converter = Converter(plugins, source, target)
                tell(converter.direction)
                directions[converter.direction] = _figures(items, converter, every_field=every_field)
    totals = {name: sum(item[name] for item in directions.values()) for name in COUNTS}
    return {**totals, "directions": directions}


def files_of(paths: Iterable[Path], plugins: Plugins) -> dict[str, list[tuple[Input, list[int]]]]:
    """Return the files of each engine, the shortest first, each with the numbers of its workflows' documents."""
    engines: dict[str, list[tuple[Input, list[int]]]] = {name: [] for name in ("argo", "kfp", "tekton")}
    for item in read_source(list(paths), MAX_BYTES):
        documents = item.file.documents if item.file is not None else ()
        claims = {
            name: [number for number, document in enumerate(documents) if plugins.adapter(name).claims(document)]
            for name in engines
        }
        owners = [name for name, numbers in claims.items() if numbers]
        if len(owners) == 1:
            engines[owners[0]].append((_as_data(item) if owners == ["kfp"] else item, claims[owners[0]]))
    return {name: sorted(items, key=lambda pair: len(_text(pair[0]))) for name, items in engines.items()}


def _as_data(item: Input) -> Input:
    """Return a file whose data alone counts: the adapter of KFP reads the text of YAML again, by its own rules."""
    file = dataclasses.replace(read(_text(item), item.name, letters=True), format="json")
    return msgspec.structs.replace(item, file=file)


def _text(item: Input) -> str:
    return item.file.text if item.file is not None else ""


def _figures(items: Sequence[tuple[Input, list[int]]], converter: Converter, *, every_field: bool) -> dict[str, Any]:
    counts, seen, silent = Counter[str](), set[str](), list[Loss]()
    for item, numbers in items:
        assert item.file is not None
        data = [document.data for document in item.file.documents]
        chosen = []
        for field in (field for number in numbers for field in fields(number, data[number])):
            if every_field or field.schema_path not in seen:
                chosen.append(field)
                seen.add(field.schema_path)
        before = converter(item) if chosen else None
        if before is None:
            continue
        if before.text is None:  # another file may show what becomes of these
            seen -= {field.schema_path for field in chosen}
            continue
        counts["files"] += 1
        done = set[str]()
        for field in chosen:
            if every_field or field.schema_path not in done:
                done.add(field.schema_path)
                counts["paths"] += 1
                verdict, loss = judge(item, field, before, converter)
                counts[verdict] += 1
                silent += [loss] if verdict == "silent_losses" else []
    return {**{name: counts[name] for name in COUNTS}, "silent": [loss._asdict() for loss in silent]}


def judge(item: Input, field: Field, before: Outcome, converter: Converter) -> tuple[str, Loss]:
    """Return what becomes of a change of a field: a name of a figure."""
    assert item.file is not None
    documents = [document.data for document in item.file.documents]
    data = documents[field.document]
    *outer, key = field.path
    holder, value = value_at(data, tuple(outer)), value_at(data, field.path)
    new = other(value, key)
    loss = Loss(item.name, field.schema_path, ".".join(map(str, field.path)), _shown(value), _shown(new))
    holder[key] = new
    try:
        after = converter(item)
    finally:
        holder[key] = value
    if after.text is None:
        return "refused", loss
    if after.text != before.text:
        return "changed", loss
    if after.report != before.report or _is_named(item, field, before) or _is_told(item, field, before, converter):
        return "named", loss
    return "meaningless" if meaningless(field, documents, converter.source) else "silent_losses", loss


def _is_told(item: Input, field: Field, before: Outcome, converter: Converter) -> bool:
    """Return whether a report tells less where a field, or what it is a part of, is not there."""
    assert item.file is not None
    data = item.file.documents[field.document].data
    for depth in range(len(field.path) - 1, 0, -1):
        holder, key = value_at(data, field.path[:depth]), field.path[depth]
        if not isinstance(holder, dict) or (depth < len(field.path) - 1 and key in EVERYDAY):
            return False
        kept = dict(holder)
        del holder[key]
        try:
            after = converter(item)
        finally:
            holder.clear()
            holder.update(kept)
        if after.text is not None and after.report < before.report:
            return True
    return False


def _shown(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) < 80 else f"…{value[-79:]}"


def _is_named(item: Input, field: Field, outcome: Outcome) -> bool:
    """Return whether a report names a field, or what it stands in, or what calls that, or what that calls."""
    assert item.file is not None
    keys = {str(key) for key in field.path if isinstance(key, str)} - EVERYDAY
    port = port_around(item.file.documents[field.document].data, field.path)
    lost = set[str]()
    data = item.file.documents[field.document].data
    names = set(names_around(data, field.path))
    for decision in outcome.decisions:
        if "cachingOptions" in keys and decision.action == "is not cached":
            return True
        if field.path == ("spec", "timeout") and decision.loss and "spec.activeDeadlineSeconds" in decision.reason:
            return True
        if decision.action in LEFT_OUT and any(f" {name!r}" in decision.reason for name in names):
            return True
        if keys & set(WORD.findall(f"{decision.action} {decision.reason}")):
            return True
        if port and f"{port!r}" in decision.reason:
            return True
        lost |= set(MORE.findall(decision.reason)) if decision.loss in ("run", "detail") else set()
        if decision.loss == "step":
            subject = decision.subject.rpartition("/")[2]
            if subject in ("", decision.workflow):
                return True
            lost |= set(subject.split(", "))
    pairs = [pair for document in item.file.documents for pair in calls(document.data)]
    callees = {callee for caller, callee in pairs if caller in names}
    return not lost.isdisjoint(callees | callers(pairs, names))


def silent_paths(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the direction and the path of each silent loss."""
    for direction, own in figures["directions"].items():
        for loss in own["silent"]:
            yield direction, loss["path"]


if __name__ == "__main__":
    main()
