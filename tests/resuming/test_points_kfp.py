"""Pipelines that fail anywhere, resumed from what KFP's API tells of them: nothing that is done is done again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.subjects import KFP, lift_file, lift_source, lower_and_write
from adapters.test_optimizing_laws import runs_here
from couler_kfp.documents import is_spec
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.resuming import RunSource
from couler_plugins.ir import Argument, Call, Literal, Native, Reference, Step, Workflow, rebuild, replace
from couler_plugins.resuming.optimizer import Resume
from ir.interpreter import MissingValueError, Ports, Scope
from optimizers.running import CONTEXT
from resuming.points import Point, Recorder, ran
from resuming.statuses_kfp import Told
from resuming.test_points import MOST, NOWHERE, SMALL, WHOLE, Files
from support import corpus_paths, own_files

INPUT = re.compile(r"\['(.*?)'\]|\[\"(.*?)\"\]")


class Tokens(Recorder):
    """Reads constants of any type, texts by way of the inputs of their task, and what importers import."""

    def step(self, step: Step, scope: Scope) -> tuple[str, Ports]:
        given = {item.name: item.value for item in step.arguments if not isinstance(item.value, Reference)}

        def change(node: Any) -> Any:
            if not isinstance(node, Reference) or node.to != "unknown":
                return node
            match = INPUT.search(node.native)
            return given.get((match[1] or match[2]) if match else "", node)

        return super().step(rebuild(step, change), scope)

    def look_up(self, reference: Reference, scope: Scope) -> Any:
        """Where an output goes, and facts of the run, are there always."""
        own = reference.to == "output" and not reference.step
        return ("there", reference.name) if own or reference.to == "run" else super().look_up(reference, scope)

    def value(self, value: Any, scope: Scope) -> Any:
        if isinstance(value, Literal) and not isinstance(value.value, str) and str(value.value) in self.tokens:
            return self.tokens[str(value.value)]
        return super().value(value, scope)

    def call(self, step: Step, scope: Scope) -> tuple[str, Ports]:
        assert isinstance(step.call, Call)
        if not step.call.name.startswith("comp-known-"):
            return super().call(step, scope)
        native = self.callables[step.call.name].native_extra
        assert isinstance(native, Native)
        uri = native.data["executor"]["importer"]["artifactUri"]["constant"]
        return "succeeded", {("artifact", "artifact"): self.tokens[uri]}


def named(workflow: Workflow) -> Workflow:
    """A pipeline whose root is given all its parameters that have no defaults."""
    assert workflow.entry is not None
    arguments = tuple(
        Argument(name=port.name, kind=port.kind, value=Reference(to="parameter", kind=port.kind, name=port.name))
        for port in workflow.parameters
        if port.default is None
    )
    return replace(workflow, entry=replace(workflow.entry, name="entry", arguments=arguments))


def of_pipeline(path: Path, seed: int, way: str) -> Iterator[Point]:
    """The points of the pipelines in a file, from their documents to documents."""
    plan = lift_file(KFP, path)
    for workflow in plan.workflows:
        if workflow.kind != "PipelineSpec" or not runs_here(workflow):
            continue
        assert workflow.source is not None
        number = int(workflow.source[0])
        documents = [item.data for item in plan.bundle.documents[number : number + 2]]
        documents = documents[:1] + [item for item in documents[1:] if not is_spec(item)]
        try:
            found = resumed(documents, workflow, seed, way)
        except MissingValueError:
            continue
        if found is not None:
            yield found


def resumed(documents: list[Any], workflow: Workflow, seed: int, way: str) -> Point | None:
    first = Tokens(named(workflow), seed)
    ran(first, named(workflow))
    told = Told(workflow, first)
    spec = documents[0] if len(documents) == 1 else {"pipeline_spec": documents[0], "platform_spec": documents[1]}
    if way == "tasks":
        files = [told.run(spec, tasks=told.tasks)]
    else:
        files = [told.run(spec, run_details={"task_details": told.nodes})]
        if way == "record":
            files.append({"schema": "couler.known-results/v1", "run": "run-1", "results": told.results})
    past = KFP.adapter.resume(RunSource(run="run-1", documents=tuple(files), archive=NOWHERE))
    assert past is not None
    text = "---\n".join(map(dump_yaml, past.document))
    plan = lift_source(KFP, read(text, "run.yaml"))
    (original,) = plan.workflows
    resume = Resume(past, original)
    try:
        after = resume.run(plan, CONTEXT)
    except InvalidInput:  # all of it is done, or it has one task
        return None
    lowered, written = lower_and_write(KFP, after)
    assert not lowered.refused, lowered.refused
    if not written.texts:  # all of it runs again
        return None
    (new,) = lift_source(KFP, read(written.texts[0], "run.yaml")).workflows
    second, whole = Tokens(named(new), 0, told.tokens), Tokens(named(workflow), 0, told.tokens)
    ran(second, named(new))
    ran(whole, named(workflow))
    return Point(resume.verdicts, first, second, whole, new)


def gathered(wanted: int, files: Files, way: str) -> list[Point]:
    every = (
        point
        for seed in range(1, MOST)
        for path in files("kfp")
        for point in of_pipeline(path, seed, way)
        if point.done
    )
    return list(islice(every, wanted))


@pytest.mark.parametrize(
    ("wanted", "files"), [(SMALL, own_files), pytest.param(WHOLE // 5, corpus_paths, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("way", ["tasks", "record", "names"])
def test_results_are_those_of_a_whole_run(way: str, wanted: int, files: Files) -> None:
    found = gathered(wanted, files, way)
    assert len(found) == wanted
    for point in found:
        point.check()


def test_some_of_it_is_a_constant_some_is_imported_and_some_runs_again_for_want_of_it() -> None:
    points = gathered(SMALL * 2, own_files, "record")
    texts = [json.dumps(msgspec.to_builtins(point.new)) for point in points]
    constants = [json.dumps(token) for point in points for token in point.second.tokens]
    assert any("comp-known-" in text for text in texts)
    assert any(f'"value": {constant}}}' in text for text in texts for constant in constants)
    names = [item for point in gathered(SMALL * 2, own_files, "names") for item in point.verdicts]
    assert any("(the run does not tell it)" in item.reason for item in names)
