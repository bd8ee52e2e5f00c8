"""Documents for the lint: good ones, and for each kind of finding one that differs from a good one at one place."""

from __future__ import annotations

__all__ = ["ALL", "CASES", "GOOD", "LINES", "OLD_PIPELINE_RUN", "PIPELINE", "RUN", "TASK"]

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
spec:
  params:
    - name: image
      type: string
      default: busybox
    - name: flags
      type: array
      default: [a]
    - name: where
      type: object
      properties: {host: {type: string}}
  workspaces:
    - name: source
  results:
    - name: digest
      value: $(steps.make.results.digest)
  volumes:
    - name: cache
      emptyDir: {}
  steps:
    - name: make
      image: $(params.image)
      command: [make]
      args: ["$(params.flags[*])", "$(params.where.host)"]
      onError: stopAndFail
      results: [{name: digest}]
      volumeMounts:
        - {name: cache, mountPath: /cache}
    - name: say
      image: busybox
      when:
        - input: $(params.image)
          operator: in
          values: [busybox]
      script: echo $(workspaces.source.path)
"""
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: main
spec:
  params:
    - name: name
    - name: names
      type: array
      default: [a]
  workspaces:
    - name: data
  results:
    - name: digest
      value: $(tasks.build.results.digest)
  tasks:
    - name: build
      taskRef:
        name: build
      params:
        - {name: where, value: {host: $(params.name)}}
      workspaces:
        - {name: source, workspace: data}
    - name: each
      runAfter: [build]
      matrix:
        params:
          - {name: name, value: ["$(params.names[*])"]}
      taskSpec:
        params:
          - name: name
        results:
          - name: found
        steps:
          - image: busybox
            script: echo $(params.name) > $(results.found.path)
    - name: wait
      timeout: 1h
      retries: 1
      params:
        - {name: all, value: ["$(tasks.each.results.found[*])"]}
      taskRef:
        apiVersion: example.dev/v1
        kind: Wait
  finally:
    - name: tell
      params:
        - {name: state, value: $(tasks.build.status)}
      taskSpec:
        params:
          - name: state
        steps:
          - image: busybox
            script: echo $(params.state)
"""
RUN = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: main-
spec:
  pipelineRef:
    name: main
  params:
    - {name: name, value: x}
  timeouts:
    pipeline: 1h
    tasks: 50m
  workspaces:
    - name: data
      emptyDir: {}
  taskRunSpecs:
    - pipelineTaskName: build
      timeout: 10m
"""
TASK_RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata:
  generateName: build-
spec:
  retries: 1
  workspaces:
    - name: source
      emptyDir: {}
  stepSpecs:
    - name: make
      computeResources: {requests: {cpu: "1"}}
  params:
    - {name: where, value: {host: x}}
  taskRef:
    name: build
"""
ACTION = """\
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata:
  name: fetch
spec:
  params:
    - name: url
    - name: volume
  image: busybox
  env:
    - {name: URL, value: $(params.url)}
  script: wget "${URL}"
  volumeMounts:
    - {name: $(params.volume), mountPath: /data}
---
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: fetching
spec:
  steps:
    - name: fetch
      ref:
        name: fetch
      params:
        - {name: url, value: https://example.com}
        - {name: volume, value: v}
"""
OLD_RUN = """\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata:
  generateName: build-
spec:
  stepOverrides:
    - name: make
      resources: {requests: {cpu: "1"}}
  taskRef:
    name: build
"""
OLD_PIPELINE_RUN = """\
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata:
  generateName: main-
spec:
  serviceAccountName: builder
  timeout: 1h
  workspaces:
    - name: data
      emptyDir: {}
  taskRunSpecs:
    - pipelineTaskName: build
      taskServiceAccountName: builder
      taskPodTemplate: {nodeSelector: {a: b}}
      stepOverrides:
        - name: make
          resources: {requests: {cpu: "1"}}
  pipelineSpec:
    tasks:
      - name: build
        workspaces:
          - {name: source, workspace: data}
        taskSpec:
          workspaces:
            - name: source
          stepTemplate:
            tty: true
            resources: {limits: {memory: 1Gi}}
          sidecars:
            - {name: aside, image: busybox, resources: {limits: {memory: 1Gi}}}
          steps:
            - name: make
              image: busybox
              command: [make]
              ports: [{containerPort: 80}]
              resources: {limits: {memory: 1Gi}}
"""
NESTED = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: outer
spec:
  tasks:
    - name: inner
      pipelineRef:
        name: inner
    - name: after
      runAfter: [inner]
      taskRef:
        name: build
