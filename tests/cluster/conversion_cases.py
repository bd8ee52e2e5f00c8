"""Small workflows that say one thing each, and what their steps hand out on both engines."""

from __future__ import annotations

from typing import Any

SAY = "printf %s {} > $(results.r.path)"


def _tekton(tasks: str, params: str = "", more: str = "") -> str:
    params = f"  params: [{params}]\n" if params else ""
    head = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: case-}\nspec:\n"
    return f"{head}{params}{more}  pipelineSpec:\n    tasks:\n{tasks}"


def _task(script: str, name: str = "s", more: str = "", params: str = "", spec: str = "", step: str = "") -> str:
    """Return a task of one step with the result r."""
    given = f", params: [{params}]" if params else ""
    body = f"results: [{{name: r}}], {spec}steps: [{{name: x, image: 'busybox:1', {step}script: '{script}'}}]"
    return f"      - {{name: {name}{given}, {more}taskSpec: {{{body}}}}}\n"


FROM_TEKTON: dict[str, tuple[str, dict[str, Any]]] = {
    "text": (_tekton(_task(SAY.format("$(params.p)")), "{name: p, value: a}"), {"s": {"r": "a"}}),
    "item of a list": (_tekton(_task(SAY.format("$(params.p[1])")), "{name: p, value: [a, b]}"), {"s": {"r": "b"}}),
    "list": (
        _tekton(_task(SAY.format("$2"), step="args: ['$(params.p[*])'], "), "{name: p, value: [a, b]}"),
        {"s": {"r": "b"}},
    ),
    "object": (_tekton(_task(SAY.format("$(params.p.k)")), "{name: p, value: {k: v}}"), {"s": {"r": "v"}}),
    "object as a result": (
        _tekton(
            "      - {name: a, taskSpec: {results: [{name: o, type: object, properties: {k: {type: string}}}], steps: "
            '[{image: \'busybox:1\', script: "printf \'{\\"k\\":\\"v w\\"}\' > $(results.o.path)"}]}}\n'
            + _task(SAY.format('"$(params.p)"'), params="{name: p, value: $(tasks.a.results.o.k)}")
        ),
        {"s": {"r": "v w"}},
    ),
    "ignored error": (
        _tekton(
            "      - {name: s, taskSpec: {results: [{name: r}], steps: [{name: x, "
            "image: 'busybox:1', onError: continue, "
            "script: exit 3}, {image: 'busybox:1', "
            "script: 'cat $(steps.step-x.exitCode.path) > $(results.r.path)'}]}}\n"
        ),
        {"s": {"r": "3"}},
    ),
    "template of steps": (
        _tekton(_task(SAY.format("$E"), spec="stepTemplate: {env: [{name: E, value: e}]}, ")),
        {"s": {"r": "e"}},
    ),
    "workspace": (
        _tekton(
            _task(
                "echo a > $(workspaces.w.path)/f; cp $(workspaces.w.path)/f $(results.r.path)",
                more="workspaces: [{name: w, workspace: w}], ",
                spec="workspaces: [{name: w}], ",
            ),
            more="  workspaces: [{name: w, emptyDir: {}}]\n",
        ),
        {"s": {"r": "a\n"}},
    ),
    "retries of a task": (
        _tekton(
            _task(
                SAY.format("$(params.p)"),
                more="retries: 2, ",
                params="{name: p, value: $(context.pipelineTask.retries)}",
            )
        ),
        {"s": {"r": "2"}},
    ),
    "skipped task": (
        _tekton(_task(SAY.format("a")) + _task("exit 1", "t", more="when: [{input: a, operator: in, values: [b]}], ")),
        {"s": {"r": "a"}},
    ),
}


def _argo(body: str, steps: str = "[[{name: s, template: s}]]", spec: str = "") -> str:
    head = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: case-}\nspec:\n  entrypoint: main\n"
    )
    return f"{head}{spec}  templates:\n    - {{name: main, steps: {steps}}}\n    - {{name: s, {body}}}\n"


OUT = "outputs: {parameters: [{name: r, valueFrom: {path: /tmp/r}}]}"


def _run(command: str) -> str:
    return f"container: {{image: 'busybox:1', command: [sh, -c, '{command}']}}, {OUT}"


FROM_ARGO: dict[str, tuple[str, dict[str, Any]]] = {
    "file": (_argo(_run("printf a > /tmp/r")), {"s": {"r": "a"}}),
    "parameter": (
        _argo(
            _run("printf {{workflow.parameters.p}} > /tmp/r"),
            spec="  arguments: {parameters: [{name: p, value: b}]}\n",
        ),
        {"s": {"r": "b"}},
    ),
    "script": (
        _argo(f"script: {{image: 'busybox:1', command: [sh], source: 'printf c > /tmp/r'}}, {OUT}"),
        {"s": {"r": "c"}},
    ),
    "variable": (
        _argo(
            f"container: {{image: 'busybox:1', env: [{{name: E, value: d}}], "
            f"command: [sh, -c, 'printf $E > /tmp/r']}}, {OUT}"
        ),
        {"s": {"r": "d"}},
    ),
    "init container": (
        _argo(
            "volumes: [{name: v, emptyDir: {}}], initContainers: [{name: i, image: 'busybox:1', command: [sh, -c, "
            "'printf e > /v/f'], mirrorVolumeMounts: true}], container: {image: 'busybox:1', volumeMounts: [{name: v, "
            f"mountPath: /v}}], command: [cp, /v/f, /tmp/r]}}, {OUT}"
        ),
        {"s": {"r": "e"}},
    ),
    "default of an output": (
        _argo("container: {image: 'busybox:1', command: ['true']}, " + OUT.replace("{path", "{default: f, path")),
        {"s": {"r": "f"}},
    ),
    "two steps": (
        _argo(_run("printf y > /tmp/r"), steps="[[{name: s, template: s}], [{name: t, template: s}]]"),
        {"s": {"r": "y"}, "t": {"r": "y"}},
    ),
    "deadline": (_argo(f"activeDeadlineSeconds: 60, {_run('printf g > /tmp/r')}"), {"s": {"r": "g"}}),
    "retry": (_argo(f"retryStrategy: {{limit: 1}}, {_run('printf h > /tmp/r')}"), {"s": {"r": "h"}}),
    "skipped step": (
        _argo(
            _run("printf i > /tmp/r"),
            steps="[[{name: s, template: s}], [{name: t, template: s, when: '{{workflow.parameters.p}} == b'}]]",
            spec="  arguments: {parameters: [{name: p, value: a}]}\n",
        ),
        {"s": {"r": "i"}},
    ),
}
