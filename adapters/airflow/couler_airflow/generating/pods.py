"""The pod of a task: what Airflow's operator for pods is called with.

What the operator has a readable argument for goes there; all else of the pod goes into `pod_template_dict`, in
Kubernetes' own words. Source: `airflow.providers.cncf.kubernetes.operators.pod` (10.25), `build_pod_request_obj`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from couler_airflow.generating.printing import Call, Name, Node
from couler_airflow.generating.task import RESULT, Run, Task
from couler_airflow.generating.texts import Text, data_text, joined, map_data, resolve, resolve_data, spelt
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.shell import as_argument
from couler_plugins.ir import Container, Native, Operation

BASE = "base"
"""The name that the operator gives the container that it watches."""
MAX_WORD = 128 * 1024 - 1
"""Bytes of one word of a command: Linux takes no more (MAX_ARG_STRLEN)."""


@dataclass(frozen=True)
class Pod:
    """The pod of one run of a task.

    Attributes:
        task: the task.
        operation: what it runs.
        run: the run.
        common: what the workflow says of all its pods: data with texts in it.
    """

    task: Task
    operation: Operation
    run: Run
    common: Mapping[str, Any]

    @property
    def _step(self) -> str:
        return self.task.step.name if self.task.step else ""

    def arguments(self) -> dict[str, Node]:
        """The arguments of the operator, each only where it says something.

        Raises:
            Unsupported: a text in it is nothing that Airflow could complete.
        """
        (main,) = (item for item in self.operation.containers if item.role == "main")
        spec, metadata, deadline = self._template()
        container = self._data(main.native_extra)
        environment = self._environment(main, container)
        init = [self._init(item) for item in self.operation.containers if item.role == "init"]
        automount = spec.pop("automountServiceAccountToken", None)  # the operator takes no False from a template
        if init:
            spec["initContainers"] = init
        if spec or container:
            spec["containers"] = [{"name": (BASE,), **container}]
        command, arguments, returns = self._command(main)
        resources = self._written(self._resources(main))
        fields: dict[str, Node] = {
            "image": None if main.image is None else self._spelt(self._text(main.image)),
            "cmds": command,
            "arguments": arguments,
            "env_vars": environment,
            "container_resources": Call("k8s.V1ResourceRequirements", (), resources) if resources else None,
            "labels": self._written(metadata.get("labels")),
            "annotations": self._written(metadata.get("annotations")),
            "pod_template_dict": self._written({"spec": spec}) if spec else None,
            "automount_service_account_token": automount,
            "active_deadline_seconds": deadline,
            "do_xcom_push": returns or None,
        }
        return {key: value for key, value in fields.items() if value is not None and value not in ([], {})}

    def _template(self) -> tuple[dict[str, Any], dict[str, Any], int | None]:
        """What the operation says of its pod: spec, metadata, and how long it may run."""
        own = self._data(self.operation.native_extra)
        metadata, deadline = own.pop("metadata", {}), own.pop("activeDeadlineSeconds", None)
        spec = {**self.common, **own}
        if "volumes" in own and "volumes" in self.common:
            spec["volumes"] = [*self.common["volumes"], *own["volumes"]]
        if deadline is None:
            return spec, metadata, None
        text = data_text(deadline) or ""
        if not text.isdigit():
            raise refusal(
                "Operation.native_extra", self.operation.name, "has a deadline that is only known at run time"
            )
        return spec, metadata, int(text)

    def _init(self, container: Container) -> dict[str, Any]:
        lists = {"command": container.command, "args": container.args}
        fields: dict[str, Any] = {
            "name": (container.name,),
            "image": None if container.image is None else self._text(container.image),
            **{key: [self._text(value) for value in values] for key, values in lists.items()},
            "env": [{"name": (item.name,), **self._variable(item.value)} for item in container.env],
            "resources": self._resources(container),
            **self._data(container.native_extra),
        }
        return {key: value for key, value in fields.items() if value not in (None, [], {})}

    def _environment(self, main: Container, container: dict[str, Any]) -> dict[str, Node] | None:
        """The environment; what is no mapping from texts to texts goes into the container instead.

        That is where values are structures of Kubernetes' own, or names come twice, or Airflow would render them.
        """
        items = [(item.name, self._variable(item.value)) for item in main.env]
        plain = all(variable.keys() == {"value"} and spelt((name,)) == name for name, variable in items)
        if plain and len(dict(items)) == len(items):
            return {name: self._spelt(variable["value"]) for name, variable in items}
        container["env"] = [{"name": (name,), **variable} for name, variable in items]
        return None

    def _variable(self, value: Any) -> dict[str, Any]:
        return self._data(value) if isinstance(value, Native) else {"value": self._text(value)}

    def _command(self, main: Container) -> tuple[list[Node], list[Node], bool]:
        """The command, its arguments, and whether it leaves what Airflow reads."""
        command, arguments = ([self._spelt(self._text(item)) for item in items] for items in (main.command, main.args))
        outputs = self._collected()
        if (main.script is not None or outputs) and not command:
            raise refusal("Container.command", self.operation.name, "has no command")
        if main.script is not None:
            script = self._spelt(self._text(as_argument(main.script)))
            command, arguments = ["sh", "-c", Name("SCRIPT"), "sh", script], [*command, *arguments]
        if outputs:
            command, arguments = ["sh", "-c", Name("COLLECT"), "sh", *outputs, "--"], [*command, *arguments]
        return command, arguments, bool(outputs)

    def _collected(self) -> list[Node]:
        """The outputs: for each a name, a file, and what stands in for a missing one, if anything does."""
        outputs: list[Node] = [RESULT, f"/airflow/xcom/{RESULT}", ""] if self.task.printed else []
        for output in self.operation.outputs:
            default: Text = () if output.default is None else joined(("=",), self._text(output.default))
            outputs += [f"parameters.{output.name}", *map(self._spelt, (self._text(output.path), default))]
        return outputs

    def _resources(self, container: Container) -> dict[str, dict[str, Text]]:
        resources = {"requests": container.requests, "limits": container.limits}
        return {key: {name: self._text(value) for name, value in pairs} for key, pairs in resources.items() if pairs}

    def _text(self, value: Any) -> Text:
        text = resolve(value, self.run.scope, self._step)
        if sum(len(part.encode(errors="surrogatepass")) for part in text if isinstance(part, str)) > MAX_WORD:
            hint = "put it into the image, or into a ConfigMap that is mounted"
            raise refusal("Container.script", self.operation.name, f"has a text of more than {MAX_WORD} bytes", hint)
        return text

    def _data(self, native: Native | None) -> dict[str, Any]:
        data = resolve_data(native, self.run.scope, self._step)
        if not isinstance(data, dict):
            raise refusal("Operation.native_extra", self.operation.name, "has a value where a mapping is expected")
        return data

    def _spelt(self, text: Text) -> Node:
        return spelt(text, jinja=self.task.loops)

    def _written(self, data: Any) -> Node:
        return map_data(data, lambda item: self._spelt(item) if isinstance(item, tuple) else item)
