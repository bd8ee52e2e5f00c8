"""Parameters and results: what declares them, and how steps use them.

Source: `pkg/apis/pipeline/v1/result_validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import RENAME, is_label, is_object_name, is_parameter_name, is_result_name, repeats
from couler_tekton.lint.texts import entire_problem, isolated_problem, prohibited_problem, unknown_problem

TYPES = ("string", "array", "object")


class Declared(NamedTuple):
    """A parameter that is declared.

    Attributes:
        name: its name.
        type: its type, found as Tekton finds it where it is not given; empty where it is passed without a value.
        keys: the keys of an object, with their types; None where nothing is said of them.
        default: what it falls back to; None where it has no default.
        enum: the values that it may have; empty where any.
        path: where it is.
    """

    name: str
    type: str
    keys: dict[str, str] | None
    default: Any
    enum: tuple[str, ...]
    path: Path


def value_type(value: Any) -> str:
    """The type that Tekton sees in a value: what is no list or mapping of texts is read as a text."""
    match value:
        case list() if all(isinstance(item, str) for item in value):
            return "array"
        case dict() if all(isinstance(item, str) for item in value.values()):
            return "object"
    return "string"


def declared(specs: Iterable[Mapped], path: Path) -> list[Declared]:
    """The parameters of a list of declarations; `path` is that of the list."""
    return [_declared(spec, (*path, number)) for number, spec in enumerate(specs)]


def _declared(spec: Mapped, path: Path) -> Declared:
    keys, default = spec.get("properties"), spec.get("default")
    kind = spec.get("type") or ("object" if keys is not None else "string" if default is None else value_type(default))
    types = None if keys is None else {key: (held or {}).get("type") or "string" for key, held in keys.items()}
    return Declared(spec.get("name") or "", kind, types, default, tuple(spec.get("enum") or ()), path)


def check_declared(params: Iterable[Declared], report: Report) -> None:
    """The types of declarations, their defaults and their enums."""
    for param in params:
        if not param.type:
            report.error("missing-field", param.path, f"the parameter {param.name!r} has no value", "give it one")
        elif param.type not in TYPES:
            hint = report.meant(param.type, TYPES, f"use one of {', '.join(TYPES)}")
            report.error("parameter-type", (*param.path, "type"), f"{param.name!r} has the type {param.type!r}", hint)
        elif param.default is not None and value_type(param.default) != param.type:
            message = f"{param.name!r} is of type {param.type}, and its default is of type {value_type(param.default)}"
            hint = "let both be the same; a number, or a list of numbers, is read as a text"
            report.error("parameter-default", (*param.path, "default"), message, hint)
        for key, kind in (param.keys or {}).items():
            if kind != "string":
                message = f"the key {key!r} of {param.name!r} is of type {kind!r}"
                report.error("parameter-properties", (*param.path, "properties", key), message, "use string")
        _check_enum(param, report)


def _check_enum(param: Declared, report: Report) -> None:
    path = (*param.path, "enum")
    if not param.enum:
        return
    if param.type != "string":
        report.error("enum", path, f"{param.name!r} has an enum, and is no text", "leave the enum out")
    if len(set(param.enum)) < len(param.enum):
        report.error("enum", path, f"the enum of {param.name!r} has a value twice", "keep one of them")
    if isinstance(param.default, str) and param.default and param.default not in param.enum:
        message = f"the default of {param.name!r} is not in its enum"
        report.error("enum", (*param.path, "default"), message, f"use one of {', '.join(param.enum)}")


def check_unique(params: Sequence[Declared], report: Report) -> None:
    """That no two declarations have one name."""
    for number, name in repeats(param.name for param in params):
        report.error("duplicate-name", params[number].path, f"two parameters are called {name!r}", RENAME)


def check_names(params: Iterable[Declared], report: Report) -> None:
    """The names of a task's parameters, and of the keys of its objects."""
    for param in params:
        if param.type == "object":
            bad = [name for name in (param.name, *(param.keys or ())) if not is_object_name(name)]
            allowed = "letters, digits, - and _"
        else:
            bad = [] if is_parameter_name(param.name) else [param.name]
            allowed = "letters, digits, -, _ and ."
        if bad:
            hint = f"use {allowed}, and begin with a letter or _"
            report.error("invalid-name", (*param.path, "name"), f"{bad[0]!r} is no name for a parameter", hint)


