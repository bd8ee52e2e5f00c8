"""Checks documents against the CRDs that cover them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from couler_plugins.documents import Document, Remark
from couler_plugins.engine_kit.crd.completion import completed
from couler_plugins.engine_kit.crd.crd import Schemas, Version
from couler_plugins.engine_kit.crd.lists import duplicates
from couler_plugins.engine_kit.crd.manifests import manifests
from couler_plugins.engine_kit.crd.names import name_problems
from couler_plugins.engine_kit.crd.problem import Problem
from couler_plugins.engine_kit.crd.rules import broken_rules
from couler_plugins.engine_kit.crd.structural import structural_check

__all__ = ["check", "covered"]

_Check = Callable[[Any], Iterator[Problem]]


def covered(document: Document, schemas: Schemas) -> bool:
    """Whether some CRD defines the kind of an object in the document."""
    return any(schemas.versions(data) for _, data in manifests(document.data))


def check(documents: Iterable[Document], schemas: Schemas) -> Iterator[Remark]:
    """What an API server with these CRDs would refuse; objects of other kinds are left alone.

    Raises:
        InvalidInput: a schema is none, or a package that is needed is not installed.
    """
    for number, document in enumerate(documents):
        for path, data in manifests(document.data):
            versions = schemas.versions(data)
            for problem in _problems(data, versions) if versions else ():
                place = (*path, *problem.path)
                yield Remark(number, place, problem.severity, problem.code, problem.message, problem.hint)


def _problems(data: dict[str, Any], versions: Mapping[str, Version]) -> Iterator[Problem]:
    name = str(data.get("apiVersion")).rpartition("/")[2]
    served = [version.name for version in versions.values() if version.served]
    if name not in served:
        message = f"{data.get('kind')} has no version {name!r}"
        yield Problem(("apiVersion",), "unknown-version", message, f"it is served as {', '.join(served) or 'nothing'}")
    else:
        yield from _check_of(versions[name])(data)


@lru_cache(maxsize=16)  # a large schema takes a fifth of a second to prepare; an engine has about that many kinds
def _check_of(version: Version) -> _Check:
    schema = version.schema()
    try:
        structural = structural_check(schema)
    except ValueError as error:
        raise version.wrong(error) from error

    def run(data: Any) -> Iterator[Problem]:
        data = completed(data, schema)
        misshapen = list(structural(data))
        yield from misshapen
        yield from name_problems(data)
        yield from duplicates(schema, data)
        # An API server does not even try its rules then: those that cannot be worked out may be good ones.
        yield from (problem for problem in broken_rules(schema, data) if problem.code == "rule" or not misshapen)

    return run
