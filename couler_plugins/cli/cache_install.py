"""`couler cache install`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from couler_plugins.cli.cache_evict import command as evict
from couler_plugins.cli.eviction import evictor_of
from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.settings import with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.documents import dump_yaml
from couler_plugins.driver.results import join_documents
from couler_plugins.hookspecs.eviction import Schedule, Target
from couler_plugins.inputs.files import replace_file
from couler_plugins.net.redacting import redact
from couler_plugins.options.config import Config
from couler_plugins.plugins import POLICIES, Plugins

TAKEN = {
    "managed": "the workflow is told by --managed-namespace before the --",
    "engine": "it is the engine that the workflow is for",
    "namespaces": "the workflow looks at the results of one namespace: --namespace before the --",
    "all_namespaces": "the workflow looks at the results of one namespace",
    "context": "the workflow runs in the cluster that it looks at",
    "loop": "the workflow runs again and again by itself: --cron",
    "dry_run": "it would evict nothing, ever",
    "cache_store": "results of the engine are in no store",
    "cache_index": "results of the engine are in no store",
}
"""Options of `evict` that make no sense in the workflow, by their parameters."""


@click.command(
    "install",
    epilog="""\b
Examples:
  couler cache install --namespace argo
  couler cache install --namespace argo --image registry.example/couler:1.0 -- --capacity 30GB
  couler cache install -o evict.yaml --namespace argo --image registry.example/couler:1.0 \\
    --secret bucket-credentials -- --capacity 30GB --artifacts s3://bucket --grace 48h
""",
)
@click.argument("arguments", nargs=-1, metavar="[-- OPTIONS]...")
@click.option("--engine", default="argo", show_default=True, metavar="NAME", help="The engine.")
@click.option(
    "--namespace", required=True, metavar="NAME", help="The namespace of its controller, which keeps the results there."
)
@click.option("--account", default="argo", show_default=True, metavar="NAME", help="Its controller's service account.")
@click.option(
    "--managed-namespace",
    "managed",
    default="",
    metavar="NAME",
    help="The only namespace in which it runs workflows. Default: all.",
)
@click.option(
    "--image", default="", metavar="IMAGE", help="Also evict, with this image (couler with the extra `cluster`)."
)
@click.option("--cron", default="*/10 * * * *", show_default=True, metavar="TEXT", help="The schedule of the eviction.")
@click.option(
    "--secret", default="", metavar="NAME", help="A Secret whose entries become environment variables: AWS_…."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write. Default: stdout."
)
@with_settings
def command(
    *,
    config: Config,
    arguments: tuple[str, ...],
    engine: str,
    namespace: str,
    account: str,
    managed: str,
    image: str,
    cron: str,
    secret: str,
    output: Path | None,
) -> None:
    """Writes the Kubernetes role that an engine needs to memoize.

    With --image, also writes a CronWorkflow that evicts, with its account and roles. Options after `--` go to
    `couler cache evict`. Lists the permissions on stderr. Applies nothing: review the file, and apply it with
    kubectl.
    """
    if any(redact(argument) != argument for argument in arguments):
        raise click.UsageError("An argument holds credentials, which anybody could read in the workflow: use --secret.")

    if arguments and not image:
        raise click.UsageError("What follows the -- is for eviction, which needs --image.")
    plugins = usable_plugins(config)
    _check(arguments, plugins)
    evictor = evictor_of(plugins, engine, Target(namespaces=(namespace,)), "")
    schedule = Schedule(
        namespace=namespace,
        account=account,
        managed=managed,
        image=image,
        cron=cron,
        secret=secret,
        arguments=arguments,
    )
    documents = evictor.manifests(schedule)
    for line in _grants(documents):
        click.echo(line, err=True)
    text = join_documents(*map(dump_yaml, documents))
    if output is None:
        write_bytes(text)
    else:
        replace_file(output, text)


def _grants(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who is granted what by the roles among some documents, and where."""
    roles = {_place(item, item["metadata"]["name"]): item for item in documents if item["kind"].endswith("Role")}
    for binding in documents:
        if not binding["kind"].endswith("RoleBinding"):
            continue
        role = roles[_place(binding, binding["roleRef"]["name"])]
        where = binding["metadata"].get("namespace")
        for subject, rule in product(binding["subjects"], role["rules"]):
            resources = ", ".join(
                ".".join(filter(None, item)) for item in product(rule["resources"], rule["apiGroups"])
            )
            place = f"in {where}" if where else "in all namespaces"
            yield f"grants {subject['namespace']}/{subject['name']}: {', '.join(rule['verbs'])} {resources} {place}"


def _place(document: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    """Which role a document is, or binds."""
    return document["kind"].removesuffix("Binding"), document["metadata"].get("namespace", ""), name


def _check(arguments: tuple[str, ...], plugins: Plugins) -> None:
    """Reads what goes to `evict` as that would: a mistake in it would be found in the cluster only, in every round.

    Raises:
        click.UsageError: it would be refused, or makes no sense there.
        InvalidInput: the policy is not known.
    """
    ctx = evict.make_context("couler cache evict", [*arguments], help_option_names=[])
    for name, reason in TAKEN.items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(item.opts[0] for item in evict.params if item.name == name)
            raise click.UsageError(f"{option} cannot stand behind the --: {reason}.")
    artifacts = ctx.params["artifacts"]
    if artifacts and "://" not in artifacts:
        raise click.UsageError(f"--artifacts {artifacts} is nothing that a pod reaches: give a URL, s3://bucket.")
    plugins.parse(POLICIES, ctx.params["policy"])