def step_texts(
    step: Mapped,
    path: Path,
    keys: Sequence[str] = ("name", "image", "workingDir", "script"),
    of_mounts: Sequence[str] = ("name", "mountPath", "subPath"),
) -> Iterator[tuple[str, Path, bool]]:
    """The texts of a step that parameters may stand in: the text, its place, whether a list may stand there alone."""
    for key in keys:
        yield step.get(key) or "", (*path, key), False
    for key in ("command", "args"):
        for number, word in enumerate(step.get(key) or ()):
            yield word or "", (*path, key, number), True
    for number, variable in enumerate(step.get("env") or ()):
        yield variable.get("value") or "", (*path, "env", number, "value"), False
    for number, mount in enumerate(step.get("volumeMounts") or ()):
        for key in of_mounts:
            yield mount.get(key) or "", (*path, "volumeMounts", number, key), False


Steps = Sequence[tuple[Mapped, Path]]
Texts = Callable[[Mapped, Path], Iterator[tuple[str, Path, bool]]]


def check_usage(steps: Steps, params: Sequence[Declared], report: Report, texts: Texts = step_texts) -> None:
    """That every parameter that steps refer to is declared, and objects are used by their keys."""
    names = {param.name for param in params}
    objects = [param for param in params if param.type == "object"]
    whole = {param.name for param in objects}
    for step, path in steps:
        allowed = [*texts(step, path), (step.get("onError") or "", (*path, "onError"), False)]
        for text, place, _ in allowed:
            check_variable(text, place, "params", names, report)
            for param in objects:
                check_variable(
                    text, place, rf"params\.{param.name}", param.keys or {}, report, f"key of {param.name!r}"
                )
            if problem := entire_problem(text, "params", whole):
                report.error("parameter-use", place, problem, "use $(params.NAME.KEY)")
    for param in objects:
        if param.keys is None:
            hint = "declare its keys under properties"
            report.error("parameter-properties", param.path, f"the object {param.name!r} has no properties", hint)


def check_variable(
    text: str, place: Path, prefix: str, names: Iterable[str], report: Report, what: str = "parameter"
) -> None:
    """That what a text refers to below a prefix is known."""
    names = set(names)
    name, problem = unknown_problem(text, prefix, names)
    if problem:
        hint = report.meant(name, names, f"declare it, or correct the name of the {what}")
        report.error("unknown-variable", place, problem, hint)


def check_arrays(steps: Steps, params: Sequence[Declared], report: Report, texts: Texts = step_texts) -> None:
    """That lists stand alone, and only where lists may."""
    lists = {param.name for param in params if param.type == "array"}
    for step, path in steps:
        for text, place, alone in texts(step, path):
            problem = (isolated_problem if alone else prohibited_problem)(text, "params", lists)
            if problem:
                report.error("parameter-use", place, problem, "use $(params.NAME[*]) alone in command or args")


FROM_STEP = re.compile(r"\$\(steps\.(.*?)\.results\.(.*?)\)")


def check_results(holder: dict[str, Any], path: Path, report: Report) -> None:
    """The results of a task, a step or a StepAction."""
    for number, result in enumerate(holder.get("results") or ()):
        _check(result, (*path, "results", number), report)


def _check(result: dict[str, Any], path: Path, report: Report) -> None:
    name, keys = result.get("name") or "", result.get("properties")
    if not is_result_name(name):
        hint = "use letters, digits, -, _ and ., and begin and end with a letter or digit"
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for a result", hint)
        return
    kind = result.get("type") or ("object" if keys is not None else "string")
    if kind not in ("string", "array", "object"):
        report.error("result-type", (*path, "type"), f"{name!r} has the type {kind!r}", "use string, array or object")
    if kind == "object":
        if keys is None:
            hint = "declare its keys under properties"
            report.error("result-type", path, f"the object {name!r} has no properties", hint)
        for key, content in (keys or {}).items():
            if ((content or {}).get("type") or "string") != "string":
                place = (*path, "properties", key)
                report.error("result-type", place, f"the key {key!r} of {name!r} is no string", "use string")
    if result.get("value") is not None:
        _check_value(result["value"], name, (*path, "value"), report)


def _check_value(value: Any, name: str, path: Path, report: Report) -> None:
    """The value of a task's result: what one of its steps found."""
    hint = "write $(steps.STEP.results.RESULT)"
    if value_type(value) != "string":
        report.error("result-value", path, f"the value of {name!r} is no text", hint)
        return
    text = value if isinstance(value, str) else str(value)
    match = FROM_STEP.search(text)
    if text and match is None:
        report.error("result-value", path, f"the value of {name!r} is no result of a step", hint)
    elif match is not None and not (is_label(match[1]) and is_result_name(match[2])):
        report.error("result-value", path, f"the value of {name!r} names no step, or no result", hint)
