"""Ways of breaking Argo manifests, each applied at several places: what a lint and Argo itself have to agree on.

No adapter code here. A kind names places in a spec and what is done to one of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from adapters.argo.objects import Mapping, spec_of, tasks_of

__all__ = ["KINDS", "Kind", "mutants"]

LEAVES = ("container", "script", "resource", "containerSet", "http", "data", "plugin")


class Kind(NamedTuple):
    """One way of breaking a document: at which places (of an object), and how."""

    places: Callable[[Mapping], Iterable[Any]]
    change: Callable[[Any], None]


KINDS: dict[str, Kind] = {}


def mutants(kind: Kind, item: Mapping, limit: int) -> Iterator[Mapping]:
    """Copies of an object, each broken at another place."""
    for number in range(len(list(islice(kind.places(item), limit)))):
        broken = copy.deepcopy(item)
        kind.change(next(islice(kind.places(broken), number, None)))
        yield broken


def _kind(name: str, places: Callable[[Mapping], Iterable[Any]]) -> Callable[[Callable[[Any], None]], None]:
    def add(change: Callable[[Any], None]) -> None:
        assert name not in KINDS
        KINDS[name] = Kind(places, change)

    return add


def spec(item: Mapping) -> Iterator[Mapping]:
    yield spec_of(item)


def templates(item: Mapping) -> list[Mapping]:
    found: list[Mapping] = spec_of(item).get("templates") or []
    return found


def having(*keys: str) -> Callable[[Mapping], Iterator[Mapping]]:
    return lambda item: (template for template in templates(item) if any(template.get(key) for key in keys))


def calls(item: Mapping) -> Iterator[Mapping]:
    return (call for template in templates(item) for call in tasks_of(template))


def local_calls(item: Mapping) -> Iterator[Mapping]:
    return (call for call in calls(item) if "template" in call)


def dags(item: Mapping) -> Iterator[list[Mapping]]:
    """The tasks of each DAG of at least two."""
    return (tasks for template in having("dag")(item) if len(tasks := template["dag"]["tasks"]) > 1)


def groups(item: Mapping) -> Iterator[list[list[Mapping]]]:
    """The groups of each template with at least two."""
    return (template["steps"] for template in having("steps")(item) if len(template["steps"]) > 1)


def composites(item: Mapping) -> Iterator[list[Mapping]]:
    """The steps or tasks of each template that has some."""
    return (tasks_of(template) for template in having("dag", "steps")(item))


def passed(plural: str) -> Callable[[Mapping], Iterator[list[Mapping]]]:
    return lambda item: (
        given for call in calls(item) if (given := (call.get("arguments") or {}).get(plural)) is not None
    )


def ports(side: str, plural: str, *kinds: str) -> Callable[[Mapping], Iterator[list[Mapping]]]:
    return lambda item: (
        found for template in having(*kinds)(item) if (found := (template.get(side) or {}).get(plural))
    )


def crons(item: Mapping) -> Iterator[Mapping]:
    return iter([item["spec"]] if item["kind"] == "CronWorkflow" else [])


def wait(task: Mapping, tasks: list[Mapping], text: str) -> None:
    """Lets a task wait for something, in the dialect of its DAG."""
    if any(task.get("depends") for task in tasks):
        task["depends"] = f"({task['depends']}) && {text}" if task.get("depends") else text
    else:
        task["dependencies"] = [*(task.get("dependencies") or []), text]


def only_depends(tasks: list[Mapping], text: str) -> None:
    for task in tasks:
        task.pop("dependencies", None)
        task.pop("depends", None)
        task.pop("continueOn", None)
    tasks[1]["depends"] = text


def passing(call: Mapping, text: str) -> None:
    parameters = call.setdefault("arguments", {}).setdefault("parameters", [])
    parameters.append({"name": "added", "value": text})


def reading(tasks: list[Mapping], root: str) -> None:
    """Lets the last step read an output that the first one does not have."""
    passing(tasks[-1], f"{{{{{root}.{tasks[0]['name']}.outputs.parameters.nowhere}}}}")


def arguing(template: Mapping, text: str) -> None:
    template["container"].setdefault("args", []).append(text)


def structures(item: Mapping) -> Iterator[Mapping]:
    """What stands in templates, and is not inside of steps: containers, their environments, volumes, strategies."""
    pending: list[Any] = [
        template[key]
        for template in templates(item)
        for key in ("container", "script", "retryStrategy", "volumes", "memoize", "metrics", "securityContext")
        if template.get(key)
    ]
    for content in pending:
        if isinstance(content, list):
            pending.extend(content)
        elif isinstance(content, dict):
            yield content
            pending.extend(content[key] for key in ("env", "resources", "volumeMounts", "backoff") if key in content)


# Fields.
_kind("unknown field of the object's metadata", lambda item: iter([item["metadata"]]))(
    lambda it: it.update(annotation={})
)
_kind("unknown field of the spec", spec)(lambda it: it.update(entrypont="x"))
_kind("unknown field of a template", templates)(lambda it: it.update(retrystrategy={}))
_kind("unknown field of a structure", structures)(lambda it: it.update(foo=None))
_kind("unknown field of a parameter", ports("inputs", "parameters", *LEAVES))(lambda it: it[0].update(defalt="x"))

# The workflow.
_kind("no entrypoint", spec)(lambda spec: spec.pop("entrypoint", None))
_kind("entrypoint misspelt", spec)(lambda spec: spec.update(entrypoint="nowhere"))
_kind("onExit misspelt", spec)(lambda spec: spec.update(onExit="nowhere"))
_kind("templates beside a reference", spec)(
    lambda spec: spec.update(templates=[{"name": "a", "suspend": {}}], workflowTemplateRef={"name": "x"})
)
_kind("hook without expression", spec)(lambda spec: spec.update(hooks={"running": {"template": "x"}}))
_kind("podGC strategy", spec)(lambda spec: spec.update(podGC={"strategy": "Sometimes"}))
_kind("podGC selector", spec)(
    lambda spec: spec.update(podGC={"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}})
)
_kind("workflow name too long", lambda item: [item["metadata"]])(lambda metadata: metadata.update(name="n" * 64))
_kind("enum without its value", spec)(
    lambda spec: spec.update(arguments={"parameters": [{"name": "a", "value": "x", "enum": ["y"]}]})
)
_kind("empty enum", spec)(lambda spec: spec.update(arguments={"parameters": [{"name": "a", "value": "x", "enum": []}]}))

# Templates.
_kind("template removed", lambda item: [templates(item)] if templates(item) else [])(lambda found: found.pop())
_kind("two templates of a name", lambda item: [templates(item)] if templates(item) else [])(
    lambda found: (
        found[0].update(name=found[-1]["name"]) if len(found) > 1 else found.append({"name": found[0]["name"]})
    )
)
_kind("template without name", templates)(lambda template: template.pop("name"))
_kind("template name", templates)(lambda template: template.update(name="a_b"))
_kind("template name too long", templates)(lambda template: template.update(name="n" * 129))


@_kind("no type", templates)
def _(template: Mapping) -> None:
    for key in (*LEAVES, "dag", "steps", "suspend"):
        template.pop(key, None)


_kind("two types", templates)(lambda template: template.update(suspend={}, http={"url": "https://a"}))
_kind("retry policy", templates)(lambda template: template.update(retryStrategy={"retryPolicy": "Perhaps"}))
_kind("timeout without unit", having(*LEAVES))(lambda template: template.update(timeout="30"))
_kind("timeout of steps", having("steps", "dag"))(lambda template: template.update(timeout="30s"))
_kind("deadline of steps", having("steps", "dag"))(lambda template: template.update(activeDeadlineSeconds=30))
_kind("deadline is no number", having(*LEAVES))(lambda template: template.update(activeDeadlineSeconds="soon"))
_kind("negative deadline", having(*LEAVES))(lambda template: template.update(activeDeadlineSeconds=-3))
_kind("parallelism of one thing", having(*LEAVES))(lambda template: template.update(parallelism=2))
_kind("init container without name", having(*LEAVES))(lambda template: template.update(initContainers=[{"image": "a"}]))
_kind("metric name", templates)(
    lambda template: template.update(metrics={"prometheus": [{"name": "a-b", "help": "h", "counter": {"value": "1"}}]})
)
_kind("metric without help", templates)(
    lambda template: template.update(metrics={"prometheus": [{"name": "a", "counter": {"value": "1"}}]})
)
_kind("metric without value", templates)(
    lambda template: template.update(metrics={"prometheus": [{"name": "a", "help": "h", "gauge": {"realtime": True}}]})
)

# What runs.
_kind("no image", having("container"))(lambda template: template["container"].pop("image", None))
_kind("no script image", having("script"))(lambda template: template["script"].pop("image", None))
_kind("one mount path twice", having("container"))(
    lambda template: template["container"].update(volumeMounts=[{"name": n, "mountPath": "/a"} for n in "ab"])
)
_kind("resource action", having("resource"))(lambda template: template["resource"].update(action="creat"))
_kind("no manifest", having("resource"))(lambda template: template["resource"].pop("manifest", None))
_kind("manifest is no YAML", having("resource"))(lambda template: template["resource"].update(manifest="a: [b"))
_kind("manifest from nowhere", having("resource"))(
    lambda template: template.update(
        resource={"action": "create", "manifestFrom": {"artifact": {"name": "nowhere"}}}, inputs={}
    )
)
_kind("no main container", having("containerSet"))(
    lambda template: template.update(
        containerSet={"containers": [{"name": "a", "image": "a"}]},
        outputs={"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]},
    )
)
_kind("unknown container", having("containerSet"))(
    lambda template: template["containerSet"]["containers"][0].update(dependencies=["nowhere"])
)
_kind("cycle of containers", having("containerSet"))(
    lambda template: template["containerSet"]["containers"][0].update(
        dependencies=[template["containerSet"]["containers"][-1]["name"]]
    )
)

# Calls.
_kind("call misspelt", local_calls)(lambda call: call.update(template=call["template"] + "x"))
_kind("call of nothing", local_calls)(lambda call: call.pop("template"))
_kind("template and reference", local_calls)(lambda call: call.update(templateRef={"name": "x", "template": "y"}))
_kind("reference misspelt", lambda item: (call["templateRef"] for call in calls(item) if "templateRef" in call))(
    lambda reference: reference.update(template="nowhere")
)
_kind("reference without name", lambda item: (call["templateRef"] for call in calls(item) if "templateRef" in call))(
    lambda reference: reference.pop("name")
)
_kind("call without name", calls)(lambda call: call.pop("name"))
_kind("call name", calls)(lambda call: call.update(name="a_b"))
_kind("argument removed", passed("parameters"))(lambda given: given.pop())
_kind("argument misspelt", passed("parameters"))(lambda given: given[0].update(name=given[0]["name"] + "x"))
_kind("argument without value", passed("parameters"))(lambda given: given[0].pop("value", None))
_kind("argument twice", passed("parameters"))(lambda given: given.append(dict(given[0])))
_kind("argument from a path", passed("parameters"))(lambda given: given[0].update(valueFrom={"path": "/a"}))
_kind("artifact argument removed", passed("artifacts"))(lambda given: given.pop())
_kind("artifact argument from nowhere", passed("artifacts"))(
    lambda given: given.__setitem__(0, {"name": given[0]["name"]})
)
_kind("artifact argument by expression", passed("artifacts"))(
    lambda given: given.__setitem__(0, {"name": given[0]["name"], "fromExpression": "inputs.artifacts.a"})
)
_kind("two loops", calls)(lambda call: call.update(withItems=["a"], withParam="[1]"))


@_kind("count and end", calls)
def _(call: Mapping) -> None:
    call.pop("withItems", None)
    call.pop("withParam", None)
    call["withSequence"] = {"count": "3", "end": "4"}


_kind("call hook without expression", calls)(lambda call: call.update(hooks={"running": {"template": "x"}}))

# Tasks.
_kind("cycle", dags)(lambda tasks: wait(tasks[0], tasks, tasks[-1]["name"]))
_kind("waits for itself", dags)(lambda tasks: wait(tasks[-1], tasks, tasks[-1]["name"]))
_kind("unknown dependency", dags)(lambda tasks: wait(tasks[-1], tasks, "nowhere"))
_kind("outcome misspelt", dags)(lambda tasks: only_depends(tasks, f"{tasks[0]['name']}.Succeded"))
_kind("outcome in small letters", dags)(lambda tasks: only_depends(tasks, f"{tasks[0]['name']}.succeeded"))
_kind("outcome of a loop", dags)(lambda tasks: only_depends(tasks, f"{tasks[0]['name']}.AnySucceeded"))
_kind("words for operators", dags)(lambda tasks: only_depends(tasks, f"{tasks[0]['name']} and {tasks[0]['name']}"))
_kind("half a depends", dags)(lambda tasks: only_depends(tasks, f"{tasks[0]['name']} &&"))


@_kind("both dialects", dags)
def _(tasks: list[Mapping]) -> None:
    only_depends(tasks, tasks[0]["name"])
    tasks[0]["dependencies"] = [tasks[1]["name"]] if len(tasks) < 3 else [tasks[2]["name"]]


@_kind("both dialects in a task", dags)
def _(tasks: list[Mapping]) -> None:
    only_depends(tasks, tasks[0]["name"])
    tasks[1]["dependencies"] = [tasks[0]["name"]]


@_kind("continueOn with depends", dags)
def _(tasks: list[Mapping]) -> None:
    only_depends(tasks, tasks[0]["name"])
    tasks[0]["continueOn"] = {"failed": True}


@_kind("digit before a name", dags)
def _(tasks: list[Mapping]) -> None:
    only_depends(tasks, "1st")
    tasks[0]["name"] = "1st"


_kind("two tasks of a name", dags)(lambda tasks: tasks[0].update(name=tasks[-1]["name"]))
_kind("task removed", dags)(lambda tasks: tasks.remove(tasks[0]))
_kind("no tasks", having("dag"))(lambda template: template["dag"].update(tasks=[]))
_kind("unknown target", having("dag"))(lambda template: template["dag"].update(target="nowhere"))
_kind("reference to a task that need not have ended", dags)(
    lambda tasks: passing(tasks[0], f"{{{{tasks.{tasks[-1]['name']}.id}}}}")
)
_kind("reference to it, inside a text", dags)(
    lambda tasks: passing(tasks[0], f"a {{{{tasks.{tasks[-1]['name']}.id}}}}")
)
_kind("status of a task that need not have ended", dags)(
    lambda tasks: tasks[0].update(when=f"{{{{tasks.{tasks[-1]['name']}.status}}}} == Failed")
)
_kind("reference of a task to itself", dags)(lambda tasks: passing(tasks[0], f"{{{{tasks.{tasks[0]['name']}.id}}}}"))

# Steps.
_kind("two steps of a name", groups)(lambda steps: steps[-1][0].update(name=steps[0][0]["name"]))
_kind("step removed", groups)(lambda steps: steps.remove(steps[0]))
_kind("steps in another order", groups)(lambda steps: steps.reverse())
_kind("reference to a later step", groups)(
    lambda steps: passing(steps[0][0], f"{{{{steps.{steps[-1][0]['name']}.id}}}}")
)
_kind("reference of a step to itself", groups)(
    lambda steps: passing(steps[0][0], f"{{{{steps.{steps[0][0]['name']}.id}}}}")
)
_kind("unknown field of a step", groups)(lambda steps: steps[0][0].update(dependencies=["a"]))

# References.
for _root in ("steps", "tasks"):
    _kind(f"unknown in {_root}", calls)(partial(passing, text=f"{{{{{_root}.nowhere.outputs.result}}}}"))
    _kind(f"unknown output in {_root}", composites)(partial(reading, root=_root))
_kind("unknown input", having("container"))(lambda template: arguing(template, "{{inputs.parameters.nowhere}}"))
_kind("unknown input, with spaces", having("container"))(
    lambda template: arguing(template, "a {{ inputs.parameters.nowhere }} b")
)
_kind("unknown input of a call", calls)(lambda call: passing(call, "{{inputs.parameters.nowhere}}"))
_kind("unknown parameter", having("container"))(lambda template: arguing(template, "{{workflow.parameters.nowhere}}"))
_kind("unknown label", having("container"))(lambda template: arguing(template, "{{workflow.labels.nowhere}}"))
_kind("unknown variable", having("container"))(lambda template: arguing(template, "{{workflow.nowhere}}"))
_kind("unknown global output", having("container"))(
    lambda template: arguing(template, "{{workflow.outputs.parameters.nowhere}}")
)
_kind("failures without onExit", having("container"))(lambda template: arguing(template, "{{workflow.failures}}"))
_kind("field of no item", calls)(lambda call: passing(call, "{{item.nowhere}}"))
_kind("open tag", having("container"))(lambda template: arguing(template, "{{inputs.parameters.nowhere"))
_kind("workflow parameters removed", spec)(lambda spec: spec.pop("arguments", None))

# Inputs and outputs.
_kind("input twice", ports("inputs", "parameters", *LEAVES, "dag", "steps"))(lambda found: found.append(dict(found[0])))
_kind("input removed", ports("inputs", "parameters", *LEAVES, "dag", "steps"))(lambda found: found.pop())
_kind("input name", ports("inputs", "parameters", *LEAVES))(lambda found: found[0].update(name="a b"))
_kind("input artifact without path", ports("inputs", "artifacts", *LEAVES))(lambda found: found[0].pop("path", None))
_kind("input artifact outside", ports("inputs", "artifacts", *LEAVES))(lambda found: found[0].update(path="/a/../../b"))
_kind("input artifact from", ports("inputs", "artifacts", *LEAVES))(
    lambda found: found[0].update({"from": "{{inputs.artifacts.a}}"})
)
_kind("input artifact without repository", ports("inputs", "artifacts", *LEAVES))(
    lambda found: found[0].update(git={"revision": "a"})
)
_kind("path of steps", ports("inputs", "artifacts", "dag", "steps"))(lambda found: found[0].update(path="/a"))
_kind("output from nowhere", ports("outputs", "parameters", *LEAVES, "dag", "steps"))(
    lambda found: found[0].pop("valueFrom", None)
)
_kind("output from two places", ports("outputs", "parameters", *LEAVES))(
    lambda found: found[0].update(valueFrom={"path": "/a", "expression": "b"})
)
_kind("output with value and source", ports("outputs", "parameters", *LEAVES))(lambda found: found[0].update(value="a"))
_kind("output of the wrong kind", ports("outputs", "parameters", "dag", "steps"))(
    lambda found: found[0].update(valueFrom={"path": "/a"})
)
_kind("output of unknown steps", ports("outputs", "parameters", "dag", "steps"))(
    lambda found: found[0].update(valueFrom={"parameter": "{{steps.nowhere.outputs.result}}"})
)
_kind("output removed", ports("outputs", "parameters", *LEAVES))(lambda found: found.pop())
_kind("output artifact removed", ports("outputs", "artifacts", *LEAVES))(lambda found: found.pop())
_kind("output artifact without path", ports("outputs", "artifacts", *LEAVES))(lambda found: found[0].pop("path", None))
_kind("global name", ports("outputs", "parameters", *LEAVES))(lambda found: found[0].update(globalName="a b"))

# CronWorkflows.
_kind("schedule", crons)(lambda spec: spec.update(schedules=["61 * * * *"]))
_kind("no schedule", crons)(lambda spec: spec.pop("schedules"))
_kind("time zone", crons)(lambda spec: spec.update(timezone="Europe/Nowhere"))
_kind("concurrency policy", crons)(lambda spec: spec.update(concurrencyPolicy="Perhaps"))
_kind("starting deadline", crons)(lambda spec: spec.update(startingDeadlineSeconds=-1))