"""
ALL = f"{TASK}---\n{PIPELINE}---\n{RUN}---\n{TASK_RUN}"
GOOD = {
    "tasks, a pipeline and its runs": ALL,
    "a StepAction": ACTION,
    "runs of v1beta1": f"{OLD_RUN}---\n{OLD_PIPELINE_RUN}",
}

VERSIONED = "".join(
    TASK.replace("  name: build\n", f"  name: build\n  labels: {{app.kubernetes.io/version: '{version}'}}\n") + "---\n"
    for version in ("0.1", "0.2")
)
BROKEN: dict[str, tuple[str, str, str]] = {
    "ambiguous-reference": (f"{VERSIONED}{TASK_RUN}", "", ""),
    "api-level": (NESTED, "name: outer", "name: outer"),
    "beside-reference": (ACTION, "      ref:\n", "      image: busybox\n      ref:\n"),
    "custom-task": (PIPELINE, "apiVersion: example.dev/v1", "apiVersion: v1"),
    "cycle": (PIPELINE, "      taskRef:\n        name: build\n", "      taskRef: {name: a}\n      runAfter: [each]\n"),
    "debug": (TASK_RUN, "  retries: 1\n", "  debug: {breakpoints: {onFailure: never}}\n"),
    "duplicate-name": (TASK, "    - name: say\n", "    - name: make\n"),
    "duplicate-object": (f"{TASK}---\n{TASK}", "default: busybox", "default: alpine"),
    "enum": (TASK, "      default: busybox\n", "      default: busybox\n      enum: [alpine]\n"),
    "field-case": (PIPELINE, "          - image: busybox\n            script: echo $(params.state)",
                   "          - image: busybox\n            workingdir: /\n            script: echo $(params.state)"),
    "finally": (PIPELINE, "    - name: tell\n", "    - name: tell\n      runAfter: [wait]\n"),
    "invalid-name": (PIPELINE, "name: wait", "name: Wait"),
    "matrix": (PIPELINE, '["$(tasks.each.results.found[*])"]', "$(tasks.each.results.found)"),
    "missing-argument": (ALL, "    - {name: where, value: {host: x}}", "    - {name: other, value: x}"),
    "missing-field": (TASK, "      image: busybox\n", ""),
    "missing-workspace": (ALL, "  workspaces:\n    - name: data\n      emptyDir: {}\n", ""),
    "nested-result": (NESTED, "runAfter: [inner]", "params: [{name: a, value: $(tasks.inner.results.a)}]"),
    "no-call": (RUN, "  pipelineRef:\n    name: main\n", ""),
    "on-error": (TASK, "stopAndFail", "ignore"),
    "parameter-default": (TASK, "default: [a]", "default: a"),
    "parameter-properties": (TASK, "{host: {type: string}}", "{host: {type: array}}"),
    "parameter-type": (TASK, "type: array", "type: list"),
    "parameter-use": (TASK, "$(params.flags[*])", "$(params.flags[*]) -v"),
    "pipeline-result": (PIPELINE, "$(tasks.build.results.digest)", "$(tasks.built.results.digest)"),
    "reference": (RUN, "    name: main\n", "    name: main\n    resolver: git\n"),
    "removed-field": (OLD_RUN, "  taskRef:\n", "  resources: {inputs: []}\n  taskRef:\n"),
    "reread-value": (TASK_RUN, "{name: where, value: {host: x}}", "{name: where, value: yes}"),
    "resources": (TASK_RUN, "  retries: 1\n", "  computeResources: {requests: {cpu: '2'}}\n"),
    "result-type": (TASK, "    - name: digest\n", "    - name: digest\n      type: text\n"),
    "result-value": (TASK, "$(steps.make.results.digest)", "constant"),
    "retries": (TASK_RUN, "retries: 1", "retries: -1"),
    "script-and-command": (TASK, "      command: [make]\n", "      command: [make]\n      script: make\n"),
    "script-params": (ACTION, '"${URL}"', "$(params.url)"),
    "several-calls": (RUN, "  params:\n", "  pipelineSpec: {tasks: [{name: a, taskRef: {name: a}}]}\n  params:\n"),
    "status": (PIPELINE, "        - {name: where, value: {host: $(params.name)}}",
               "        - {name: where, value: {host: $(tasks.status)}}"),
    "step-params": (TASK, "      script: echo", "      params: [{name: a, value: b}]\n      script: echo"),
    "step-result": (TASK, "      script: echo", "      script: echo $(steps.make.results.digest)"),
    "timeout": (RUN, "tasks: 50m", "tasks: 2h"),
    "unknown-field": (TASK, "onError: stop", "onErr: stop"),
    "unknown-result": (ALL, "$(tasks.each.results.found[*])", "$(tasks.each.results.founds[*])"),
    "unknown-task": (PIPELINE, "runAfter: [build]", "runAfter: [built]"),
    "unknown-variable": (TASK, "$(params.image)\n      command", "$(params.images)\n      command"),
    "unknown-workspace": (PIPELINE, "workspace: data", "workspace: date"),
    "volume-mount": (TASK, "mountPath: /cache", "mountPath: /tekton/cache"),
    "when": (TASK, "operator: in", "operator: equals"),
    "workspace": (RUN, "      emptyDir: {}\n", ""),
    "wrong-type": (TASK, "image: busybox\n", "image: 5\n"),
}  # fmt: skip
CASES = {code: text.replace(old, new, 1) if old else text for code, (text, old, new) in BROKEN.items()}
LINES = {
    "api-level": "pipelineRef:",
    "cycle": "- name: build",
    "invalid-name": "name: Wait",
    "missing-field": "- name: say",
    "on-error": "onError: ignore",
    "parameter-use": "args:",
    "removed-field": "resources: {inputs",
    "timeout": "tasks: 2h",
    "unknown-field": "onErr:",
    "unknown-task": "runAfter: [built]",
    "unknown-workspace": "workspace: date",
    "wrong-type": "image: 5",
}
"""What stands in the line where some of them are found."""
