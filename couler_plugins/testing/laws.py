"""The laws that every adapter keeps, each as a function over one document, and all of them as tests of one adapter."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from couler_plugins.api import optimize
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import Unsupported
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Workflow, call_sites, references, rename_steps, to_json, without_origin
from couler_plugins.plan import Plan
from couler_plugins.testing.comparing import apply, differences, exactly
from couler_plugins.testing.fields import FEATURES, carries_what_is_set
from couler_plugins.testing.subject import Subject, lift_file, lift_source, lower_and_write, regenerate

if TYPE_CHECKING:
    import pytest

__all__ = [
    "DOCUMENT_LAWS",
    "changes_nothing",
    "digest",
    "each_law",
    "edits_are_all_that_changes",
    "every_change_has_a_decision",
    "generates_the_same",
    "is_deterministic",
    "keeps_unknown_fields",
    "lifts_everything",
    "twice_is_once",
    "writes_anew_or_refuses",
]


def changes_nothing(subject: Subject, path: Path) -> None:
    """Law 1: lifting and lowering alone changes nothing."""
    plan = lift_file(subject, path)
    lowered, written = lower_and_write(subject, plan)
    assert not lowered.changed
    assert not lowered.edits
    assert not lowered.refused
    assert not lowered.added
    assert not written.texts
    assert not written.added


def lifts_everything(subject: Subject, path: Path) -> None:
    """Law 1: there are as many callables, call sites and references as an independent count finds."""
    if subject.counted is None:
        return
    plan = lift_file(subject, path)
    templates = sum(len(workflow.graphs) + len(workflow.operations) for workflow in plan.workflows)
    sites = sum(1 for workflow in plan.workflows for _ in call_sites(workflow))
    count = sum(1 for workflow in plan.workflows for _ in references(workflow))
    expected = [subject.counted(document.data) for document in plan.bundle.documents]
    assert (templates, sites, count) == tuple(map(sum, zip(*expected, strict=True)))


def generates_the_same(subject: Subject, path: Path) -> None:
    """Law 1: what is written of the IR alone says what the original says."""
    if not subject.generates:
        return
    plan = lift_file(subject, path)
    workflows = [without_origin(workflow) for workflow in plan.workflows]
    for workflow, (document, again) in zip(plan.workflows, regenerate(subject, workflows), strict=True):
        assert again == workflow, list(differences(again, workflow))
        assert exactly(subject.normal(document), subject.normal(subject.origin(plan, workflow)))


def keeps_unknown_fields(subject: Subject, path: Path) -> None:
    """Laws 1 and 2: a field that nobody has heard of, in every object, is there whatever happens around it."""
    rng = random.Random(path.name)  # noqa: S311  # it chooses fields
    documents = [_with_unknown_fields(item.data, rng, subject) for item in lift_file(subject, path).bundle.documents]
    plan = lift_source(subject, read("---\n".join(map(dump_yaml, documents)), path.name))
    lowered, _ = lower_and_write(subject, plan)
    assert not lowered.changed
    for workflow in plan.workflows:
        if subject.generates:
            ((generated, again),) = regenerate(subject, [without_origin(workflow)])
            assert again == workflow, list(differences(again, workflow))
            assert _unknown_fields(generated) == _unknown_fields(subject.origin(plan, workflow))
        if (renamed := _lower_renamed(subject, plan, workflow)) is not None:
            assert _unknown_fields(renamed) == _unknown_fields(documents)


UNKNOWN: tuple[Any, ...] = (None, 3, "", "a text: {{workflow.name}}", [], {}, [{"a": None}], {"b": {"c": [1.5]}}, False)


def _with_unknown_fields(data: Any, rng: random.Random, subject: Subject, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(data, dict):
        inner = {key: _with_unknown_fields(content, rng, subject, (*path, key)) for key, content in data.items()}
        unknown = {f"x-unknown-{rng.randrange(1000)}": rng.choice(UNKNOWN)} if subject.has_fields(path) else {}
        return {**inner, **unknown}
    if isinstance(data, list):
        return [_with_unknown_fields(item, rng, subject, (*path, number)) for number, item in enumerate(data)]
    return data


def _unknown_fields(data: Any) -> Counter[str]:
    """Count all unknown fields with what they hold."""
    counts: Counter[str] = Counter()
    pending = [data]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            counts.update(f"{key}: {content!r}" for key, content in current.items() if key.startswith("x-unknown"))
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return counts


def _lower_renamed(subject: Subject, plan: Plan, workflow: Workflow) -> list[Any] | None:
    """Return the documents in which every step of a workflow has another name; None where that is refused."""
    renamed = workflow
    try:
        for graph in workflow.graphs:
            renamed = rename_steps(renamed, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
    except Unsupported:
        return None
    lowered, _ = lower_and_write(subject, plan.with_workflow(workflow, renamed))
    assert not lowered.refused
    whole = []
    for number, document in enumerate(plan.bundle.documents):
        whole.append(lowered.changed.get(number, document.data))
        edits = [traced.edit for traced in lowered.edits if traced.document == number]
        assert exactly(apply(document.data, edits), whole[-1])
    return whole


def edits_are_all_that_changes(subject: Subject, path: Path) -> None:
    """Law 2: the difference between the documents is the union of the edits, exactly."""
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        try:
            new = plan.with_workflow(workflow, subject.edited(workflow))
        except Unsupported:
            continue
        lowered, documents = subject.lowered(new)
        assert not lowered.refused
        for number, document in enumerate(plan.bundle.documents):
            edits = [traced.edit for traced in lowered.edits if traced.document == number]
            assert exactly(apply(document.data, edits), documents[number])


def writes_anew_or_refuses(subject: Subject, path: Path) -> None:
    """Law 3: a workflow without an origin is written, or refused with the feature and a way out."""
    workflows = tuple(map(without_origin, lift_file(subject, path).workflows))
    plan = Plan(bundle=subject.adapter.load(()), originals=(), workflows=workflows)
    if subject.generates:
        assert len(subject.grouped(lower_and_write(subject, plan)[0].added)) == len(workflows)
    elif workflows:
        try:
            lower_and_write(subject, plan)
        except Unsupported as error:
            assert error.feature  # noqa: PT017  # this has to run without pytest
            assert error.hint  # noqa: PT017
        else:
            raise AssertionError("it neither generates nor refuses")


_plugins = cache(lambda subject: subject.plugins())


@cache
def _optimized(subject: Subject, source: Path | Text) -> FileResult:
    text = source if isinstance(source, Text) else str(source)
    (file,) = optimize(text, subject.pipeline, plugins=_plugins(subject)).files
    assert file.error is None
    if isinstance(source, Path):
        assert file.workflows == len(lift_file(subject, source).workflows)
    return file


def twice_is_once(subject: Subject, path: Path) -> None:
    """Law 5: optimizing what is optimized changes nothing."""
    once = _optimized(subject, path)
    if path.suffix != ".py":
        assert once.text is not None
        again = _optimized(subject, Text(once.text, path.name))
        assert (again.text, again.edits) == (once.text, ())
    else:  # a program stays as it is: whoever runs it optimizes the same
        _optimized.cache_clear()
        again = _optimized(subject, path)
        assert (again.edits, again.decisions) == (once.edits, once.decisions)


def every_change_has_a_decision(subject: Subject, path: Path) -> None:
    """Law 6: every edit belongs to a decision, and every decision says who, what and why."""
    file = _optimized(subject, path)
    for decision in file.decisions:
        assert decision.optimizer
        assert decision.reason
        assert decision.subject or decision.workflow
    acting = {decision.subject for decision in file.decisions if decision.action}
    for traced in file.edits:
        cached = traced.edit.new.get("cache", ()) if isinstance(traced.edit.new, dict) else ()  # one edit for all steps
        names = {str(name) for name in cached}
        assert traced.decision is not None or (names and names <= {item.split("/")[-1] for item in acting})
    assert bool(file.edits) == bool(acting)


def is_deterministic(subject: Subject, every: int = 1) -> None:
    """Law 5: other processes, with other hash seeds and in other folders, write the same bytes.

    Args:
        subject: what is under test: an attribute of a module that can be run by itself.
        every: only each so many-th file is looked at.
    """
    owner, name = next(
        (module, name)
        for module in list(sys.modules.values())
        for name, value in list(getattr(module, "__dict__", {}).items())
        if value is subject and getattr(module, "__file__", None)
    )
    program = (
        "import runpy, sys; from couler_plugins.testing.laws import digest; "
        "print(digest(runpy.run_path(sys.argv[1])[sys.argv[2]], int(sys.argv[3])))"
    )
    file = str(Path(str(owner.__file__)).resolve())
    path = os.pathsep.join(str(Path(folder).resolve()) for folder in sys.path)
    running = [
        subprocess.Popen(  # noqa: S603  # it is this Python
            [sys.executable, "-c", program, file, name, str(every)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, folder in (("0", Path.cwd()), ("4711", Path(file).parent))
    ]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != ""


def digest(subject: Subject, every: int = 1) -> str:
    """Return a hash of all that is lifted, edited, lowered and generated of the files."""
    seen = hashlib.sha256()
    for path in subject.files()[::every]:
        plan = lift_file(subject, path)
        for workflow in plan.workflows:
            seen.update(to_json(workflow))
            for edited in subject.edits(workflow):
                if isinstance(edited, Unsupported):
                    seen.update(str(edited).encode())
                    continue
                lowered, written = lower_and_write(subject, plan.with_workflow(workflow, edited))
                seen.update(repr((written.texts, lowered.edits, lowered.refused)).encode())
            if subject.generates:
                for document, _ in regenerate(subject, [without_origin(workflow)]):
                    seen.update(json.dumps(document).encode())
    return seen.hexdigest()


DOCUMENT_LAWS: tuple[Callable[[Subject, Path], None], ...] = (
    changes_nothing,
    lifts_everything,
    generates_the_same,
    keeps_unknown_fields,
    edits_are_all_that_changes,
    writes_anew_or_refuses,
    twice_is_once,
    every_change_has_a_decision,
)
"""Those that hold for each document by itself."""


def _checks(subject: Subject) -> Iterator[tuple[str, Callable[[], None]]]:
    for path in subject.files():
        for law in DOCUMENT_LAWS:
            yield f"{law.__name__}:{subject.shown(path)}", partial(law, subject, path)
    for node_type, name in FEATURES:
        yield f"carries:{node_type.__name__}.{name}", partial(carries_what_is_set, subject, node_type, name)
    yield "is_deterministic", partial(is_deterministic, subject)


def each_law(subject: Subject) -> pytest.MarkDecorator:
    """Return a decorator that runs a test once for each law, each time with a `check` to call.

    Example:
        @each_law(SUBJECT)
        def test_law(check):
            check()
    """
    import pytest

    return pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in _checks(subject)])
