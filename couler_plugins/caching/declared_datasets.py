"""Rows of the settings that declare datasets: `url` with a version, an etag or a sha256, whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from couler_plugins.caching.dataplane.datasets import ETAG, SHA, Dataset, place_of
from couler_plugins.errors import InvalidInput
from couler_plugins.options.rows import URL, Row

VERSIONS = ("version", "etag", "sha256")


def declared_dataset(rows: Sequence[Row], url: str) -> Dataset | None:
    """Return the dataset at a URL, as the first row declares it that names the URL or, with a version, a folder of it.

    Args:
        rows: the rows of the settings.
        url: where it is; one with a `..` in it may be anywhere, and one that only a run completes is not known yet.
    """
    if ".." in unquote(url).split("/") or "{{" in url:
        return None
    for row in rows:
        if URL in row.content and _names(row, url):
            return Dataset(url=url, **{name: str(row.content[name]) for name in VERSIONS if name in row.content})
    return None


def dataset_problems(row: Row) -> Iterator[str]:
    """Return what is wrong with what a row says of a URL, each as a sentence with its place."""
    if URL not in row.content:
        lost = {"etag", "sha256"} & row.content.keys()
        yield from (f"{row.place}: {name!r} needs a 'url'" for name in sorted(lost))
        return
    if row.patterns:
        yield f"{row.place}: 'url' is about a place, whoever reads it: put it into a row without {min(row.patterns)!r}"
    if others := sorted(row.content.keys() - {URL, *VERSIONS}):
        yield f"{row.place}: {others[0]!r} says nothing of a 'url': put it into a row of its own"
    url = row.content[URL]
    if isinstance(url, str) and not ("://" in url or url.startswith("/")):
        yield f"{row.place}: 'url' cannot be {url!r:.40}; write https://…, s3://BUCKET/KEY or an absolute path"
    if str(row.content.get("version", "")).startswith((ETAG, SHA)):
        yield f"{row.place}: a 'version' cannot begin so: write etag = … or sha256 = …"
    try:
        Dataset(url=str(url), **{name: str(row.content[name]) for name in VERSIONS if name in row.content})
    except InvalidInput as error:
        yield f"{row.place}: {error.message}"


def _names(row: Row, url: str) -> bool:
    place, declared = place_of(url), place_of(row.content[URL])
    return place == declared or ("version" in row.content and place.startswith(f"{declared.rstrip('/')}/"))
