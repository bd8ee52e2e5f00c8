"""`couler sql`."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import click
import msgspec

from couler_plugins.cli.generated import manifest, outline
from couler_plugins.cli.messages import counted, say, say_error, write_bytes
from couler_plugins.cli.outputs import names
from couler_plugins.cli.records import decision_record, finding_record, print_json
from couler_plugins.cli.settings import KeyValue, json_option, max_bytes_option, to_option, with_settings
from couler_plugins.cli.work import working
from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput, install_hint
from couler_plugins.generation.composition import compose
from couler_plugins.generation.secrets import missing, with_secrets
from couler_plugins.generation.validation import validate
from couler_plugins.inputs.files import replace_file
from couler_plugins.ir import replace
from couler_plugins.options.config import Config
from couler_plugins.plugins import STEPS
from couler_plugins.steps.containers import as_script

MOST_STEPS = 2_000
SECRET_NAME = re.compile("pass|pwd|secret|token|key|credential", re.IGNORECASE)
"""Names of what is secret in the query of a URL."""


@click.command(
    "sql",
    epilog="""\b
Examples:
  couler sql churn.sql
  couler sql churn.sql --to argo --secret DATABASE_URL=warehouse/url -o churn.yaml
  couler sql --dialect mysql churn.sql --to airflow
  couler sql churn.sql --scripts --database sqlite:///churn.db --store files --to argo -o churn.yaml
  echo 'SELECT * FROM t TO PREDICT p.y USING m' | couler sql --store s3://bucket/churn --to tekton
