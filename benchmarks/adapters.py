"""What lifting and lowering cost, beside reading and writing the same document as YAML.

python -m benchmarks.adapters --json adapters.json

Figures (ratios are measured side by side in this one run; CPU seconds, least of several, collector paused):

lift_lower_over_yaml    lift and lower of a 10,000-task workflow (no YAML), over PyYAML's C loader and dumper on it
per_step_100k_over_10k  time per step of lift and lower at 100,000 tasks, over that at 10,000
edit_all_100k_over_10k  the same, with an edit of every step between the two
kfp_over_yaml           lift and lower of a 1,000-task pipeline of KFP (no YAML), over the same of YAML as above
tekton_over_yaml        the same of a 1,000-task PipelineRun of Tekton, its tasks written in it
kfp_compile_over_ours   KFP's own compiling of that pipeline, over reading what came out, lifting and lowering it
plugins_start_ratio     `couler plugins`, over a process that imports click and pluggy and reads the entry points
help_over_click         `couler --help`, over a process that imports click
explain_over_imports    `couler explain` of the demo's steps, over a process that imports click, pluggy and yaml
optimize_over_yaml      `couler optimize -p dedupe,prune` of a 10,000-task file, start included, over loading and
                        dumping it by PyYAML's C classes in a running process
"""

from __future__ import annotations

import random
import sys
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.harness import arguments, finish, seconds
from benchmarks.starting import optimize_figures, start_figures
from couler_plugins.documents import Document, SourceFile, read
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Literal, map_steps, replace
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision, Lowered, Plan

LIMITS = {
    "lift_lower_over_yaml": 0.25,
    "per_step_100k_over_10k": 1.5,
    "edit_all_100k_over_10k": 1.5,
    "kfp_over_yaml": 0.25,
    "tekton_over_yaml": 0.25,
    "plugins_start_ratio": 2.5,
    "help_over_click": 1.5,
}


def main() -> None:
    options = arguments(__doc__ or "", "a folder of manifests to measure on, instead of our own")
    repeat = 2 if options.quick else 5
    small, large = (2_000, 20_000) if options.quick else (10_000, 100_000)
    manifests = [manifest(size, options.seed) for size in (small, large)]
    figures: dict[str, Any] = {"tasks": [small, large], "seed": options.seed}
    documents = traced(options.traces) if options.traces else manifests[:1]
    figures |= yaml_figures(documents, repeat)
    figures |= growth_figures(manifests, (small, large), repeat)
    figures |= kfp_figures(200 if options.quick else 1_000, repeat)
    figures |= tekton_figures(200 if options.quick else 1_000, options.seed, repeat)
    figures |= start_figures(10 if options.quick else 30)
    figures |= optimize_figures(manifest(10_000, options.seed), repeat)
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def manifest(tasks: int, seed: int) -> dict[str, Any]:
    """A workflow of chains and joins with parameters, conditions and loops, `tasks` of them in one dag."""
    chance = random.Random(seed)
    items: list[dict[str, Any]] = []
    for number in range(tasks):
        before = [
            f"t{number - distance}" for distance in (1, chance.randint(2, 50)) if number % 10 and number >= distance
        ]
        value = f"{{{{tasks.{before[0]}.outputs.parameters.out}}}}" if before else f"part-{number}"
        item: dict[str, Any] = {"name": f"t{number}", "template": f"work-{number % 7}"}
        item["arguments"] = {"parameters": [{"name": "in", "value": value}]}
        if before:
            item["depends"] = " && ".join(dict.fromkeys(before))
        if number % 25 == 3:
            item["when"] = "{{workflow.parameters.mode}} == full"
        items.append(item)
    work = [
        {
            "name": f"work-{number}",
            "inputs": {"parameters": [{"name": "in"}]},
            "outputs": {"parameters": [{"name": "out", "valueFrom": {"path": "/tmp/out"}}]},
            "container": {"image": f"work:{number}", "command": ["work"], "args": ["{{inputs.parameters.in}}"]},
        }
        for number in range(7)
    ]
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "mode", "value": "full"}]},
        "templates": [{"name": "main", "dag": {"tasks": items}}, *work],
    }
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "large"}, "spec": spec}


def traced(folder: Path) -> list[Any]:
    """The documents of all manifests in a folder that can be read."""
    from couler_plugins.errors import CoulerError

    documents = []
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            documents.extend(document.data for document in read(path.read_bytes(), path.name).documents)
        except CoulerError as error:
            print(f"left out: {error}", file=sys.stderr)
    return [data for data in documents if data is not None]


def argo() -> Adapter:
    from couler_argo.plugin import ArgoAdapter

    return ArgoAdapter()


def kfp() -> Adapter:
    from couler_kfp.plugin import KfpAdapter

    return KfpAdapter()


def bundle(documents: list[Any]) -> Bundle:
    """A bundle around data that was never text."""
    parts = tuple(Document("generated", index, data, 1, "") for index, data in enumerate(documents))
    return Bundle.of([SourceFile("generated", "", "yaml", parts)])


def tekton() -> Adapter:
    from couler_tekton.plugin import TektonAdapter

    return TektonAdapter()


