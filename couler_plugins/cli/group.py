"""`couler` itself: finds its commands when they are called, and turns every error into a few lines and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from couler_plugins import __version__
from couler_plugins.cli.messages import say_error
from couler_plugins.errors import CoulerError, EngineError, one_line

__all__ = ["INTERNAL_ERROR", "CommandGroup", "couler"]

COMMANDS = {
    "optimize": (
        "optimize:optimize",
        "Rewrites workflows so that they do the same at lower cost, and changes only the lines that this needs.",
    ),
    "convert": ("optimize:convert", "Writes workflows for an engine without optimizing them."),
    "explain": (
        "explain:command",
        "Shows what `couler optimize` would change and why, what prevents caching of each step, and a total.",
    ),
    "diff": (
        "diff:command",
        "Shows what `couler optimize` would change, as a unified diff; with --format json, as a list of edits.",
    ),
    "rollback": (
        "rollback:command",
        "Gives back the files that were split, as they were, from what splitting has made of them.",
    ),
    "lint": (
        "lint:command",
        "Finds what the engine would refuse, before it does: per finding the file, the line, and what to do.",
    ),
    "graph": ("graph:command", "Draws workflows: what runs after what, what reads from what, and what calls what."),
    "run": (
        "run:command",
        "Submits workflows to their engine, with all that they need beside them, and follows them to their ends.",
    ),
    "stop": ("stop:command", "Stops workflows, and the workflows that they have started for their parts."),
    "doctor": (
        "doctor:command",
        "Tells which cluster couler reaches, which engines it has, and which rights are missing for which feature.",
    ),
    "history": ("history:command", "Fetches past runs of workflows from their engine, as a file for --history."),
    "simulate": (
        "simulate:command",
        (
            "Says what a cache would have saved: workflows are run again and again with edits, and a cache of limited "
            "size."
        ),
    ),
    "tune": (
        "tune:command",
        "Tunes what FILE says: a Data Card, a search space, and maybe a Model Card (docs/tune.md).",
    ),
    "generate": ("generate:command", "Writes a workflow from a DESCRIPTION in plain language (docs/generate.md)."),
    "lake": ("group:lake", "Keeps your workflows as a source of steps and examples for `couler generate`."),
    "cache": (
        "group:cache",
        "Keeps results of steps in a store, and gives them back: to any engine, script or container.",
    ),
    "plugins": (
        "plugins:command",
        (
            "Lists the plugins with what they give: hooks, optimizers, policies, partitioners and tuners with their "
            "options, adapters, artifact stores, ready-made steps."
        ),
    ),
    "config": ("config:command", "Lists every setting and its value."),
    "demo": (
        "demo:command",
        "Shows the main jobs on workflows that come with couler, step by step, with the commands that you would type.",
    ),
}
LAKE_COMMANDS = {
    "add": ("lake:add", "Adds workflows of any engines: what their steps run, and how they are put together."),
    "ls": ("lake:ls", "Lists the workflows of a lake, with the steps that it has of them."),
    "rm": ("lake:rm", "Takes workflows out of a lake."),
}
HIDDEN = ""
"""The help of commands that the help of their group leaves out."""
CACHE_COMMANDS = {
    "key": (
        "cache_results:key",
        "Prints the key of a result: a hash of what is run and of the values that it is run on.",
    ),
    "run": (
        "cache_run:command",
        "Runs a command unless its result is there already, and keeps its result if it succeeds.",
    ),
    "restore": ("cache_results:restore", "Puts the outputs of a result into place, as files and folders."),
    "save": ("cache_results:save", "Keeps files and folders as the outputs of a result."),
    "fetch": (
        "cache_results:fetch",
        "Fetches a file or folder from outside once, for all steps and runs that read the same version.",
    ),
    "ls": (
        "cache_entries:ls",
        "Lists what the cache holds, the newest first: key, size, when it was made, how long that took, and by what.",
    ),
    "show": (
        "cache_entries:show",
        "Shows what the cache has of a key: who made it, its outputs, and what was read when it was made.",
    ),
    "stats": ("cache_entries:stats", "Says how much the cache holds, and how much of what it may."),
    "verify": (
        "cache_entries:verify",
        "Reads everything that the namespace holds, and compares it with what was stored.",
    ),
    "rm": ("cache_entries:rm", "Removes results, also pinned ones; who reads one just now reads on."),
    "evict": ("cache_evict:command", "Evicts what is worth least, until the rest fits."),
    "install": (
        "cache_install:command",
        "Writes out what an engine needs to keep results by itself: a role for its controller, with the least rights.",
    ),
    "pod-restore": ("cache_steps:pod_restore", HIDDEN),
    "pod-save": ("cache_steps:pod_save", HIDDEN),
    "task-restore": ("cache_steps:task_restore", HIDDEN),
    "task-save": ("cache_steps:task_save", HIDDEN),
}
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
BROKEN_PIPE = 141  # 128 + SIGPIPE: what a program that does not catch it exits with
INTERNAL_ERROR = 70  # EX_SOFTWARE
log = logging.getLogger(__name__)


class CommandGroup(click.Group):
    """A group with a table of its commands: its help is written from the table, and a command is imported when called.

    Args:
        table: by the name of each command, where it is (`module:name`, in this package), and the first sentence of its
            help; in the order of the help text.
    """

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help text."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command."""
        if cmd_name not in self.table:
            return None
        module, name = self.table[cmd_name][0].split(":")
        command = getattr(import_module(f"couler_plugins.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands as click does, from the table."""
        shown = {name: sentence for name, (_, sentence) in self.table.items() if sentence != HIDDEN}
        width = formatter.width - 6 - max(map(len, shown))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, click.Command(name, help=text).get_short_help_str(width)) for name, text in shown.items()]
            )


