"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from couler_plugins.cli.messages import set_up_messages
from couler_plugins.options.config import load_config
from couler_plugins.options.fields import Size

Function = Callable[..., Any]
LARGEST = 1e12
LOUDNESS = {-1: "error", 0: None, 1: "info"}
SETTINGS = (
    "pipeline",
    "to",
    "history",
    "previous",
    "max_bytes",
    "scope_depth",
    "cache_store",
    "cache_namespace",
    "cache_index",
    "cache_capacity",
)


class SizeType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`1000`, `64MiB` or `1GB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """The size; a usage error where the text is none."""
        try:
            return Size.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class KeyValue(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`name=value`; the value may be empty."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The pair; a usage error where the text is none."""
        name, equals, content = str(value).partition("=")
        if not name or not equals:
            self.fail("it is not of the form NAME=VALUE", param, ctx)  # what it holds may be a secret
        try:
            content.encode()
        except UnicodeEncodeError:
            self.fail(f"the value of {name} is no text in UTF-8", param, ctx)
        return name, content


class AmountType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """A number from 0 on, and not one that there is no reckoning with."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error where the text is none."""
        try:
            amount = float(value)
        except ValueError:
            amount = math.nan
        if not 0 <= amount <= LARGEST:
            self.fail(f"{value!s:.40} is not a number from 0 to {LARGEST:g}", param, ctx)
        return amount


inputs_argument = click.argument("inputs", nargs=-1, metavar="[FILE|FOLDER|GLOB|-]...")
_pipeline_option = click.option(
    "-p", "--pipeline", metavar="TEXT", help="Optimizers with their options: dedupe,./mine.py:Mine{limit=3}."
)
_assume_pure_option = click.option(
    "--assume-pure",
    is_flag=True,
    help="Treat every step as declared pure. The other rules against caching still apply.",
)
history_option = click.option(
    "--history",
    multiple=True,
    metavar="PATH",
    help="Past runs: histories of `couler history fetch`, workflows with their engine's status, or traces of WfFormat "
    "and Nextflow.",
)
_previous_option = click.option(
    "--previous",
    metavar="FILE",
    help="The file of --save-plan from an earlier split: parts keep their steps and names.",
)
render_option = click.option(
    "--render", is_flag=True, help="Render charts and kustomizations in folders: runs helm template, kustomize build."
)
engine_option = click.option("--engine", metavar="NAME", help="Use only documents of this engine.")


def _finite(_: click.Context, option: click.Parameter, value: float) -> float:
    if not math.isfinite(value):  # which is in every range
        raise click.BadParameter(f"{value} is no number to multiply by", param=option)
    return value


input_scale_option = click.option(
    "--input-scale",
    type=click.FloatRange(min=0.001, max=1000),
    callback=_finite,
    default=1.0,
    metavar="FACTOR",
    help="How large the input of the next run is, beside that of past runs (default 1): for its cost.",
)
output_option = click.option(
    "-o", "--output", metavar="PATH", help="Where to write: a file, a folder for several, - for stdout."
)
in_place_option = click.option("-i", "--in-place", is_flag=True, help="Overwrite the input files.")
to_option = click.option("--to", metavar="TEXT", help="Options of the engine, such as argo{version=4.1}.")


def format_option(*names: str) -> Callable[[Function], Function]:
    """Gives a command `--format`; the first name is the default."""
    return click.option("--format", "output_format", type=click.Choice(names), default=names[0], show_default=True)


json_option = format_option("text", "json")
baseline_option = click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Do not show the findings that this file records.",
)
max_bytes_option = click.option(
    "--max-bytes", type=SizeType(), metavar="SIZE", help="Largest file to read, such as 1000 or 1GB (default 64MiB)."
)

scope_depth_option = click.option(
    "--scope-depth",
    type=click.IntRange(min=0),
    metavar="N",
    help="Treat each folder N levels down as a scope of its own, for example an environment. Otherwise each folder "
    "with a kustomization or a chart is a scope.",
)


def pipeline_option(function: Function) -> Function:
    """Gives a command `-p`, `--assume-pure`, `--history` and `--previous`."""
    return _pipeline_option(_assume_pure_option(history_option(_previous_option(function))))


def target_options(function: Function) -> Function:
    """Gives a command `--namespace` and `--context`."""
    namespace = click.option(
        "--namespace", default="", metavar="NAME", help="The namespace of documents that name none."
    )
    context = click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig.")
    return namespace(context(function))


def with_settings(function: Function) -> Function:
    """Gives a command `-q`, `-v` and `--no-color`, and calls it with the settings as `config`."""

    @click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
    @click.option("-v", "--verbose", count=True, help="Print more (-vv: all).")
    @click.option("--no-color", is_flag=True, help="Print without colours, also on a terminal.")
    @functools.wraps(function)
    def wrapper(*, quiet: bool, verbose: int, no_color: bool, **arguments: Any) -> Any:
        level = LOUDNESS.get(-1 if quiet else verbose, "debug")
        flags = {name: arguments.pop(name) for name in SETTINGS if name in arguments}
        flags["history"] = flags.get("history") or None  # click gives an empty tuple where the flag is not
        config = load_config({"log_level": level, "color": "never" if no_color else None, **flags})
        set_up_messages(config)
        return function(config=config, **arguments)

    return wrapper
