"""Our own corpus shows every feature that an adapter claims, and each of its files says what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from adapters.subjects import SUBJECTS, Subject, each_subject, lift_file
from conversions import plugins
from couler_plugins import Text, lift, optimize
from couler_plugins.ir import Workflow, nodes
from support import CORPUS, own_files

MOST_LINES = 260
UNSHOWN = {
    "airflow": {
        "Container.role",  # there is one container, the main one, which is the default
        "Retry.condition",  # which older versions of Airflow do not have
    },
    "argo": {"Operation.directives"},  # of what was cached and is not called any more: see test_directives
}
"""What is claimed, and can be seen in no document that is only lifted."""


def shown(workflows: Iterable[Workflow]) -> set[str]:
    """The features of the IR that workflows show: fields that hold something else than they do by default."""
    return {
        f"{type(node).__name__}.{field.name}"
        for node in nodes(tuple(workflows))
        for field in msgspec.structs.fields(type(node))
        if field.required or getattr(node, field.name) != field.default
    }


def as_cached(subject: Subject, path: Path) -> list[Workflow]:
    """The workflows of a file once `cache` went over them, and as they are lifted again: only they have directives."""
    result = optimize(str(path), "cache{via=memoize}", plugins=plugins())
    versions = [item.versions[-1] for item in result.workflow_versions]
    again = lift(Text(result.text, path.name), plugins=plugins()).workflows if subject.generates else ()
    return [*(version for version in versions if version is not None), *again]


@pytest.mark.parametrize("subject", each_subject())
def test_every_feature_that_is_claimed_is_in_a_document(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "memory://nowhere")
    features: set[str] = set()
    for path in own_files(subject.engine):
        features |= shown(lift_file(subject, path).workflows)
        if "couler" in path.read_text():
            features |= shown(as_cached(subject, path))
    claimed = {item.feature for item in subject.adapter.capabilities if item.support != "refused"}
    assert claimed - features == UNSHOWN.get(subject.engine, set())


@pytest.mark.parametrize(
    "path",
    [path for subject in SUBJECTS for path in own_files(subject.engine)],
    ids=lambda path: path.relative_to(CORPUS).as_posix(),
)
def test_a_file_is_short_and_says_what_it_is_about(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[0].endswith(".")
    assert len(lines) <= MOST_LINES
