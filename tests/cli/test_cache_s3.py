"""`couler cache` against an S3 server: processes that share nothing but the store, and data that is fetched from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache, start
from servers.s3 import KEY as USER
from servers.s3 import SECRET, s3_server

pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def access(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of processes that may use a bucket of their own."""
    import s3fs

    monkeypatch.chdir(tmp_path)
    bucket = f"bucket-{os.getpid()}-{abs(hash(tmp_path))}"
    files = s3fs.S3FileSystem(key=USER, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True)
    files.mkdir(bucket)
    (tmp_path / "data").write_text("1,2\n")
    files.put(str(tmp_path / "data"), f"{bucket}/in/data.csv")
    (tmp_path / "etag").write_text(files.info(f"{bucket}/in/data.csv")["ETag"])
    return {
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "COULER_CACHE_STORE": f"s3://{bucket}/cache",
    }


def test_what_one_saves_another_restores(access: Mapping[str, str]) -> None:
    Path("tree").mkdir()
    Path("tree/run").write_bytes(os.urandom(6 << 20))
    Path("tree/run").chmod(0o755)
    content = Path("tree/run").read_bytes()
    saved = cache("save", "--strict", KEY, "tree=tree", **access)
    assert (saved.returncode, saved.stderr) == (0, "")
    Path("tree").rename("before")
    restored = cache("restore", "--strict", KEY, "tree=tree", **access)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert Path("tree/run").read_bytes() == content
    assert Path("tree/run").stat().st_mode & 0o100
    listed = cache("ls", "-vv", **access)
    assert KEY in listed.stdout
    assert SECRET not in listed.stdout + listed.stderr


@pytest.mark.slow  # three processes that import an S3 client, on however few cores
def test_of_many_one_computes(access: Mapping[str, str]) -> None:
    command = ("sh", "-c", "sleep 3; echo ran >> log; echo one > a")
    arguments = ("run", "--wait", "60s", "--key", KEY, "--output", "a=a", "--", *command)
    processes = [start(*arguments, **access) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert Path("log").read_text() == "ran\n"


def test_data_is_fetched_by_its_etag(access: Mapping[str, str]) -> None:
    url = access["COULER_CACHE_STORE"].replace("/cache", "/in/data.csv")
    etag = Path("etag").read_text()
    fetched = cache("fetch", url, "--etag", etag, "-o", "data.csv", **access)
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert Path("data.csv").read_text() == "1,2\n"
    other = cache("fetch", url, "--etag", "0" * 32, "-o", "other.csv", **access)
    assert other.returncode == 3
    assert etag.strip('"') in other.stderr
    assert not Path("other.csv").exists()
    table = cache("fetch", url.removesuffix("/data.csv"), "--version", "1", "-o", "table", **access)
    assert (table.returncode, table.stderr) == (0, "")
    assert Path("table/data.csv").read_text() == "1,2\n"
    assert cache("fetch", url.removesuffix("/data.csv"), "--sha256", "0" * 64, "-o", "no", **access).returncode == 3
