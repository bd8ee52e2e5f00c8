"""The artifact repository in a bucket: an S3 server, through the store that `--artifacts s3://…` opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from couler_argo.evict.artifacts import Repository
from couler_argo.memo_entries import Artifact
from couler_plugins.caching.artifacts.stores import open_store
from servers.s3 import KEY, SECRET, s3_server
from support import first_of

KEYS = ("w/w-fit-1/model.tgz", "w/w-fit-2/tree/a", "w/w-fit-2/tree/b/c", "w/w-fit-2/tree2", "precious")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as started:
        yield started


@pytest.mark.parametrize("folder", first_of(["", "argo/"]))
def test_artifacts_are_measured_and_deleted_in_a_bucket(endpoint: str, folder: str) -> None:
    import s3fs

    bucket = f"bucket-{len(folder)}"
    files: Any = s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True)
    files.mkdir(bucket)
    for key in KEYS:
        files.pipe_file(f"{bucket}/{folder}{key}", b"x" * 10)

    def there() -> set[str]:
        files.invalidate_cache()
        found = files.find(bucket)
        return {path.removeprefix(f"{bucket}/{folder}") for path in found if ".couler" not in path}

    url = f"s3://{KEY}:{SECRET}@{bucket}/{folder}?endpoint_url={endpoint}"
    repository = Repository(open_store(url), url)
    model = Artifact(f"{folder}w/w-fit-1/model.tgz", "", "w-fit-1", True)
    tree = Artifact(f"{folder}w/w-fit-2/tree", bucket, "w-fit-2", True)
    missing = Artifact(f"{folder}w/w-fit-3/x", "", "w-fit-3", True)
    elsewhere = Artifact(f"{folder}w/w-fit-1/model.tgz", "another", "w-fit-1", True)
    assert [repository.reaches(item) for item in (model, tree, missing, elsewhere)] == [True, True, True, False]
    assert repository.sizes([model, tree, missing, elsewhere]) == {model.key: 10, tree.key: 20}
    before = there()
    for item in (tree, missing, tree):
        repository.delete(item.key)
    assert there() == before - {"w/w-fit-2/tree/a", "w/w-fit-2/tree/b/c"}
    repository.delete(model.key)
    assert there() == before - {"w/w-fit-2/tree/a", "w/w-fit-2/tree/b/c", "w/w-fit-1/model.tgz"}
