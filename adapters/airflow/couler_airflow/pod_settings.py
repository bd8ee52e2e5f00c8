"""The containers of tasks and what is set on their pods: lifted into operations, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from couler_airflow.containers import Known, field_of, known_of
from couler_airflow.errors import refuse_others, unsupported
from couler_airflow.homes import CONTAINER, HOMES, METADATA, POD, SETTINGS, rest_of
from couler_airflow.pods import Place, is_plain, read_setting, write_setting
from couler_airflow.waiting import WAIT
from couler_plugins.ir import Container, EnvVar, Literal, Operation, Reference, Value
from couler_plugins.ir.settings import PAIRS

Pairs = tuple[tuple[str, Value], ...]
RESOURCES = ("requests", "limits")
SCHEDULING = ("schedule_timeout_seconds", "startup_timeout_seconds")
"""The fields with the time that a pod has to be scheduled; the second one where the first is not there."""
USUAL_WAIT = 120
BASE = "base"
"""What the Kubernetes executor, and operators that start a pod, call the container of a task."""
BASE_CONTAINER = "container"
"""The key in an operation's `native_extra` for what its container is called instead; empty where only the run knows."""


def base_container(task: Any) -> str:
    """Return what a task calls the container that it runs in; empty where only the run knows."""
    name = field_of(task, "base_container_name")
    return BASE if name is None else name if isinstance(name, str) and "{" not in name else ""


def containers_of(task: Any, places: Mapping[str, Place]) -> tuple[Container, ...]:
    """Return the container that a task runs in, as far as it is known; none where nothing is.

    Args:
        task: the task.
        places: where it keeps the settings of its pod.
    """
    container_class = known_of(task)
    requests, limits = (_pairs(read_setting(task, places[name])) if name in places else () for name in RESOURCES)
    if container_class is None:
        env = _variables(task, places.get("env"))
        return (Container(env=env, requests=requests, limits=limits),) if places else ()
    fields = frozenset(task.template_fields)

    def entries(name: str) -> tuple[Value, ...]:
        value = field_of(task, name)
        if isinstance(value, (list, tuple)):
            return tuple(_input(name, str(number)) for number in range(len(value)))
        return (_input(name),) if name and (value is not None or name in fields) else ()

    return (
        Container(
            image=_image(task, container_class),
            command=tuple(Literal(value=part) for part in container_class.prefix) or entries(container_class.command),
            args=entries(container_class.arguments),
            env=_variables(task, (container_class.environment,)),
            requests=requests,
            limits=limits,
        ),
    )


def _image(task: Any, container_class: Known) -> Value | None:
    """Return the image of a task: a text where the DAG file gives all of it, else what the task hands over."""
    if not container_class.image:
        return None
    text = field_of(task, container_class.image)
    plain = isinstance(text, str) and not re.search(r"\{[{%#]", text)
    return Literal(value=text) if plain else _input(container_class.image)


def _variables(task: Any, place: Place | None) -> tuple[EnvVar, ...]:
    """Return the variables in a place: plain texts, and references to what the task hands over."""
    setting = None if place is None else read_setting(task, place)
    field = str(place[0]) if place else ""
    return tuple(
        EnvVar(name=name, value=_input(field, name) if (text := _text(item)) is None else Literal(value=text))
        for name, item in _by_name(setting).items()
    )


def _by_name(setting: Any) -> dict[str, Any]:
    """Return variables by name, as a task keeps them: texts, objects of the Kubernetes client, or such as mappings."""
    if isinstance(setting, Mapping):
        return {str(name): item for name, item in setting.items()}
    return {str(_field(item, "name")): item for item in setting} if isinstance(setting, (list, tuple)) else {}