class Couler(CommandGroup):
    """The outermost group, which all errors reach."""

    def invoke(self, ctx: click.Context) -> None:
        """Runs a command; whatever it raises becomes a message and an exit code, never a traceback."""
        try:
            super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except CoulerError as error:
            say_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has left, and Python would complain when it flushes the rest at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        except OSError as error:
            # What is read and written by name is handled where it is; this is our own standard output.
            say_error(EngineError(f"cannot write: {error.strerror or error}", hint="is the disk full?"))
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EngineError.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            log.info("the traceback:", exc_info=error)
            hint = "this is a mistake in couler: report it with the file and what -v prints"
            say_error(CoulerError(f"internal error: {one_line(error)}", hint=hint))
            ctx.exit(INTERNAL_ERROR)


@click.group(
    cls=Couler,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  couler demo
  couler explain workflow.yaml
  couler optimize workflow.yaml > optimized.yaml

\b
Exit codes:
  0    all is well
  1    findings, or something would change under --check, or a plugin failed
  2    wrong usage or bad input
  3    an engine, a store or a network failed
  70   a mistake in couler itself
  130  interrupted
""",
)
@click.version_option(__version__, prog_name="couler")
def couler() -> None:
    """Optimizes existing Argo, Airflow, Kubeflow and Tekton workflows in place."""


@click.group(
    "lake",
    cls=CommandGroup,
    table=LAKE_COMMANDS,
    epilog="""\b
Examples:
  couler lake add workflows/ --description "Nightly jobs of the churn team."
  couler lake ls
  couler generate "…" --model qwen3 --url http://localhost:8000/v1
""",
)
def lake() -> None:
    """Keeps your workflows as a source of steps and examples for `couler generate`."""


@click.group(
    "cache",
    cls=CommandGroup,
    table=CACHE_COMMANDS,
    epilog="""\b
Examples:
  export COULER_CACHE_STORE=s3://bucket/cache
  couler cache run --program train.py --file data=data.csv \\
    --output model=model.bin -- python train.py --rate 0.1
  couler cache fetch s3://bucket/sales --version 2026-11-24 -o sales

\b
Exit codes:
  0    all is well; what `restore` asked for was there
  1    `restore`: there is nothing of that key; `verify`: something is wrong
  2    wrong usage or bad input
  3    the store failed, where that is not only warned of; `fetch`: the data
       cannot be read, or is not what was declared
  `run` exits with what its command exits with.
""",
)
def cache() -> None:
    """Keeps results of steps in a store, and gives them back: to any engine, script or container."""
