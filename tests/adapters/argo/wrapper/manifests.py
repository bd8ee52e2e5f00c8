"""A small workflow, most of which is wrapped, and what tests look at in it."""

from __future__ import annotations

from typing import Any

from adapters.argo.caching.small import Made, workflow

__all__ = ["OURS", "TASKS", "TEMPLATES", "WRAPPER", "container", "document", "option", "template"]

WRAPPER = "cache{via=both,store=s3://bucket/cache,image=registry/couler:1}"
TASKS = """
- {name: a, template: size, arguments: {parameters: [{name: x, value: "1"}]}}
- name: b
  template: read
  depends: a
  arguments:
    parameters: [{name: x, value: "{{tasks.a.outputs.parameters.size}}"}]
    artifacts: [{name: table, from: "{{tasks.a.outputs.artifacts.table}}"}]
"""
TEMPLATES = """
- name: size
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {parameters: [{name: x}]}
  outputs:
    parameters: [{name: size, valueFrom: {path: /out/size}}]
    artifacts: [{name: table, path: /out/table}]
  volumes: [{name: tmp, emptyDir: {}}]
  initContainers: [{name: first, image: j, command: [init]}]
  container:
    {image: i, command: [size], args: ["{{inputs.parameters.x}}"], volumeMounts: [{name: tmp, mountPath: /out}]}
- name: read
  metadata: {annotations: {couler.io/cache: ttl=24h}}
  inputs: {parameters: [{name: x}], artifacts: [{name: table, path: /in/table}]}
  outputs: {parameters: [{name: mean, valueFrom: {path: /out/mean}}]}
  script: {image: i, command: [python, -u], source: "print(1)"}
"""
OURS = (("initContainers", "couler-restore"), ("sidecars", "couler-save"))
"""Where the containers of the wrapper are, and their names."""


def document(templates: str = TEMPLATES, **more: str) -> dict[str, Any]:
    return workflow(TASKS, templates, **more)


def template(found: Made, name: str) -> dict[str, Any]:
    items: dict[str, dict[str, Any]] = {item["name"]: item for item in found.documents[0]["spec"]["templates"]}
    return items[name]


def container(item: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in item[kind] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def option(one: dict[str, Any], name: str) -> str:
    (found,) = [text.partition("=")[2] for text in one["args"] if text.startswith(f"--{name}=")]
    assert isinstance(found, str)
    return found
