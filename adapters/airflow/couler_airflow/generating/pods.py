"""The pod of a task: what Airflow's operator for pods is called with.

What the operator has a readable argument for goes there; all else of the pod goes into `pod_template_dict`, in
Kubernetes' own words. Source: `airflow.providers.cncf.kubernetes.operators.pod` (10.25), `build_pod_request_obj`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from couler_airflow.generating.artifacts import MOUNT, VOLUME, is_optional, is_raw, kept, raw_text
from couler_airflow.generating.printing import Call, Name, Node
from couler_airflow.generating.task import RESULT, Run, Task, place_of
from couler_airflow.generating.texts import (
    Text,
    Variable,
    constant,
    data_text,
    joined,
    map_data,
    resolve,
    resolve_data,
    spelt,
)
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.shell import SCRIPT, as_argument
from couler_plugins.ir import Container, Literal, Native, Operation

BASE = "base"
"""The name that the operator gives the container that it watches."""
CLAIMS = "volumeClaimTemplates"
"""Among the fields of all pods: the names of the claims that a run makes for itself."""
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
        store: the claim in which artifacts are handed on; empty for none.
    """

    task: Task
    operation: Operation
    run: Run
    common: Mapping[str, Any]
    store: str = ""
    variables: dict[str, str] = field(default_factory=dict)

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
        command, arguments, returns = self._command(main)
        environment = self._environment(main, container)
        mirrored = container.get("volumeMounts") or []
        before = sorted((item for item in self.operation.containers if item.role != "main"), key=lambda i: i.role)
        init = [self._init(item, mirrored) for item in before]
        self._mount(spec, [container, *init])
        automount = spec.pop("automountServiceAccountToken", None)  # the operator takes no False from a template
        if init:
            spec["initContainers"] = init
        if spec or container:
            spec["containers"] = [{"name": (BASE,), **container}]
        resources = self._written(self._resources(main))
        fields: dict[str, Node] = {
            "image": None if main.image is None else self._spelt(self._bare(main.image)),
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

    def _mount(self, spec: dict[str, Any], containers: list[dict[str, Any]]) -> None:
        """Mount the store: for artifacts, and in place of claims that a run makes for itself."""
        claims = {constant(name) for name in spec.pop(CLAIMS, ())}
        mounts = [mount for item in containers for mount in item.get("volumeMounts") or []]
        for mount in mounts:
            if (name := constant(mount.get("name", ()))) in claims:
                mount["name"] = (VOLUME,)
                below = joined(("/",), mount["subPath"]) if mount.get("subPath") else ()
                mount["subPath"] = joined(self.task.folder, (f"/volumes/{name}",), below)
        main, *_ = containers
        if self._artifacts():
            main["volumeMounts"] = [*(main.get("volumeMounts") or []), {"name": (VOLUME,), "mountPath": (MOUNT,)}]
        if self._artifacts() or any(mount.get("name") == (VOLUME,) for mount in mounts):
            claim = {"name": (VOLUME,), "persistentVolumeClaim": {"claimName": (self.store,)}}
            spec["volumes"] = [*(spec.get("volumes") or []), claim]

    def _artifacts(self) -> list[Text]:
        """The artifacts, in rows: which way, from where, to where, and whether they may be missing."""
        rows: list[Text] = []
        for port in self.operation.inputs:
            if port.kind != "artifact":
                continue
            place = self.run.scope.artifacts.get(port.name)
            if port.path is None or (place is None and not port.optional):
                raise refusal("Port.kind", self.operation.name, f"is not passed the artifact {port.name!r}, or no path")
            if place is not None:
                path = self._text(port.path)
                optional: Text = ("optional",) if port.optional else ()
                source = raw_text(place) if is_raw(place) else joined((f"{MOUNT}/",), place)
                rows += [("raw" if is_raw(place) else "in",), source, path, optional]
        for output in self.operation.outputs:
            if output.kind != "artifact":
                continue
            if output.path is None:
                raise refusal("Output.path", self.operation.name, f"has no path for the artifact {output.name!r}")
            place, _ = kept(output, place_of(self.task, output.name), self.run.scope, self._step)
            missing: Text = ("optional",) if is_optional(output) else ()
            rows += [("out",), self._text(output.path), joined((f"{MOUNT}/",), place), missing]
        return rows

    def _template(self) -> tuple[dict[str, Any], dict[str, Any], int | None]:
        """What the operation says of its pod: spec, metadata, and how long it may run."""
        own = self._data(self.operation.native_extra)
        metadata, deadline = own.pop("metadata", {}), own.pop("activeDeadlineSeconds", None)
        spec = {**self.common, **own}
        common = spec.pop("podMetadata", {})
        metadata = {key: {**(common.get(key) or {}), **(metadata.get(key) or {})} for key in ("labels", "annotations")}
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

    def _init(self, container: Container, mirrored: list[Any]) -> dict[str, Any]:
        """A container before the main one; sidecars start there, too, and are ended with it (Kubernetes 1.29)."""
        command, arguments = list(container.command), list(container.args)
        if container.script is not None:
            words = ["sh", "-c", SCRIPT, "sh"]
            texts = [*(Literal(value=word) for word in words), as_argument(container.script)]
            command, arguments = [*texts, *command, *arguments], []
        lists = {"command": command, "args": arguments}
        own = self._data(container.native_extra)
        if data_text(own.pop("mirrorVolumeMounts", False)) in ("true", "True"):
            own["volumeMounts"] = [*(own.get("volumeMounts") or []), *map(dict, mirrored)]
        if container.role == "sidecar":
            own["restartPolicy"] = ("Always",)
        fields: dict[str, Any] = {
            "name": (container.name,),
            "image": None if container.image is None else self._text(container.image),
            **{key: [self._text(value) for value in values] for key, values in lists.items()},
            "env": [{"name": (item.name,), **self._variable(item.value)} for item in container.env],
            "resources": self._resources(container),
            **own,
        }
        return {key: value for key, value in fields.items() if value not in (None, [], {})}

    def _environment(self, main: Container, container: dict[str, Any]) -> dict[str, Node] | None:
        """The environment; what is no mapping from texts to texts goes into the container instead.

        That is where values are structures of Kubernetes' own, or names come twice, or Airflow would render them.
        """
        items = [(item.name, self._variable(item.value)) for item in main.env]
        items += [
            (name, self._data(Native(parts=(f'{{"valueFrom":{source}}}',)))) for name, source in self.variables.items()
        ]
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
        outputs, rows = self._collected(), [self._spelt(text) for text in self._artifacts()]
        if (main.script is not None or outputs or rows) and not command:
            raise refusal("Container.command", self.operation.name, "has no command")
        if main.script is not None:
            script = self._spelt(self._text(as_argument(main.script)))
            command, arguments = ["sh", "-c", Name("SCRIPT"), "sh", script], [*command, *arguments]
        if rows:
            command, arguments = ["sh", "-c", Name("FILES"), "sh", *rows, "--"], [*command, *arguments]
        if outputs:
            command, arguments = ["sh", "-c", Name("COLLECT"), "sh", *outputs, "--"], [*command, *arguments]
        return command, arguments, bool(outputs)

    def _collected(self) -> list[Node]:
        """The outputs: for each a name, a file, and what stands in for a missing one, if anything does."""
        outputs: list[Node] = [RESULT, f"/airflow/xcom/{RESULT}", ""] if self.task.printed else []
        for output in self.operation.outputs:
            if output.kind == "artifact":
                continue
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
        self.variables.update((part.name, part.source) for part in text if isinstance(part, Variable))
        return text

    def _bare(self, value: Any) -> Text:
        text = self._text(value)
        if any(isinstance(part, Variable) for part in text):
            raise refusal("Port.origin", self.operation.name, "has a ConfigMap's value in its image")
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
