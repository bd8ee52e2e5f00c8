"""Pages of reference that follow from docstrings: the types of the IR, and plugins with their options."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import get_args

import msgspec

from couler_plugins import ir
from couler_plugins.ir import needs, ports, values, workflow
from couler_plugins.ir.settings import PAIRS, SETTINGS, SettableStep
from couler_plugins.options.config import load_config
from couler_plugins.options.fields import options_of
from couler_plugins.plugins import OPTIMIZERS, PARTITIONERS, POLICIES, TUNERS, load_plugins

MADE_BY = "This page is made by `python3 dev.py docs`"
IR = """\
# IR reference

{made_by}, from the docstrings of `couler_plugins.ir`.

An optimizer gets workflows as values of these types (`from couler_plugins import ir`). They are immutable and hashable:
`ir.replace(step, timeout=ir.Literal(value=60))` returns a changed copy. `source` and `native` do not count when two
values are compared. [The tutorial](tutorial.md) shows an optimizer, and [the JSON schema](../schema/couler.ir-v1.json)
the same types as JSON.
"""
IR_SECTIONS = {
    "Workflows, graphs and steps": workflow,
    "Inputs, outputs, loops and containers": ports,
    "Dependencies": needs,
    "Values": values,
}
IR_SETTINGS = """
## Settings of steps

`Plan.map_steps` shows steps with these fields, and `ir.with_settings` returns a copy with some of them changed.
Settings of several names are tuples of pairs: `dict(step.labels)` looks one up; `"team" in step.labels` is never true.

| setting | type when read | what `with_settings` takes | what it is |
| --- | --- | --- | --- |
"""
TAKES = {
    "retry": "a number or a `Retry`",
    "timeout": "seconds or a value",
    "priority": "a text or a value",
    "scheduler": "a text or a value",
    "weight": "a whole number or a value",
    **dict.fromkeys(PAIRS, "a mapping of texts or values, merged name by name with what is there"),
}
IR_UNIONS = ("Callee", "Needs", "Value", "Scalar", "PortKind")
OPTIONS = """\
# Optimizers and their options

{made_by}, from the docstrings of the built-in plugins.

Write options in braces after the name, as in `couler optimize -p 'prune,cache{{capacity=30GB,policy=lru}}'`. A list
takes `|` between its values. `couler plugins` shows the same for every installed plugin, those of others included.
[The command line](cli.md) has the options of the commands, and `couler.toml` may hold both.
"""
OPTION_SECTIONS = {
    "Optimizers": OPTIMIZERS,
    "Cache policies: `cache{policy=…}`": POLICIES,
    "Partitioners: `split{partitioner=…}`": PARTITIONERS,
    "Tuners: `tune{tuner=…}`": TUNERS,
}
ENTRY = re.compile(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)
"""One entry of the Attributes section of a docstring: a name, or several with commas, and the text."""


def ir_reference() -> str:
    """Return the page with every type of the IR and its fields."""
    lines = [IR.format(made_by=MADE_BY), "These names stand for several types:", ""]
    lines += ["| name | one of |", "| --- | --- |"]
    lines += [f"| `{name}` | {', '.join(map(_type_name, get_args(getattr(ir, name))))} |" for name in IR_UNIONS]
    for title, module in IR_SECTIONS.items():
        lines += ["", f"## {title}"]
        for cls in reversed(vars(module).values()):  # what others are part of comes last there
            if (
                inspect.isclass(cls)
                and issubclass(cls, ir.Node)
                and cls is not ir.Node
                and cls.__module__ == module.__name__
            ):
                lines += _of_node(cls)
    types = ir.Step.__annotations__ | SettableStep.__annotations__
    types |= dict.fromkeys(PAIRS, "tuple[tuple[str, Value], ...]")
    meanings = meanings_of(SettableStep)
    rows = [(f"`{name}`", f"`{types[name]}`", TAKES[name], meanings[name]) for name in SETTINGS]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join(lines) + f"\n{IR_SETTINGS}{table}\n"


def options() -> str:
    """Return the page with every optimizer, policy, partitioner and tuner that we have, and its options."""
    plugins = load_plugins(load_config(environ={}))
    lines = [OPTIONS.format(made_by=MADE_BY)]
    for title, point in OPTION_SECTIONS.items():
        names = {
            name: plugins.get(point, name) for record in plugins.records for name in record.provides.get(point.key, ())
        }
        lines += [f"## {title}", "", "| name | what it does |", "| --- | --- |"]
        classes = {name: plugins.get(point, name) for name in names}
        lines += [f"| [{name}](#{name}) | {_summary(cls)} |" for name, cls in classes.items()]
        for name, cls in classes.items():
            lines += ["", f"### {name}", "", _about(cls), *_of_options(cls)]
        lines.append("")
    return "\n".join(lines)


def _about(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[0].strip()


def _summary(cls: type) -> str:
    return " ".join(_about(cls).partition("\n\n")[0].split())


def meanings_of(cls: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each attribute."""
    return {
        name: " ".join(text.split())
        for base in reversed(cls.__mro__)
        for names, text in ENTRY.findall(inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2])
        for name in names.split(", ")
    }


