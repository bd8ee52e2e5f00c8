"""The pod of a task: what Airflow's operator for pods is called with.

What the operator has a readable argument for goes there; all else of the pod goes into `pod_template_dict`, in
Kubernetes' own words. Source: `airflow.providers.cncf.kubernetes.operators.pod` (10.25), `build_pod_request_obj`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from couler_airflow.generating.errors import refusal
from couler_airflow.generating.printing import Call, Name, Node
from couler_airflow.generating.task import RESULT, Run, Task
from couler_airflow.generating.texts import Text, constant, joined, resolve, resolve_data, spelt
from couler_plugins.engine_kit.legalize.shell import as_argument
from couler_plugins.ir import Container, Native, Operation

__all__ = ["POD_FIELDS", "pod_arguments", "written"]

POD_FIELDS = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "hostAliases",
    "hostNetwork",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "volumes",
)
"""Fields of a template, or of a whole workflow, that are those of a pod."""
CONTAINER_FIELDS = (
    "envFrom",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "stdin",
    "terminationMessagePath",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)
BASE = "base"
"""The name that the operator gives the container that it watches."""
MAX_WORD = 128 * 1024 - 1
"""Bytes of one word of a command: Linux takes no more (MAX_ARG_STRLEN)."""


def pod_arguments(task: Task, run: Run, pod: Mapping[str, Any]) -> dict[str, Node]:
    """The arguments of the operator for one run of a task, each only where it says something.

    Args:
        task: the task.
        run: the run.
        pod: what the workflow says of all its pods: data with texts in it.

    Raises:
        Unsupported: the pod has more than the operator knows.
    """
    assert task.operation is not None
    return _Pod(task, task.operation, run, pod).arguments()


def written(data: Any, *, jinja: bool = False) -> Node:
    """Data with texts in it, as Python."""
    if isinstance(data, tuple):
        return spelt(data, jinja=jinja)
    if isinstance(data, dict):
        return {key: written(inner, jinja=jinja) for key, inner in data.items()}
    return [written(inner, jinja=jinja) for inner in data] if isinstance(data, list) else data


class _Pod:
    def __init__(self, task: Task, operation: Operation, run: Run, pod: Mapping[str, Any]) -> None:
        self._task = task
        self._operation = operation
        self._scope = run.scope
        self._run = run
        self._common = pod
        self._step = task.step.name if task.step else ""

    def arguments(self) -> dict[str, Node]:
        main = self._main()
        spec, metadata, deadline = self._template()
        container = self._container_rest(main)
        environment = self._environment(main, container)
        init = [self._init(item) for item in self._operation.containers if item.role == "init"]
        automount = spec.pop("automountServiceAccountToken", None)  # the operator takes no False from a template
        if init:
            spec["initContainers"] = init
        if spec or container:
            spec["containers"] = [{"name": (BASE,), **container}]
        command, arguments, returns = self._command(main)
        fields: dict[str, Node] = {
            "image": self._spelt(self._text(main.image)) if main.image is not None else None,
            "cmds": command,
            "arguments": arguments,
            "env_vars": environment,
            "container_resources": self._resources(main),
            "labels": self._written(metadata.get("labels")),
            "annotations": self._written(metadata.get("annotations")),
            "pod_template_dict": self._written({"spec": spec}) if spec else None,
            "automount_service_account_token": automount,
            "active_deadline_seconds": deadline,
            "do_xcom_push": returns or None,
        }
        if fields["image"] is None:
            raise refusal("Container.image", self._operation.name, "names no image")
        return {key: value for key, value in fields.items() if value is not None and value not in ([], {})}

    def _main(self) -> Container:
        roles = Counter(item.role for item in self._operation.containers)
        if roles["sidecar"]:
            hint = "start it inside of the main container, or outside of the workflow"
            raise refusal("Container.role", self._operation.name, "has sidecars, which Airflow would wait for", hint)
        mains = [item for item in self._operation.containers if item.role == "main"]
        if len(mains) != 1:
            raise refusal("Operation.containers", self._operation.name, f"has {len(mains)} main containers")
        return mains[0]

    def _template(self) -> tuple[dict[str, Any], dict[str, Any], int | None]:
        """What the operation says of its pod: spec, metadata, and how long it may run."""
        own = self._data(self._operation.native_extra)
        metadata, deadline = own.pop("metadata", {}), own.pop("activeDeadlineSeconds", None)
        is_plain = isinstance(metadata, dict) and not metadata.keys() - {"labels", "annotations"}
        others = sorted(own.keys() - set(POD_FIELDS))
        if others or not is_plain:
            raise refusal("Operation.native_extra", self._operation.name, f"has {', '.join(others) or 'metadata'}")
        spec = {**self._common, **own}
        if "volumes" in own and "volumes" in self._common:
            spec["volumes"] = [*self._common["volumes"], *own["volumes"]]
        text = constant(deadline) if isinstance(deadline, tuple) else deadline
        if deadline is not None and not str(text).isdigit():
            raise refusal("Operation.native_extra", self._operation.name, "has a deadline that only the run knows")
        return spec, metadata, None if text is None else int(text)

    def _container_rest(self, container: Container) -> dict[str, Any]:
        data = self._data(container.native_extra)
        if others := sorted(data.keys() - set(CONTAINER_FIELDS)):
            raise refusal("Container.native_extra", self._operation.name, f"has {', '.join(others)} in a container")
        return data

    def _init(self, container: Container) -> dict[str, Any]:
        if container.script is not None:
            raise refusal("Container.script", self._operation.name, "has a script before the main container")
        lists = {"command": container.command, "args": container.args}
        resources = {"requests": container.requests, "limits": container.limits}
        fields: dict[str, Any] = {
            "name": (container.name,),
            "image": None if container.image is None else self._text(container.image),
            **{key: [self._text(value) for value in values] for key, values in lists.items()},
            "env": [{"name": (item.name,), **self._variable(item.value)} for item in container.env],
            "resources": {
                key: {name: self._text(value) for name, value in pairs} for key, pairs in resources.items() if pairs
            },
            **self._container_rest(container),
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
        command = [self._text(value) for value in main.command]
        arguments = [self._text(value) for value in main.args]
        collected = self._collected()
        if (main.script is not None or collected) and not command:
            raise refusal("Container.command", self._operation.name, "has no command")
        if main.script is None and not collected:
            return list(map(self._spelt, command)), list(map(self._spelt, arguments)), False
        whole: list[Node] = list(map(self._spelt, [*command, *arguments]))
        shell = ["sh", "-c"]
        if main.script is not None:
            script = [*shell, Name("SCRIPT"), "sh", self._spelt(self._text(as_argument(main.script)))]
            if not collected:
                return script, whole, False
            whole = [*script, *whole]
        outputs = [item if isinstance(item, str) else self._spelt(item) for item in collected]
        return [*shell, Name("COLLECT"), "sh", *outputs, "--"], whole, True

    def _collected(self) -> list[str | Text]:
        """The outputs: for each a name, a file, and what stands in for a missing one, if anything does."""
        outputs: list[str | Text] = [RESULT, f"/airflow/xcom/{RESULT}", ""] if self._task.printed else []
        for output in self._operation.outputs:
            if output.path is None or output.value is not None:
                raise refusal("Output.value", self._operation.name, f"finds its output {output.name!r} otherwise")
            default: Text = () if output.default is None else joined(("=",), self._text(output.default))
            outputs += [f"parameters.{output.name}", self._text(output.path), default]
        return outputs

    def _resources(self, main: Container) -> Node:
        fields = {
            key: {name: self._spelt(self._text(value)) for name, value in pairs}
            for key, pairs in (("requests", main.requests), ("limits", main.limits))
            if pairs
        }
        return Call("k8s.V1ResourceRequirements", (), fields) if fields else None

    def _text(self, value: Any) -> Text:
        text = resolve(value, self._scope, self._step)
        if sum(len(part.encode(errors="surrogatepass")) for part in text if isinstance(part, str)) > MAX_WORD:
            hint = "put it into the image, or into a ConfigMap that is mounted"
            raise refusal("Container.script", self._operation.name, f"has a text of more than {MAX_WORD} bytes", hint)
        return text

    def _data(self, native: Native | None) -> dict[str, Any]:
        data = {} if native is None else resolve_data(native, self._scope, self._step)
        if not isinstance(data, dict):
            raise refusal("Operation.native_extra", self._operation.name, "has something in place of a mapping")
        return data

    def _spelt(self, text: Text) -> Node:
        return spelt(text, jinja=self._task.loops)

    def _written(self, data: Any) -> Node:
        return None if data is None else written(data, jinja=self._task.loops)
