"""What KFP's backend would refuse, and what fails or surprises when it runs.

Sources: `backend/src/apiserver/template/v2_template.go` (what may be uploaded), `backend/src/v2/driver` (what the
condition and the iterator of a task may read), `backend/src/v2/component/launcher_v2.go` (`collectOutputParameters`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from couler_kfp.cache.cache import inputs_beside_key
from couler_kfp.cache.wrapping import is_stale, unwrapped
from couler_kfp.lift import lift
from couler_kfp.plugin import Options
from couler_kfp.split.splitting import LIMITS, splitting_of
from couler_kfp.texts import EXECUTOR_INPUT, VALUE, write_text
from couler_plugins.documents import Remark
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Bundle, Expression, Operation, Source, Step, Workflow, references, verify
from couler_plugins.plan import Plan

LAUNCHER_FILES = "/tmp/kfp"  # noqa: S108 - the launcher's own folders, in the container
"""Where the launcher looks for outputs: `/tmp/kfp/outputs/NAME`, and `/tmp/kfp_outputs` for all of them in one text."""


def lint(bundle: Bundle, options: Options | None = None) -> Iterator[Remark]:
    """Every remark on the pipelines of a bundle; of a file that holds something else, what is wrong with it first."""
    refused: list[tuple[int, CoulerError]] = []
    plan = lift(bundle, lambda file, error: refused.append((file, error)))
    for file, error in refused:
        document = _document(bundle, file, error.line or 1)
        yield Remark(document, error.path, "error", "no-pipeline", error.message, error.hint or "")
    for workflow in plan.workflows:
        yield from _errors(workflow)
        yield from _warnings(workflow, plan)


def _document(bundle: Bundle, file: int, line: int) -> int:
    """The document of a file that a line is in."""
    numbers = [number for number, own in enumerate(bundle.file_numbers) if own == file]
    return max((number for number in numbers if bundle.documents[number].line <= line), default=numbers[0])


def _errors(workflow: Workflow) -> Iterator[Remark]:
    if not any(letter.isascii() and (letter.islower() or letter.isdigit()) for letter in workflow.name):
        message, hint = f"the name {workflow.name!r:.60} has no small letter and no digit", "write it a-z, 0-9 and -"
        yield _remark(workflow.source, "error", "invalid-name", message, hint)
    for problem in verify(workflow):
        place = problem.source or workflow.source
        yield _remark(place, "error", "broken-reference", problem.message, problem.hint)


def _warnings(workflow: Workflow, plan: Plan) -> Iterator[Remark]:
    for graph in workflow.graphs:
        for step in graph.steps:
            for code, message, hint in _of_task(step):
                yield _remark(step.source, "warning", code, f"{step.name!r} {message}", hint)
    for operation in workflow.operations:
        if is_stale(operation):
            message = f"{operation.name!r} was edited after its command was wrapped: an old result may be reused"
            yield _remark(operation.source, "warning", "stale-key", message, "run couler optimize again")
        for name in _unwritten(unwrapped(operation)):
            message = f"{operation.name!r} has an output {name!r}, but its command is not told the file for it"
            hint = f"pass the path to the program: {{{{$.outputs.parameters['{name}'].output_file}}}} (dsl.OutputPath)"
            yield _remark(operation.source, "warning", "unwritten-output", message, hint)
    splitting = splitting_of(workflow, plan)
    size = splitting.extent(workflow).bytes if splitting is not None else 0
    if size > LIMITS.bytes:
        message = (
            f"KFP makes a workflow of some {size:,} bytes from it, and that must fit into a mebibyte with its status"
        )
        yield _remark(workflow.source, "warning", "size", message, "couler optimize -p split cuts it into parts")


def _of_task(step: Step) -> Iterator[tuple[str, str, str]]:
    """The code, what follows the name of the task, and the hint."""
    names = {argument.name for argument in step.arguments}
    condition = step.condition if isinstance(step.condition, Expression) else None
    for reference in references(condition) if condition is not None else ():
        named = VALUE.match(reference.native)
        if reference.to == "unknown" and named and named[2] not in names:
            message = f"has a condition on its input {named[2]!r}, which it is not given"
            yield "missing-argument", message, "pass it"
    for axis in step.loop.axes if step.loop is not None else ():
        for reference in references(axis.values):
            if reference.to == "unknown" and reference.name not in names:
                yield "missing-argument", f"loops over its input {reference.name!r}, which it is not given", "pass it"
    if varying := inputs_beside_key(step):
        message = f"has a cacheKey, which ignores {', '.join(varying)}: an old result may be reused"
        yield "cache-key", message, "take the cacheKey out; couler optimize -p cache salts what should be cached"


def _unwritten(operation: Operation) -> Iterator[str]:
    """The output parameters that the command of a container is not told the file for; the launcher fails without it."""
    words = [write_text(word) for item in operation.containers for word in (*item.command, *item.args)]
    read = list(references(operation.containers))
    is_told = any(item.to == "unknown" or (item.to == "run" and item.name == EXECUTOR_INPUT) for item in read)
    if not words or is_told or any(LAUNCHER_FILES in word for word in words):
        return
    written = {item.name for item in read if item.to == "output" and item.kind == "parameter"}
    yield from (item.name for item in operation.outputs if item.kind == "parameter" and item.name not in written)


def _remark(place: Source | None, severity: Literal["error", "warning"], code: str, message: str, hint: str) -> Remark:
    assert place is not None  # it was lifted from a document
    document, *path = place
    return Remark(int(document), tuple(path), severity, code, message, hint)
