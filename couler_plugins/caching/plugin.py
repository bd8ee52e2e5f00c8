"""What comes with caching, registered like anybody else's: policies, stores, past runs and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from couler_plugins.documents import Document
from couler_plugins.hookspecs import Profile, hookimpl
from couler_plugins.ir import Workflow
from couler_plugins.markers import listed
from couler_plugins.runs import Run

couler_cache_policies = listed("couler_plugins.caching.policies:POLICIES")
couler_artifact_stores = listed(
    "couler_plugins.caching.artifacts.alluxio_store:AlluxioStore",
    "couler_plugins.caching.artifacts.stores:FolderStore",
    "couler_plugins.caching.artifacts.fsspec_store:FsspecStore",
)


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs of histories, and of traces of WfFormat and Nextflow."""
    from couler_plugins.runs.history_format import runs_in_document

    return runs_in_document(document)


@hookimpl
def couler_profiles(workflow: Workflow, runs: Sequence[Run]) -> Mapping[str, Profile]:
    """Medians of the newest figures of past runs."""
    from couler_plugins.caching.profiles import profiles_of

    return profiles_of(workflow, runs)
