"""`couler generate`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from couler_plugins.authoring.source import to_python
from couler_plugins.cli.generated import manifest, present
from couler_plugins.cli.lake import lake_option
from couler_plugins.cli.messages import log_retries
from couler_plugins.cli.settings import with_settings
from couler_plugins.cli.work import working
from couler_plugins.driver.conversion import target_of
from couler_plugins.errors import InvalidInput
from couler_plugins.generation.calibration import calibrate
from couler_plugins.generation.composition import ENGINE, compose
from couler_plugins.generation.flow import read_flow, written
from couler_plugins.generation.generation import Generated, generate
from couler_plugins.generation.generation_options import GenerationOptions
from couler_plugins.generation.lake import Library, items, library
from couler_plugins.generation.secrets import with_secrets
from couler_plugins.generation.validation import validate
from couler_plugins.inputs.files import replace_file
from couler_plugins.llm.access import ModelAccess
from couler_plugins.options.config import Config
from couler_plugins.plugins import STEPS

Function = Callable[..., Any]
NAMES = ("model", "url", "key_variable", "timeout", "calls", "tokens", "record", "replay")


def model_options(function: Function) -> Function:
    """Gives a command the options of a model, and calls it with them as `access`, as `ModelAccess` takes them."""

    @click.option("--model", default="", metavar="NAME", help="The name of the language model on its server.")
    @click.option(
        "--url", default="", metavar="URL", help="URL of a server with OpenAI's protocol: http://localhost:8000/v1."
    )
    @click.option(
        "--key-variable",
        default="OPENAI_API_KEY",
        show_default=True,
        metavar="NAME",
        help="The environment variable with the API key.",
    )
    @click.option(
        "--timeout", type=click.FloatRange(0.01, 86_400), default=120.0, help="Seconds to wait for one answer."
    )
    @click.option(
        "--calls",
        type=click.IntRange(0),
        default=20,
        show_default=True,
        help="Maximum number of requests to the model.",
    )
    @click.option(
        "--tokens", type=click.IntRange(0), help="Maximum number of tokens, of requests and answers together."
    )
    @click.option("--record", default="", metavar="FILE", help="Append all requests and answers to this file.")
    @click.option(
        "--replay", default="", metavar="FILE", help="Take the answers from a file of --record, without a model."
    )
    @functools.wraps(function)
    def wrapper(**arguments: Any) -> Any:
        access = {name: arguments.pop(name) for name in NAMES}
        return function(access=access, **arguments)

    return wrapper


@click.command(
    "generate",
    epilog="""\b
Examples:
  couler generate "Load the usage table, train a forest on it, publish it if its
    accuracy is above 0.9" --model qwen3 --url http://localhost:8000/v1 --to argo
  couler generate "…" --model gpt-5 --keep churn.json --record asked.jsonl
  couler generate --from churn.json --feedback "Try it again twice." \\
    --model gpt-5 --keep churn.json --to airflow -o dags/churn.py
  couler generate --from churn.json --format python > churn.py
  couler generate --from churn.json --to tekton --set store=s3://bucket/churn
  couler generate --from tell.json --to argo --secret SLACK_WEBHOOK_URL=slack/url
