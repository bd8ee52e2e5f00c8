"""Rows of the settings that say which version is at a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.caching.row_keys import check_rows, declared_dataset
from couler_plugins.caching.rows import recorded_rows
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import read_rows
from couler_plugins.options.rows import Row, matches

SHA256 = "0" * 64


def rows(tmp_path: Path, *texts: str) -> tuple[Row, ...]:
    file = tmp_path / "couler.toml"
    file.write_text("".join(f"[[cache.declare]]\n{text}\n" for text in texts))
    found = read_rows(file)["cache"]
    check_rows(found)
    return found


def label(found: tuple[Row, ...], url: str) -> str:
    dataset = declared_dataset(found, url)
    return "" if dataset is None else dataset.label


def test_the_first_row_counts_that_names_a_place_or_with_a_version_a_folder_of_it(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        'url = "s3://b/new/x.csv"\netag = "e"',
        'url = "s3://b/new"\nversion = "7"\nreason = "the owner says so"',
        f'url = "https://example.org/d"\nsha256 = "{SHA256}"',
        'url = "/data/"\nversion = 3',
    )
    assert label(found, "s3://b/new/x.csv") == "etag:e"
    assert label(found, "s3://b/new/y.csv") == label(found, "s3://b/new") == "7"
    assert label(found, "/data/x") == "3"
    assert label(found, "https://user:password@example.org/d") == f"sha256:{SHA256}"
    others = [
        "s3://b/new-2/x",
        "s3://b",
        "s3://b/new/../x",
        "s3://b/new/%2E%2e/x",
        "s3://b/new/{{x}}",
        "https://example.org/d/x",
        "x",
    ]
    assert {label(found, url) for url in others} == {""}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('url = "s3://b/x"', "either a version, an etag or a sha256"),
        ('url = "s3://b/x"\nversion = "1"\netag = "e"', "either a version, an etag or a sha256"),
        ('url = "s3://b/x"\nsha256 = "1"', "no sha256"),
        ('url = "s3://b/x"\nversion = "1"\ntask = "t"', "a row without 'task'"),
        ('url = "s3://b/x"\nversion = "1"\npure = true', "'pure' says nothing of a 'url'"),
        ('url = "x.csv"\nversion = "1"', "absolute path"),
        ('url = "s3://b/x"\nversion = "etag:1"', "write etag = …"),
        ('url = ["s3://b/x"]\nversion = "1"', "'url' cannot be"),
        ('task = "t"\netag = "1"', "'etag' needs a 'url'"),
    ],
)
def test_a_row_that_says_nothing_that_is_understood_is_refused(tmp_path: Path, row: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as refused:
        rows(tmp_path, row)
    assert "couler.toml:1: " in refused.value.message


def test_a_row_with_a_url_is_about_no_steps(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, 'url = "s3://b/x"\nversion = "7"')
    assert not any(matches(row, key, ["w"]) for key in ("step", "task", "image"))
    assert matches(row, "workflow", ["w"])


def test_it_is_read_from_a_document_as_well() -> None:
    assert label(recorded_rows('[{"url": "s3://b/x", "version": "7"}]'), "s3://b/x") == "7"
