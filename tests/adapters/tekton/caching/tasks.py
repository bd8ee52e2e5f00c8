"""Tasks that are cached and run in the tests, and what `cache` makes of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from couler_plugins.api import optimize
from couler_plugins.driver.results import Result
from couler_plugins.inputs.sources import Text
from couler_plugins.options.config import load_config
from couler_plugins.plugins import Plugins, load_plugins

__all__ = ["BASE", "PIPELINE", "WORKSPACE", "cached", "documents", "plugins", "spec_of"]

IMAGE = "registry.example.org/couler-cache@sha256:" + 64 * "0"
WORKSPACE = f"cache{{via=wrapper,store=workspace://couler-cache/store,image={IMAGE}}}"

BASE = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: train   # nightly
  annotations:
    couler.io/cache: pure
    couler.io/cache-inputs: src/data
    couler.io/cache-outputs: out/model
    couler.io/max-output-bytes: "256"
spec:
  params:
    - {name: rate, default: "0.1"}
    - {name: first, type: array}
    - {name: second, type: array}
    - {name: of, type: object, properties: {x: {type: string}, z: {type: string}}}
    - {name: mode, default: fast}
  results:
    - {name: score}
    - {name: items, type: array}
    - {name: state}
  workspaces:
    - {name: src}
    - {name: out}
    - {name: couler-cache, optional: true}
  steps:
    - image: busybox
      command: [sh, -c]
      args:
        - 'printf "%s" "$0" > $(results.score.path); printf "[\\"%s\\"]" "$*" > $(results.items.path)'
        - $(params.rate)
        - first
        - $(params.first[*])
        - then
        - $(params.second[*])
    - name: model
      image: busybox
      script: |
        mkdir -p "$(workspaces.out.path)/model"
        cat "$(workspaces.src.path)/data" > "$(workspaces.out.path)/model/weights"
        echo '$(params.of.x)/$(params.of.z)' >> "$(workspaces.out.path)/model/weights"
    - name: slow
      image: busybox
      when: [{input: $(params.mode), operator: in, values: [slow]}]
      script: printf slow >> $(results.score.path)
    - name: careless
      image: busybox
      onError: continue
      script: |
        [ "$(params.mode)" != broken ] || [ -e "$(workspaces.src.path)/mended" ]
    - name: last
      image: busybox
      script: |
        printf '%s %s' "$(cat $(steps.step-unnamed-0.exitCode.path))" "$(cat $(steps.step-careless.exitCode.path))" \\
          > $(results.state.path)
"""
"""A task with all that a task may have which is cached."""

PIPELINE = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: nightly-
  annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "512"}
spec:
  params: [{name: rate, value: "0.1"}]
  pipelineSpec:
    params: [{name: rate}]
    tasks:
      - name: one
        params: [{name: x, value: $(params.rate)}]
        taskSpec:
          params: [{name: x}]
          results: [{name: r}]
          steps: [{image: busybox, script: "printf '%s' '$(params.x)' > $(results.r.path)"}]
      - name: two
        params: [{name: x, value: $(tasks.one.results.r)}]
        taskRef: {name: shared}
      - name: three
        params: [{name: x, value: fixed}]
        taskRef: {name: shared}
      - name: four
        runAfter: [three]
        params: [{name: x, value: fixed}]
        taskRef: {name: shared}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: shared}
spec:
  params: [{name: x}]
  results: [{name: r}]
  steps: [{name: say, image: busybox, script: "printf '%s' '$(params.x)' > $(results.r.path)"}]
"""


@cache
def plugins() -> Plugins:
    return load_plugins(load_config(environ={}))


def cached(text: str, pipeline: str = WORKSPACE, to: str = "tekton") -> Result:
    return optimize(Text(text), pipeline, to=to, plugins=plugins())


def documents(result: Result) -> list[Any]:
    return [item for item in result.documents if item is not None]


def spec_of(text: str, pipeline: str = WORKSPACE) -> tuple[Any, Any]:
    """The spec of a Task, and what it is once it is cached."""
    (changed,) = documents(cached(text, pipeline))
    return yaml.safe_load(text)["spec"], changed["spec"]
