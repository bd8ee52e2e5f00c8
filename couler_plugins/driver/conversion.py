"""Writes files for an engine: its own as they are, those of other engines anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import msgspec

from couler_plugins.documents.collector import collector_paused
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.differences import Carrying, Policy
from couler_plugins.driver.other_objects import others_in
from couler_plugins.driver.pipeline import Pass, refuse_broken
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.driver.rewrite import Session, adapter_errors, lift_files, rewrite
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, Unsupported, one_line
from couler_plugins.hookspecs import Adapter
from couler_plugins.hpo.workflows.notes import read_notes
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow, verify, without_origin
from couler_plugins.plan import Decision, Lowered, Plan

LIBRARY = "Workflow.library"
WORDS = {"detail": "left out", "run": "left out, although it has a meaning", "step": "to be written by hand"}
"""What a comment says of a difference, by what is lost."""


def convert_inputs(inputs: Sequence[Input], to: str, work: Session) -> Result:
    """As `api.convert`, for files already read.

    Files of the engine itself keep every character that its options do not concern. Those of another become files with
    the ending of the engine's own; each is written whole or refused.
    """
    if len(work.to) != 1:
        raise InvalidInput(f"{to!r} does not name one engine", hint=f"name one of {', '.join(work.plugins.adapters)}")
    (target,) = work.to
    adapter = work.plugins.adapter(target)
    foreign: dict[int, str] = {}
    checked: list[Input] = []
    failed: dict[int, CoulerError] = {}
    among = work.engines([item.file for item in inputs], failed.setdefault)
    engines_of = by_key((number, engine) for engine, numbers in among.items() for number in numbers)
    for number, item in enumerate(inputs):
        engines = engines_of.get(number, [])
        if number in failed:
            item = msgspec.structs.replace(item, file=None, error=failed[number])  # noqa: PLW2901  # it is refused
        others = [engine for engine in engines if engine != target]
        if others and (len(engines) > 1 or not adapter.generated):
            item = msgspec.structs.replace(item, file=None, error=_mixed(engines, target, item.name))  # noqa: PLW2901  # it is refused
        elif others:
            foreign[number] = others[0]
        checked.append(item)
    own = [number for number in range(len(inputs)) if number not in foreign]
    result = rewrite([checked[number] for number in own], work, None)
    files: dict[int, FileResult] = dict(zip(own, result.files, strict=True))
    options = work.options(adapter) if foreign else None
    for engine in sorted(set(foreign.values())):
        numbers = [number for number, other in foreign.items() if other == engine]
        files.update(_converted({number: checked[number] for number in numbers}, engine, adapter, options, work))
    return replace(result, files=tuple(_without_clashes(files[number] for number in range(len(inputs)))))


def target_of(work: Session, engine: str) -> Adapter:
    """The adapter that workflows of an engine are to be written by.

    Raises:
        InvalidInput: no engine is named.
        Unsupported: it writes none of other engines, or there are several.
    """
    names = list(work.to)
    if not names:
        raise InvalidInput("no engine is named", hint=f"name one of {', '.join(work.plugins.adapters)}")
    adapter = work.plugins.adapter(names[0])
    if len(names) > 1 or not adapter.generated:
        raise _unsupported(engine, ", ".join(names))
    return adapter


def to_portable_plan(plan: Plan, source: Adapter, target: Adapter) -> Plan:
    """The workflows of a plan without all that only their own engine knows of them, for another one.

    Raises:
        InvalidInput: one refers to what is not there.
        Unsupported: one has something that counts and that only its own engine knows.
    """
    workflows: list[Workflow] = []
    decisions = list(plan.decisions)
    for old in plan.workflows:
        if is_placeholder(*old.graphs, *old.operations):
            workflows.append(without_origin(old))
            continue
        workflow, noted = _without_tuning(old, source, plan)
        decisions += noted
        with adapter_errors(source.engine, "portable()"):
            portable, notes = source.portable(workflow, plan.bundle)
        if portable is not None:
            _refuse_dangling(portable)
            workflows.append(without_origin(portable))
        decisions += notes
    if plan.workflows and not workflows:
        message = "nothing in it runs by itself"
        hint = "convert it together with what runs it"
        raise Unsupported(message, engine=source.engine, feature=LIBRARY, hint=hint)
    return Plan(bundle=target.load(()), originals=(), workflows=tuple(workflows), decisions=tuple(decisions))


def _refuse_dangling(workflow: Workflow) -> None:
    """What its own engine leaves as it is where it stands for nothing, another one would fail at."""
    for problem in verify(workflow):
        raise InvalidInput(problem.message, engine=workflow.engine, step=problem.subject, hint=problem.hint or None)


def _without_tuning(workflow: Workflow, source: Adapter, plan: Plan) -> tuple[Workflow, list[Decision]]:
    """The workflow without the note of the optimizer `tune`, which speaks of steps by the names that they have here.

    Raises:
        Unsupported: it has trials, in a form that is its engine's own.
    """
    facet = source.tuning(workflow, plan)
    if facet is None or not facet.tuned:
        return workflow, []
    for place, note in read_notes(facet.tuned).items():
        if note.trials:
            raise Unsupported(
                f"{note.trials!r} and {note.best!r} are trials that the optimizer tune has put before {place!r}, in a "
                f"form that is {source.engine}'s own",
                engine=source.engine,
                step=place,
                feature="tune{trials}",
                hint="convert the workflow as it was before it was tuned, and tune what comes of it",
            )
    reason = "it names steps as they are here; what tuning has set counts as its owner's there"
    decision = Decision(
        optimizer="convert", workflow=workflow.label, action="leave out the note of what was tuned", reason=reason
    )
    return facet.with_tuned(workflow, ""), [decision]


def _unsupported(engine: str, target: str, file: str | None = None) -> Unsupported:
    return Unsupported(
        f"{engine} workflows cannot be written for {target} yet",
        file=file,
        engine=engine,
        feature="conversion",
        hint=f"convert them to {engine}",
    )


def _mixed(engines: Sequence[str], target: str, file: str) -> CoulerError:
    if target not in engines and len(engines) == 1:
        return _unsupported(engines[0], target, file)
    message = f"the file holds workflows of several engines ({', '.join(engines)})"
    return InvalidInput(message, file=file, hint="put those of each engine into a file of their own")


def _converted(
    inputs: Mapping[int, Input], engine: str, target: Adapter, options: Any, work: Session
) -> Iterator[tuple[int, FileResult]]:
    """The files of one engine, written for another."""
    source = work.plugins.adapter(engine)
    numbers, items = list(inputs), list(inputs.values())
    refused: dict[int, CoulerError] = {}
    with collector_paused():
        work.report(f"reading {engine} workflows")
        plan = lift_files(
            source, [file for item in items if (file := item.file)], range(len(items)), refused.setdefault
        )
        refuse_broken(plan, refused.setdefault)
        work.report(f"writing {target.engine} workflows")
        numbers_of = plan.bundle.file_numbers
        of_file = by_key((numbers_of[int(item.source[0])], item) for item in plan.workflows if item.source is not None)
        names: dict[str, str] = {}
        for number, item in enumerate(items):
            workflows = tuple(of_file.get(number, ()))
            if number not in refused:
                own = replace(plan, workflows=workflows, decisions=others_in(item, source))
                try:
                    lowered, differences = carry(own, source, target, options, work.policy)
                    yield numbers[number], _written(item, own, target, lowered, differences, names)
                except CoulerError as error:
                    refused.setdefault(number, error)
            if getattr(refused.get(number), "feature", "") == LIBRARY and len(items) > 1:
                passes = (Pass("convert", (_taken_in(item),)),)
                yield numbers[number], _result(item, target, workflows=len(workflows), status="ok", passes=passes)
            elif number in refused:
                reason = refused[number]
                reason.file = reason.file or item.name
                yield numbers[number], _result(item, target, workflows=len(workflows), status="refused", error=reason)


def carry(
    plan: Plan, source: Adapter, target: Adapter, options: Any, policy: Policy
) -> tuple[Lowered, tuple[Decision, ...]]:
    """Return what the target writes of workflows of another engine, and what differs there.

    Args:
        plan: the workflows as they were lifted, all of one file.
        source: the adapter of their engine.
        target: the adapter of the other engine.
        options: its options.
        policy: what becomes of differences.

    Raises:
        CoulerError: the policy refuses what differs.
    """
    carrying = Carrying(plan, getattr(options, "image", ""), policy)
    portable = carrying.carry(plan, lambda own: to_portable_plan(own, source, target))

    def lower(own: Plan) -> Lowered:
        with adapter_errors(target.engine, "lower()"):
            lowered = target.lower(own, options)
        for error in lowered.refused.values():
            raise error if isinstance(error, CoulerError) else PluginFailure(one_line(error), engine=target.engine)
        return lowered

    lowered = carrying.carry(portable, lower)
    with adapter_errors(target.engine, "dump()"):
        text = target.dump(lowered).added
    return lowered, carrying.judge(lowered.decisions, text)


def _taken_in(item: Input) -> Decision:
    """Return what is said of a file that only others run."""
    reason = "nothing in it runs by itself: it is taken in where it is called"
    return Decision(optimizer="convert", workflow=item.name, action="write no file", reason=reason)


def _written(
    item: Input,
    plan: Plan,
    target: Adapter,
    lowered: Lowered,
    differences: tuple[Decision, ...],
    names: dict[str, str],
) -> FileResult:
    """One file for the target.

    Raises:
        CoulerError: another file has something of the same name.
    """
    with adapter_errors(target.engine, "dump()"):
        text = target.dump(lowered).added
    for position, name in enumerate(lowered.names):
        other = names.get(name, item.name if name in lowered.names[:position] else None)
        if other is not None:
            hint = "give one of them another name, or convert them into folders that are not used together"
            raise InvalidInput(
                f"its name there would be {name}, which {other} has already", engine=target.engine, hint=hint
            )
    names.update(dict.fromkeys(lowered.names, item.name))
    rest = lowered.decisions
    theirs = set(rest)
    own = tuple(decision for decision in differences if decision not in theirs)
    return _result(
        item,
        target,
        status="changed",
        text=_with_comments(text, differences),
        documents=lowered.added,
        workflows=len(plan.workflows),
        passes=tuple(
            Pass(name, decisions) for name, decisions in (("convert", own), (target.engine, rest)) if decisions
        ),
    )


def _with_comments(text: str, differences: Sequence[Decision]) -> str:
    """Return a text with comments on top, of what is left out of it, and of what is to be written by hand."""
    if not differences or text.startswith("{"):
        return text
    lines = (f"# couler: {WORDS[item.loss]}: {' '.join(item.reason.split())}\n" for item in differences)
    return "".join(dict.fromkeys(lines)) + text


def _result(item: Input, target: Adapter, **fields: Any) -> FileResult:
    suffix = getattr(target, "suffix", ".yaml")
    relative = PurePath(item.relative)
    suffixes = {".yaml", ".yml", ".json"} if suffix == ".yaml" else {suffix}
    name = item.relative if relative.suffix in suffixes else str(relative.with_suffix(suffix))
    original = item.file.text if item.file is not None else None
    return FileResult(name=item.name, relative=name, original=original, **fields)


def _without_clashes(files: Iterator[FileResult]) -> Iterator[FileResult]:
    """The files, the second of two that would have one name refused."""
    names: dict[str, str] = {}
    for file in files:
        other = names.setdefault(file.relative, file.name)
        if other != file.name and file.error is None:
            message = f"{other} and this file would both be written as {file.relative}"
            error = InvalidInput(message, file=file.name, hint="rename one of them")
            yield replace(file, status="refused", text=None, error=error)
        else:
            yield file