PLUGINS = """\
# Plugins

{made_by}, from the plugins that are installed with couler-plugins.

`couler plugins` lists those of your environment, with all that they provide.

## Built-in plugins

| plugin | what it provides |
| --- | --- |
{rows}

## Examples

| package | what it is | made with |
| --- | --- | --- |
| [couler-default-retry](../../examples/couler-default-retry) | an optimizer of retries | [tutorial](tutorial.md) |
| [couler-github-actions](../../examples/couler-github-actions) | an adapter | [how](adapter.md) |

## Your own

`couler plugins new` makes a package with an optimizer, or with an adapter of a small format. Its tests pass:

<!-- not run (pytest): installs packages -->
```console
$ couler plugins new optimizer step-timeout
$ cd couler-step-timeout
$ pip install -e . pytest
$ pytest
$ couler plugins
```

The package of an optimizer starts as a working example that sets timeouts: replace `run`, the options and the tests.

It needs the extra `templates` (copier). Without couler, `copier copy` makes the same from the folders in
`couler_plugins/plugins/templates`.

To have your plugin on this page, open a pull request that adds a row to `PLUGINS` in `docs/reference.py`. The row names
the package, what it is, and its repository. Its tests have to pass with the newest couler-plugins.
"""


def plugins_page() -> str:
    """Return the page that lists plugins."""
    rows = []
    for record in load_plugins(load_config(environ={})).records:
        kinds = {point: names for point, names in record.provides.items() if point not in ("causes", "stores")}
        texts = [f"{point}: {', '.join(f'`{name}`' for name in sorted(names))}" for point, names in kinds.items()]
        rows.append(f"| {record.name} | {'; '.join(texts)} |")
    return PLUGINS.format(made_by=MADE_BY, rows="\n".join(rows))


def _of_options(cls: type) -> Iterator[str]:
    """A table of the options of a class; nothing where it has none."""
    meanings = meanings_of(cls)
    if options := options_of(cls):
        yield from ("", "| option | type | default | what it is |", "| --- | --- | --- | --- |")
    for item in options.values():
        default = "needed" if item.default is None else f"`{'|'.join(item.default)}`" if any(item.default) else "empty"
        row = (f"`{item.name}`", item.type_text, default, meanings.get(item.field, ""))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _type_name(kind: object) -> str:
    name = getattr(kind, "__name__", None) or json.dumps(kind)
    return f"`{'None' if name == 'NoneType' else name}`"


def _of_node(cls: type[ir.Node]) -> Iterator[str]:
    """A section on one type."""
    meanings = meanings_of(cls)
    types = {
        name: kind for base in reversed(cls.__mro__) for name, kind in vars(base).get("__annotations__", {}).items()
    }
    yield from ("", f"### {cls.__name__}", "", _about(cls), "")
    yield from ("| field | type | default | what it is |", "| --- | --- | --- | --- |")
    for item in msgspec.structs.fields(cls):
        kind = types[item.name].replace("OneOf[", "Literal[").replace("|", "\\|")
        default = "needed" if item.required else f"`{item.default!r}`"
        yield f"| `{item.name}` | `{kind}` | {default} | {meanings[item.name]} |"
