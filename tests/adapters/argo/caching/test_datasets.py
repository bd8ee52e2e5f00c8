"""Artifacts from outside of the workflow whose owner says which version they are: `couler.io/dataset.NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.argo.caching.small import Made, made, workflow
from couler_plugins.api import lint, optimize
from couler_plugins.options.config import Config, read_rows

TEMPLATE = """
- name: read
  metadata: {annotations: {couler.io/cache: pure, ANNOTATION}}
  inputs: {artifacts: [{name: data, path: /in, PLACE}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [read]}
"""
PLACES = ("s3: {key: data.csv}", "http: {url: 'https://example.org/data.csv'}", "git: {repo: r, revision: main}")


def document(annotation: str = 'couler.io/dataset.data: "7"', place: str = PLACES[0]) -> dict[str, Any]:
    template = TEMPLATE.replace("ANNOTATION", annotation).replace("PLACE", place)
    return workflow("- {name: a, template: read}\n- {name: b, template: read}\n", template)


def key(found: Made) -> str:
    text: str = found.memoized["read"]["key"]
    return text


@pytest.mark.parametrize("place", PLACES)
def test_what_has_a_version_is_cached(place: str) -> None:
    assert made(document('a: "1"', place)).rules["main/a"] == "unversioned-input"
    assert made(document(place=place)).rules["main/a"] == ""


def test_another_version_or_place_is_another_key() -> None:
    others = [document('couler.io/dataset.data: "8"'), document(place="s3: {key: other.csv}")]
    assert len({key(made(one)) for one in (document(), *others)}) == 3


@pytest.mark.parametrize("annotation", ['couler.io/dataset.other: "7"', 'couler.io/dataset.data: ""'])
def test_a_version_of_something_else_or_of_no_name_says_nothing(annotation: str) -> None:
    assert made(document(annotation)).rules["main/a"] == "unversioned-input"


def test_what_gives_access_is_still_refused() -> None:
    place = "s3: {key: data.csv, accessKeySecret: {name: s, key: k}}"
    assert made(document(place=place)).rules["main/a"] == "secret"


def test_what_a_call_passes_instead_has_no_version() -> None:
    given = document()
    task = given["spec"]["templates"][0]["dag"]["tasks"][0]
    task["arguments"] = {"artifacts": [{"name": "data", "s3": {"key": "other.csv"}}]}
    assert made(given).rules["main/a"] == "unversioned-input"


def test_a_version_that_changes_afterwards_is_found() -> None:
    found = made(document()).documents[0]
    template = next(item for item in found["spec"]["templates"] if item["name"] == "read")
    template["metadata"]["annotations"]["couler.io/dataset.data"] = "8"
    assert any("stale-key" in str(item) for item in lint([found]).findings)


def test_lint_knows_the_annotation() -> None:
    assert not lint([document()]).findings


ROWS = """
[[cache.declare]]
url = "https://example.org/data.csv"
version = "7"
[[cache.declare]]
url = "s3://b"
version = "1"
"""


def with_rows(given: dict[str, Any], tmp_path: Path, rows: str = ROWS) -> Any:
    file = tmp_path / "couler.toml"
    file.write_text(rows)
    return optimize([given], pipeline="cache{via=memoize}", config=Config(rows=read_rows(file)))


def test_a_row_of_the_settings_means_the_same_as_an_annotation(tmp_path: Path) -> None:
    def key_with(rows: str) -> str:
        (found,) = with_rows(document('a: "1"', PLACES[1]), tmp_path, rows).documents
        text: str = next(item for item in found["spec"]["templates"] if item["name"] == "read")["memoize"]["key"]
        return text

    annotated = key(made(document('a: "1", couler.io/dataset.data: "7"', PLACES[1])))
    assert key_with(ROWS) == annotated
    assert key_with(ROWS.replace("7", "8")) != annotated


def test_only_rows_that_a_key_covers_are_recorded(tmp_path: Path) -> None:
    (found,) = with_rows(document('a: "1"', PLACES[1]), tmp_path).documents
    text = found["metadata"]["annotations"]["couler.io/declared"]
    assert text == '[{"url":"https://example.org/data.csv","version":"7"}]'
    assert not lint([found]).findings
    found["metadata"]["annotations"]["couler.io/declared"] = text.replace("7", "8")
    assert any("stale-key" in str(item) for item in lint([found]).findings)
