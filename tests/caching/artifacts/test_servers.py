"""The servers behave as what they stand for, where the cache relies on it."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from servers.postgres import Postgres
from servers.s3 import s3_bucket, s3_files
from support import first_of

PART = 6 << 20


@pytest.mark.parametrize("size", first_of([1, 2 * PART]), ids=["whole", "in parts"])
def test_s3_creates_an_object_only_once(s3: str, size: int) -> None:
    files, name = s3_files(s3), s3_bucket(s3)
    files.pipe_file(f"{name}/object", b"1" * size, mode="create", chunksize=PART)
    with pytest.raises(FileExistsError):
        files.pipe_file(f"{name}/object", b"2" * size, mode="create", chunksize=PART)
    assert files.cat_file(f"{name}/object") == b"1" * size


@pytest.mark.slow
def test_s3_lets_one_of_many_writers_win(s3: str) -> None:
    files, name = s3_files(s3), s3_bucket(s3)
    won: list[int] = []

    def write(writer: int) -> None:
        for number in range(40):
            try:
                files.pipe_file(f"{name}/{number}", b"%d" % writer, mode="create")
            except FileExistsError:
                continue
            won.append(number)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Counter(won) == Counter(range(40))


def test_postgres_gives_databases_of_their_own(postgres: Postgres) -> None:
    import sqlalchemy

    first, second = (sqlalchemy.create_engine(postgres.database()) for _ in range(2))
    with first.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE only_here (x int)"))
    assert sqlalchemy.inspect(first).get_table_names() == ["only_here"]
    assert sqlalchemy.inspect(second).get_table_names() == []
    first.dispose()
    second.dispose()


def test_the_mock_of_alluxio_serves_what_alluxiofs_asks_for(alluxio: tuple[str, Path]) -> None:
    import fsspec

    hosts, folder = alluxio
    files = fsspec.filesystem("alluxio", worker_hosts=hosts, skip_instance_cache=True)
    place = folder.as_uri()
    files.write_bytes(f"{place}/a/b", b"0123456789")
    assert (folder / "a/b").read_bytes() == b"0123456789"
    assert files.cat_file(f"{place}/a/b", 2, 5) == b"234"
    assert [Path(info["name"]).name for info in files.ls(f"{place}/a", detail=True)] == ["b"]
    files.mv(f"{place}/a/b", f"{place}/a/c")
    files.rm(f"{place}/a/c")
    assert not files.exists(f"{place}/a/c")
    with pytest.raises(Exception, match="not under the mount point"):
        files.ls("file:///etc")