""",
)
@click.argument("file", required=False, default="-", metavar="[FILE|-]")
@to_option
@click.option("--dialect", default="", metavar="NAME", help="The dialect of the SQL: mysql, postgres, hive, sqlite …")
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="The database, as SQLAlchemy spells it. Default: the variable DATABASE_URL; see --secret.",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="[STEP:]VARIABLE=SECRET/KEY",
    help="Set a variable from a Secret, for all steps that read it or for one step.",
)
@click.option("--store", default="", metavar="PLACE", help="Where tables and models are kept: s3://bucket/folder.")
@click.option(
    "--model",
    "models",
    type=KeyValue(),
    multiple=True,
    metavar="NAME=PLACE",
    help="Where a model is that nothing here trains.",
)
@click.option(
    "--registry",
    default="",
    metavar="PLACE",
    help="Where models are published under their names. Default: the folder models of --store.",
)
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="A package that steps with a database install as well, such as its driver: pymysql.",
)
@click.option("--image", default="", metavar="IMAGE", help="The container image of all steps.")
@click.option("--installed", is_flag=True, help="The image has all packages: steps install nothing.")
@click.option(
    "--scripts", is_flag=True, help="Write steps as scripts, which `couler run --local` runs without containers."
)
@click.option("--name", default="", metavar="NAME", help="The workflow's name. Default: the file's.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="With --to: the file to write.")
@json_option
@max_bytes_option
@with_settings
@click.pass_context
def command(  # each is an option
    ctx: click.Context,
    *,
    config: Config,
    file: str,
    dialect: str,
    database: str,
    secrets: tuple[str, ...],
    store: str,
    models: tuple[tuple[str, str], ...],
    registry: str,
    packages: tuple[str, ...],
    image: str,
    installed: bool,
    scripts: bool,
    name: str,
    output: Path | None,
    output_format: str,
) -> None:
    """Makes a workflow of SQL statements that query, train, predict and evaluate.

    Reads the statements of SQLFlow: SELECT … TO TRAIN, TO PREDICT, TO EVALUATE, TO EXPLAIN, and plain SQL. Each
    becomes steps of the catalogue. A statement waits for those that make the tables and models it reads. See
    docs/sql.md.

    Prints the engine's file with --to, otherwise the steps. Exits with 1 if the engine's lint finds an error.
    """
    try:
        from couler_plugins.sql.program import Options, read_program
    except ImportError as error:
        raise InvalidInput(f"`couler sql` needs {error.name}", hint=install_hint("sql")) from error
    wanted = config.origin("to") == "flag"
    if output is not None and not wanted:
        raise click.UsageError("-o needs --to, which names the engine to write for.")
    _refuse_password(database)
    if scripts:
        database, store = _here(database, store)
    text, shown = _read(file, config.max_bytes)
    with working(config) as session:
        catalogue = session.plugins.all(STEPS)
        options = Options(
            database=database,
            store=store,
            registry=registry or (f"{store.rstrip('/')}/models" if store else ""),
            places=dict(models),
            packages=packages,
            common=({"image": image} if image else {}) | ({"packages": ()} if installed else {}),
            file=shown,
        )
        title = name or (Path(file).stem if file != "-" else "program")
        plan = read_program(text, title, catalogue, options, dialect=dialect, report=say_error)
        form = with_secrets(plan.form, catalogue, secrets)
        if problems := validate(form, catalogue, MOST_STEPS):
            raise InvalidInput("; ".join(map(str, problems[:3])), file=shown, hint="correct the statements")
        workflow = compose(form, catalogue)
        if scripts:
            workflow = replace(workflow, operations=tuple(map(as_script, workflow.operations)))
        lowered = manifest(workflow, session) if wanted else None
    readers = by_key((variable.name, step) for step, variable in missing(form, catalogue))
    for variable, steps in readers.items():
        verb = "needs" if len(steps) == 1 else "need"
        say(f"note: {names(steps)} {verb} {variable}: name its Secret with --secret {variable}=SECRET/KEY")
    if open_inputs := [port.name for port in workflow.parameters if port.value is None]:
        say(f"note: each run must give {names(open_inputs)}, unless you set --store")
    for note in plan.notes:
        say(f"note: {shown}:{note}")
    for line in (*lowered.decisions, *lowered.findings) if lowered is not None else ():
        say(str(line))
    if output is not None and lowered is not None:
        replace_file(output, lowered.text)
    if output_format == "json":
        record: dict[str, object] = {
            "workflow": msgspec.to_builtins(form),
            "statements": plan.statements,
            "notes": plan.notes,
        }
        if lowered is not None:
            record["manifest"] = lowered.text
            record["decisions"] = [decision_record(item) for item in lowered.decisions]
            record["findings"] = [finding_record(item) for item in lowered.findings]
        print_json("couler.sql/v0", record)
    elif lowered is None:
        write_bytes(outline(form))
    elif output is None:
        write_bytes(lowered.text)
    say(f"{counted(len(plan.statements), 'statement')}, {counted(len(form.steps), 'step')}")
    ctx.exit(int(any(item.severity == "error" for item in (lowered.findings if lowered is not None else ()))))


def _read(file: str, max_bytes: int) -> tuple[str, str]:
    """The text, and what messages call it."""
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise InvalidInput(f"it is larger than {max_bytes} bytes", file=file, hint="raise --max-bytes")
        return content.decode("utf-8-sig"), "<stdin>" if file == "-" else file
    except OSError as error:
        raise InvalidInput(
            f"it cannot be read: {error.strerror}", file=file, hint="give a file of statements"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("it is no text in UTF-8", file=file, hint="save it as UTF-8") from error


def _here(database: str, store: str) -> tuple[str, str]:
    """The database and the store as each step of a local run reaches them: steps start in folders of their own."""
    scheme, slashes, path = database.partition(":///")
    if scheme == "sqlite" and slashes and path:
        database = f"sqlite:///{Path(path).resolve()}"
    if store and "://" not in store:
        folder = Path(store).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        store = folder.as_uri()
    return database, store


def _refuse_password(database: str) -> None:
    """Refuse a password: the URL would stand in the workflow for everybody to read."""
    try:
        parts = urlsplit(database)
        has_password = parts.password is not None or any(SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query))
    except ValueError as error:
        raise InvalidInput("--database is no URL", hint="write one: postgresql+psycopg://user@host/name") from error
    if has_password:
        hint = "put the URL into a Secret, and give --secret DATABASE_URL=SECRET/KEY"
        raise InvalidInput("the URL of the database holds a password", hint=hint)
