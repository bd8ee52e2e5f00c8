"""Past and present runs for `couler history fetch`: from Argo's server with its archive, or from the cluster.

Source: `server/workflowarchive/archived_workflow_server.go`, `server/workflow/workflow_server.go`. Lists of the archive
hold no nodes, and lists of the server may hold megabytes of them: what is wanted of a list is read one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_argo.codec import Mapped
from couler_argo.run.jobs import WORKFLOW
from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.net.json_api import JsonApi, Server, bearer, object_of, objects_in, refusals
from couler_plugins.runs.usage import time_of

CLUSTER, TOKEN = "cluster", "COULER_ARGO_TOKEN"
NAME, DOUBT = "Argo's API", "check that the URL is that of argo-server, and not of a proxy"
SERVER = Server(
    engine="argo",
    name=NAME,
    example="https://argo.example.com",
    suffix="/api/v1",
    credentials=f"set {TOKEN}",
    doubt=DOUBT,
    refusal=refusals(
        "argo",
        NAME,
        rights=f"set {TOKEN} to what `argo auth token` prints, of somebody who may list workflows; name a --namespace",
        missing="it is gone, or this is no argo-server",
        broken="see the log of argo-server",
        doubt=DOUBT,
    ),
)
PAGE, MOST = 100, 200_000
"""Entries of one page, and of a list at most."""
FIELDS = ",".join(
    f"items.{name}"
    for name in ("metadata", "status.phase", "status.startedAt", "status.finishedAt", "spec.workflowTemplateRef")
)
ARCHIVED = "workflows.argoproj.io/workflow-archiving-status"
TEMPLATE, CRON = "workflows.argoproj.io/workflow-template", "workflows.argoproj.io/cron-workflow"
RANDOM = re.compile(r"-(?:[a-z0-9]{5}|[0-9]{10})$")
"""What a generated name ends with, or that of a schedule's run."""


class ArgoArchive:
    """The facet of one Argo; see `couler_plugins.hookspecs.past_runs.Archive`.

    Args:
        source: the URL of its server, or `cluster`.
    """

    places = (CLUSTER,)

    def __init__(self, source: ArchiveSource) -> None:
        self._source = source

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The Workflows, one a document."""
        workflows = self._in_cluster(wanted) if self._source.place == CLUSTER else self._on_server(wanted)
        return ({"apiVersion": WORKFLOW.api_version, "kind": "Workflow", **workflow} for workflow in workflows)

    def _in_cluster(self, wanted: Wanted) -> Iterator[Mapped]:
        calls = Calls(self._source.context, {404: "is Argo Workflows installed there?"})
        namespace = self._source.namespace or calls.namespace
        for workflow in calls.labelled(WORKFLOW, "Workflow", namespace, ""):
            if workflow["metadata"].get("uid") not in wanted.uids:
                yield workflow

    def _on_server(self, wanted: Wanted) -> Iterator[Mapped]:
        api = JsonApi(SERVER, self._source.place, self._source.max_bytes, bearer(TOKEN, "argo"))

        def ask(*path: str, **query: Any) -> Mapped:
            return dict(object_of(api.get(*path, **query), SERVER))

        counts: Counter[str] = Counter()
        for listed in _listed(ask, self._source.namespace, wanted):
            metadata, status = listed["metadata"], listed.get("status") or {}
            family, uid, ended = _family(listed), str(metadata["uid"]), time_of(status.get("finishedAt"))
            if not (wanted.is_meant(family) or metadata["name"] in wanted.workflows):
                continue
            counts[family] += 1
            if uid in wanted.uids or (ended is not None and ended < wanted.since_of(family)):
                continue
            if counts[family] <= wanted.count(family):
                yield from _whole(ask, metadata, uid)


def _listed(ask: Any, namespace: str, wanted: Wanted) -> list[Mapped]:
    """What the server and its archive have, without nodes, once each, the newest first."""
    entries: dict[str, Mapped] = {}
    place = {"listOptions.fieldSelector": f"metadata.namespace={namespace}"} if namespace else {}
    for path, query in (
        (("workflows", namespace), {"fields": f"metadata,{FIELDS}"}),
        (("archived-workflows",), place),
    ):
        following = ""
        for _ in range(MOST // PAGE):
            more = {"listOptions.continue": following} if following else {}
            answer = ask(*path, **{"listOptions.limit": PAGE, **query, **more})
            items = [dict(item) for item in objects_in(answer, "items", SERVER, sparse=True)]
            for item in items:
                metadata = object_of(item.get("metadata"), SERVER)
                if not all(isinstance(metadata.get(name), str) for name in ("name", "namespace", "uid")):
                    raise EngineError(f"{NAME} answers without names", engine="argo", hint=DOUBT)
                entries.setdefault(metadata["uid"], item)
            following = str(object_of(answer.get("metadata") or {}, SERVER).get("continue") or "")
            if path[0] == "workflows":  # the server's own list goes on into the archive, which has a list of its own
                is_enough = all(_is_archived(item["metadata"]) for item in items)
            else:  # the newest come first
                is_enough = all(_is_old(item, wanted) for item in items)
            if not following or is_enough:
                break
        else:
            raise EngineError(f"a list of {NAME} has no end", engine="argo", hint=DOUBT)
    return sorted(entries.values(), key=lambda item: str((item.get("status") or {}).get("startedAt")), reverse=True)


def _whole(ask: Any, metadata: Mapped, uid: str) -> Iterator[Mapped]:
    """A workflow with its nodes, from the archive where it is there only; nothing where it is gone."""
    live = ("workflows", str(metadata["namespace"]), str(metadata["name"]))
    for path in (("archived-workflows", uid),) if _is_archived(metadata) else (live, ("archived-workflows", uid)):
        try:
            workflow = ask(*path)
        except InvalidInput as error:
            if not error.message.endswith(": 404"):
                raise
            continue
        if (workflow.get("metadata") or {}).get("uid") != uid:
            continue  # another one of this name by now
        yield workflow
        return


def _is_archived(metadata: Mapped) -> bool:
    return (metadata.get("labels") or {}).get(ARCHIVED) == "Persisted"


def _is_old(item: Mapped, wanted: Wanted) -> bool:
    ended = time_of((item.get("status") or {}).get("finishedAt"))
    return ended is not None and ended < wanted.earliest


def _family(item: Mapped) -> str:
    """What a workflow's runs are called, as far as a list tells that: the archive's has no `generateName`."""
    metadata = item["metadata"]
    labels, reference = metadata.get("labels") or {}, (item.get("spec") or {}).get("workflowTemplateRef") or {}
    generated = str(metadata.get("generateName") or "").rstrip("-.")
    named = reference.get("name") or labels.get(TEMPLATE) or labels.get(CRON) or generated
    return str(named or RANDOM.sub("", metadata["name"]))