def _field(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _text(item: Any) -> str | None:
    text = item if isinstance(item, str) else _field(item, "value")
    return text if isinstance(text, str) and is_plain(text) else None


def _input(name: str, *path: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name, path=path)


def _pairs(held: Any) -> Pairs:
    return tuple((str(name), Literal(value=value)) for name, value in sorted(_plain(held or {}).items()))


def said_of(task: Any, places: Mapping[str, Place]) -> dict[str, Any]:
    """Return what an operation's `native_extra` says of the settings of a task; empty where it has no place for any."""
    values = {name: read_setting(task, places[name]) for name in sorted(METADATA) if name in places}
    pod = {name: plain for name, value in values.items() if (plain := _plain(value))}
    return {SETTINGS: " ".join(sorted(places)), **({POD: pod} if pod else {})} if places else {}


def _plain(value: Any) -> Any:
    """Return what is known of a value before the run."""
    return {key: item for key, item in value.items() if is_plain(item)} if isinstance(value, dict) else value


def write_pod(task: Any, places: Mapping[str, Place], old: Operation, new: Operation) -> None:
    """Make the pod of a task what an operation says.

    Args:
        task: the task; a journal knows of it.
        places: where it keeps the settings of its pod.
        old: what it was lifted to.
        new: what it is to be.

    Raises:
        Unsupported: the table of capabilities does not claim an edit, or the task has no place for it.
    """
    subject = str(task.task_id)
    refuse_others(old, new, ("containers", "native_extra"), subject)
    if len(old.containers) != len(new.containers):
        raise unsupported("Operation.containers", subject, "an operator says what it starts")
    for before, after in zip(old.containers, new.containers, strict=True):
        refuse_others(before, after, (*CONTAINER, "image"), subject)
        if before.image != after.image:
            _write_image(task, before.image, after.image)
    if _beside_pod(old) != _beside_pod(new):
        raise unsupported("Operation.native_extra", subject, "it is written in the DAG file")
    for name in (*CONTAINER, *METADATA):
        value = HOMES[name].read(name, new)
        if value != HOMES[name].read(name, old):
            feature = "Operation.native_extra" if name in METADATA else f"Container.{name}"
            if name not in places:
                raise unsupported(feature, subject, f"it has no place for its {name}")
            written = _written(task, places[name], name, value)
            if written is ...:
                raise unsupported(feature, subject, "texts are wanted that are known beforehand")
            if places[name] == ("env",) and not read_setting(task, places[name]):
                write_setting(task, ("append_env",), True)  # without any, a BashOperator has those of its worker
            write_setting(task, places[name], written)
    if wait := rest_of(new.native_extra).get(POD, {}).get(WAIT):
        field = next((one for one in SCHEDULING if field_of(task, one)), SCHEDULING[-1])
        write_setting(task, (field,), (field_of(task, field) or USUAL_WAIT) + wait)


def _write_image(task: Any, before: Value | None, after: Value | None) -> None:
    text = _literal(after, str) if after is not None else ...
    if not isinstance(before, Literal) or text is ...:
        raise unsupported("Container.image", str(task.task_id), "an image is changed where its text is in the DAG file")
    container_class = known_of(task)
    assert container_class is not None  # else it has no image
    write_setting(task, (container_class.image,), text)


def _beside_pod(operation: Operation) -> Any:
    return {
        name: value for name, value in rest_of(operation.native_extra).items() if name != POD
    } or operation.native_extra


def _written(task: Any, place: Place, name: str, value: Any) -> Any:
    """Return a setting as a task keeps it; `...` where it cannot be kept."""
    if name not in PAIRS:
        return None if value is None else _literal(value, str)
    if name == "env":
        return _written_variables(read_setting(task, place), place, dict(value))
    kinds = str if name in METADATA else (str, int, float)
    own = {key: item for key, item in (read_setting(task, place) or {}).items() if not is_plain(item)}
    written = {**own, **{key: _literal(item, kinds) for key, item in value}}
    return ... if ... in written.values() else written


def _literal(value: Value, kinds: Any) -> Any:
    known = isinstance(value, Literal) and isinstance(value.value, kinds) and not isinstance(value.value, bool)
    return value.value if isinstance(value, Literal) and known else ...


def _written_variables(setting: Any, place: Place, wanted: Mapping[str, Value]) -> Any:
    """Return variables as a task keeps them; those that stay are the same objects."""
    from kubernetes.client import models

    before = _by_name(setting)
    as_texts = isinstance(setting, Mapping) or place in (("env",), ("environment",))
    written: dict[str, Any] = {}
    for name, value in wanted.items():
        text = _literal(value, str)
        if name in before and (value == _input(str(place[0]), name) or text == _text(before[name])):
            written[name] = before[name]
        else:
            written[name] = text if as_texts or text is ... else models.V1EnvVar(name=name, value=text)
    return ... if ... in written.values() else written if as_texts else list(written.values())
