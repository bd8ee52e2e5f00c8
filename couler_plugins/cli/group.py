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
from couler_plugins.errors import CoulerError, EngineError, closest, one_line

COMMANDS = {
    "optimize": ("optimize:optimize", "Rewrites workflows to do the same work at lower cost."),
    "convert": ("optimize:convert", "Rewrites workflows for another engine, without optimizing."),
    "explain": ("explain:command", "Shows what `optimize` would change, and what prevents caching."),
    "diff": ("diff:command", "Shows what `optimize` would change, as a unified diff."),
    "rollback": ("rollback:command", "Restores the original files of workflows that were split or fused."),
    "lint": ("lint:command", "Finds what an engine would refuse: file, line and remedy."),
    "review": ("review:command", "Compares workflows with those of another commit: findings, caching, cost."),
    "krm": ("krm:command", "Optimizes a ResourceList, as a function of kustomize and kpt."),
    "images": ("images:command", "Writes the digests of images, for the optimizer `pin`."),
    "graph": ("graph:command", "Draws workflows as Mermaid, DOT or a page for the browser."),
    "studio": ("studio:command", "Opens an editor for workflows in your browser."),
    "run": ("run:command", "Submits workflows to their engine, and follows them."),
    "resume": ("resume:command", "Makes a smaller workflow of a run that failed: without the steps that are done."),
    "stop": ("stop:command", "Stops workflows, and the parts that they have started."),
    "doctor": ("doctor:command", "Checks what is installed, what engines are reached, and your permissions there."),
    "why": ("why:command", "Says why a run failed: the step that failed first, the cause, and what would help."),
    "history": ("group:history", "Keeps a history of past runs: what steps took, and what they used."),
    "metrics": ("metrics:command", "Exports past runs, caches and optimizers as metrics for Prometheus."),
    "report": ("report:command", "Shows how runs differ before and after each change of a workflow."),
    "queue": ("group:queue", "Makes the objects of Kueue, for fair queues with quotas."),
    "prices": ("prices:command", "Asks OpenCost for prices, as a row of couler.toml."),
    "simulate": ("simulate:command", "Estimates what a cache or a split would save."),
    "tune": ("tune:command", "Searches good hyperparameters for a training command."),
    "sql": ("sql:command", "Makes a workflow of SQL statements that query, train, predict and evaluate."),
    "generate": ("generate:command", "Writes a workflow from a description in plain language."),
    "lake": ("group:lake", "Keeps your workflows as examples for `couler generate`."),
    "cache": ("group:cache", "Keeps results of steps in a store, and reuses them."),
    "plugins": ("plugins:command", "Lists the plugins and what they provide; makes new ones."),
    "config": ("config:command", "Lists every setting and its value."),
    "demo": ("demo:command", "Shows the main features on example workflows."),
}
LAKE_COMMANDS = {
    "add": ("lake:add", "Adds workflows of any engine to a lake."),
    "ls": ("lake:ls", "Lists the workflows of a lake, and the steps taken from them."),
    "rm": ("lake:rm", "Removes workflows from a lake."),
}
HISTORY_COMMANDS = {
    "fetch": ("history:fetch", "Adds past runs to a history, from an engine or from files."),
    "show": ("history:show", "Shows what histories tell of: runs, attempts, and what is known of their use."),
}
QUEUE_COMMANDS = {
    "manifests": (
        "queue:manifests",
        "Writes Kueue's objects from a table of clusters, flavours, teams, quotas and weights.",
    ),
}
HIDDEN = ""
"""The help of commands that the help of their group leaves out."""
CACHE_COMMANDS = {
    "key": ("cache_results:key", "Prints the cache key of a program and its inputs."),
    "run": ("cache_run:command", "Runs a command, or restores its result from the store."),
    "restore": ("cache_results:restore", "Restores the outputs of a result, as files and folders."),
    "save": ("cache_results:save", "Stores files and folders as the outputs of a result."),
    "fetch": ("cache_results:fetch", "Downloads a file or folder, once per version."),
    "declare": ("cache_declare:command", "Proposes rows for couler.toml that declare steps pure."),
    "ls": ("cache_entries:ls", "Lists the stored results, the newest first."),
    "show": ("cache_entries:show", "Shows who made a result, its outputs, and what was read."),
    "stats": ("cache_entries:stats", "Shows the size and the capacity of the cache."),
    "report": ("cache_report:command", "Shows what the cache saved, by workflow and step."),
    "verify": ("cache_entries:verify", "Compares all stored results with their checksums."),
    "rm": ("cache_removal:command", "Removes results, by their keys or by the step that made them."),
    "evict": ("cache_evict:command", "Evicts the least valuable results until the rest fits."),
    "install": ("cache_install:command", "Writes the Kubernetes role that an engine needs to memoize."),
    "pod-fetch": ("cache_steps:pod_fetch", HIDDEN),
    "pod-restore": ("cache_steps:pod_restore", HIDDEN),
    "pod-save": ("cache_steps:pod_save", HIDDEN),
    "task-restore": ("cache_tasks:task_restore", HIDDEN),
    "task-save": ("cache_tasks:task_save", HIDDEN),
    "component-run": ("cache_components:component_run", HIDDEN),
    "component-program": ("cache_components:component_program", HIDDEN),
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds a command; says which one is nearly called so where there is none."""
        if args and args[0] not in self.table and (near := closest(args[0], self.table)):
            raise click.UsageError(f"No such command {args[0]!r}; {near}")
        return super().resolve_command(ctx, args)

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
    """Keeps your workflows as examples for `couler generate`."""


class HistoryGroup(CommandGroup):
    """The group that was a command of its own, whose arguments were workflows."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds a command; says how calls are spelled today where somebody names a workflow."""
        if args and args[0] not in self.table:
            raise click.UsageError(
                f"No such command {args[0]!r}. To fetch runs of a workflow: couler history fetch NAME."
            )
        return super().resolve_command(ctx, args)


@click.group(
    "history",
    cls=HistoryGroup,
    table=HISTORY_COMMANDS,
    epilog="""\b
Examples:
  couler history fetch --engine argo --from cluster --namespace ci -o history.jsonl
  couler history show history.jsonl
  couler explain workflows/ --history history.jsonl
""",
)
def history() -> None:
    """Keeps a history of past runs: what steps took, and what they used."""


@click.group(
    "queue",
    cls=CommandGroup,
    table=QUEUE_COMMANDS,
    epilog="""\b
Examples:
  couler queue manifests queues.toml -o kueue/
  couler optimize -p 'queue{name=vision}' workflow.yaml > queued.yaml
""",
)
def queue() -> None:
    """Makes the objects of Kueue, for fair queues with quotas."""


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
  3    the store failed; `fetch`: the data cannot be read, or is not as declared
  `run` exits with what its command exits with.
""",
)
def cache() -> None:
    """Keeps results of steps in a store, and reuses them."""
