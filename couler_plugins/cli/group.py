"""`couler` itself: finds its commands when they are called, and turns every error into a few lines and an exit code."""

from __future__ import annotations

import logging
import os
import sys

import click

from couler_plugins import __version__
from couler_plugins.cli.lazy import LazyGroup
from couler_plugins.cli.messages import say_error
from couler_plugins.errors import CoulerError, EngineError, one_line

__all__ = ["INTERNAL_ERROR", "couler"]

COMMANDS = (
    "optimize",
    "convert",
    "explain",
    "diff",
    "rollback",
    "lint",
    "graph",
    "run",
    "stop",
    "doctor",
    "history",
    "simulate",
    "tune",
    "generate",
    "lake",
    "cache",
    "plugins",
    "config",
    "demo",
)
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
BROKEN_PIPE = 141  # 128 + SIGPIPE: what a program that does not catch it exits with
INTERNAL_ERROR = 70  # EX_SOFTWARE
log = logging.getLogger(__name__)


class Couler(LazyGroup):
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
    modules={name: name for name in COMMANDS},
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