def lift_and_lower(documents: list[Any], edit: bool = False, engine: Adapter | None = None) -> Lowered:
    engine = engine or argo()

    def refuse(file: int, error: Exception) -> None:
        raise error

    plan = engine.lift(bundle(documents), refuse)
    return engine.lower(edited(plan) if edit else plan, engine.options())


def pipeline_run(tasks: int, seed: int) -> dict[str, Any]:
    """A PipelineRun of chains and joins with parameters, results, conditions and a matrix here and there."""
    chance = random.Random(seed)
    items: list[dict[str, Any]] = []
    for number in range(tasks):
        before = f"t{number - chance.randint(1, min(number, 50))}" if number % 10 else ""
        step = {
            "name": "work",
            "image": f"registry.example/work:{number % 7}",
            "script": '#!/bin/sh\nset -e\nwork --in "$(params.in)" > /tmp/out\ncat /tmp/out > $(results.out.path)\n',
            "env": [{"name": "MODE", "value": "$(params.mode)"}],
            "computeResources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
        }
        spec = {"params": [{"name": "in"}, {"name": "mode"}], "results": [{"name": "out"}], "steps": [step]}
        value = f"$(tasks.{before}.results.out)" if before else f"part-{number}"
        params = [{"name": "in", "value": value}, {"name": "mode", "value": "$(params.mode)"}]
        item: dict[str, Any] = {"name": f"t{number}", "params": params, "taskSpec": spec}
        if number % 25 == 3:
            item["when"] = [{"input": "$(params.mode)", "operator": "in", "values": ["full"]}]
        if number % 50 == 7:
            item["runAfter"] = [f"t{number - 7}"]
        items.append(item)
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": "big-"},
        "spec": {
            "params": [{"name": "mode", "value": "full"}],
            "pipelineSpec": {"params": [{"name": "mode"}], "tasks": items},
        },
    }


def edited(plan: Plan) -> Plan:
    """Every step gets a condition, with one decision a workflow."""
    for workflow in plan.workflows:
        changed = map_steps(workflow, lambda step: replace(step, condition=Literal(value="true")))
        decision = Decision(
            optimizer="benchmark", workflow=workflow.label, action="set a condition", reason="to measure"
        )
        plan = plan.with_workflow(workflow, changed, decision)
    return plan


def yaml_figures(documents: list[Any], repeat: int) -> dict[str, Any]:
    text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
    load = seconds(lambda: list(yaml.load_all(text, Loader=yaml.CSafeLoader)), repeat)
    dump = seconds(lambda: yaml.dump_all(documents, Dumper=yaml.CSafeDumper), repeat)
    work = seconds(lambda: lift_and_lower(documents), repeat)
    edit = seconds(lambda: lift_and_lower(documents, edit=True), repeat)
    reading = seconds(lambda: read(text, "generated"), repeat)
    return {
        "yaml_load_seconds": load,
        "yaml_dump_seconds": dump,
        "lift_lower_seconds": work,
        "lift_lower_over_yaml": work / (load + dump),
        "lift_edit_all_lower_over_yaml": edit / (load + dump),
        "read_over_yaml_load": reading / load,
    }


def growth_figures(manifests: list[Any], sizes: tuple[int, int], repeat: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, edit in (("per_step", False), ("edit_all", True)):
        small, large = (
            seconds(partial(lift_and_lower, [document], edit), repeat) / size
            for document, size in zip(manifests, sizes, strict=True)
        )
        figures[f"{name}_microseconds"] = [small * 1e6, large * 1e6]
        figures[f"{name}_100k_over_10k"] = large / small
    return figures


def kfp_figures(tasks: int, repeat: int) -> dict[str, Any]:
    from benchmarks.kfp_pipeline import compiled

    text = ""

    def compile_it() -> None:
        nonlocal text
        text = compiled(tasks)

    compiling = seconds(compile_it, 1)
    documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    load = seconds(lambda: list(yaml.load_all(text, Loader=yaml.CSafeLoader)), repeat)
    dump = seconds(lambda: yaml.dump_all(documents, Dumper=yaml.CSafeDumper), repeat)
    work = seconds(lambda: lift_and_lower(documents, engine=kfp()), repeat)
    reading = seconds(lambda: read(text, "compiled"), repeat)
    return {
        "kfp_tasks": tasks,
        "kfp_compile_seconds": compiling,
        "kfp_lift_lower_seconds": work,
        "kfp_over_yaml": work / (load + dump),
        "kfp_compile_over_ours": compiling / (reading + work),
    }


def tekton_figures(tasks: int, seed: int, repeat: int) -> dict[str, Any]:
    documents = [pipeline_run(tasks, seed)]
    text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
    load = seconds(lambda: list(yaml.load_all(text, Loader=yaml.CSafeLoader)), repeat)
    dump = seconds(lambda: yaml.dump_all(documents, Dumper=yaml.CSafeDumper), repeat)
    work = seconds(lambda: lift_and_lower(documents, engine=tekton()), repeat)
    edit = seconds(lambda: lift_and_lower(documents, edit=True, engine=tekton()), repeat)
    return {
        "tekton_tasks": tasks,
        "tekton_lift_lower_seconds": work,
        "tekton_over_yaml": work / (load + dump),
        "tekton_edit_all_over_yaml": edit / (load + dump),
    }


if __name__ == "__main__":
    main()