""",
)
@click.argument("description", default="")
@click.option("--to", metavar="ENGINE", help="The target engine, with options: argo{version=4.1}.")
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Change this workflow, which --keep has written.",
)
@click.option("--feedback", multiple=True, metavar="TEXT", help="With --from: what to change, in plain language.")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="Set an input: store=s3://bucket/x.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="[STEP:]VARIABLE=SECRET/KEY",
    help="Set a variable from a Secret, for all steps that read it or for one step.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the workflow to FILE, for --from of a later call.",
)
@lake_option
@click.option("--no-code", is_flag=True, help="Use only ready-made steps. The model may not write code or name images.")
@click.option(
    "--repairs",
    type=click.IntRange(0, 10),
    default=3,
    show_default=True,
    help="How often to ask again after an unusable answer.",
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 10),
    default=2,
    show_default=True,
    help="How many workflows to try until one reaches --threshold.",
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="The score at which to stop."
)
@click.option("--judge", is_flag=True, help="Let the model's own score decide between equal scores.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the model.")
@model_options
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="With --to: the file to write.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "mermaid", "python", "json"]),
    default="text",
    show_default=True,
)
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    description: str,
    start: Path | None,
    feedback: tuple[str, ...],
    values: tuple[str, ...],
    secrets: tuple[str, ...],
    keep: Path | None,
    lake: Path,
    access: dict[str, Any],
    no_code: bool,
    repairs: int,
    attempts: int,
    threshold: float,
    judge: bool,
    seed: int,
    output: Path | None,
    output_format: str,
) -> None:
    """Writes a workflow from a description in plain language.

    A language model combines ready-made steps: built-in ones, those of plugins, and those of your own workflows
    (`couler lake`). couler checks its answer, and asks again if the answer is unusable. It runs nothing, and reads
    only files that an option names. See docs/generate.md.

    Prints the engine's file with --to, otherwise the steps; with --format, a Mermaid picture, a program of the
    authoring API, or JSON. Prints notes on stderr. Exits with 1 if the engine's lint finds an error.
    """
    if bool(description) == (start is not None):
        raise click.UsageError("Give a description, or --from and a file, one of the two.")
    if feedback and start is None:
        raise click.UsageError("--feedback is on a workflow: give it by --from.")
    wanted = config.origin("to") == "flag"
    if output is not None and not wanted:
        raise click.UsageError("-o needs --to, which names the engine to write for.")
    if not all("=" in text for text in values):
        raise click.UsageError("--set takes NAME=VALUE.")
    log_retries()
    flow = read_flow(start) if start is not None else None
    request_text = flow.description if flow is not None else description
    said = (*flow.feedback, *feedback) if flow is not None else ()
    manner = GenerationOptions(
        repairs=repairs, attempts=attempts, threshold=threshold, code=not no_code, judge=judge, seed=seed
    )
    with working(config) as session:
        if wanted:
            target_of(session, ENGINE)  # before anybody is asked
        catalogue = library(session.plugins.all(STEPS), items(lake))
        if flow is not None and not feedback:
            generated = _as_it_is(flow.workflow, request_text, catalogue)
        else:
            generated = ask_model(
                access, request_text, said, catalogue, manner, flow.workflow if flow is not None else None
            )
        if keep is not None:  # whatever the engine says: it was asked for, and paid
            replace_file(keep, written(request_text, said, generated.form))
        generated = replace(generated, form=with_secrets(generated.form, generated.steps, secrets))
        workflow = compose(generated.form, generated.steps, dict(text.split("=", 1) for text in values))
        lowered = manifest(workflow, session) if wanted else None
        shown = to_python(workflow, session.plugins.all(STEPS).values()) if output_format == "python" else None
    ctx.exit(present(generated, workflow, lowered, output, output_format, shown))


def ask_model(
    access: dict[str, Any], description: str, feedback: tuple[str, ...], catalogue: Library, manner: Any, before: Any
) -> Generated:
    """Return what a model makes of a description.

    Raises:
        InvalidInput: no model is named, or its options make no sense.
        EngineError: it does not answer.
    """
    try:
        client = ModelAccess(**access).opened("generating workflows", "--model NAME --url http://localhost:8000/v1")
    except ValueError as error:
        raise InvalidInput(str(error)) from error
    return generate(client, description, catalogue, manner, before, feedback)


def _as_it_is(form: Any, description: str, catalogue: Library) -> Generated:
    """A workflow that was kept, for which nobody is asked.

    Raises:
        InvalidInput: the steps that it uses are not there any more, or are others.
    """
    if problems := validate(form, catalogue.steps):
        raise InvalidInput("; ".join(map(str, problems[:5])), hint="give --lake as it was, or --feedback")
    steps = {step.use: catalogue.steps[step.use] for step in form.steps if step.use in catalogue.steps}
    return Generated(form=form, steps=steps, calibration=calibrate(form, description, (), catalogue.steps))
