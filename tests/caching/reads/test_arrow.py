"""Tables: pyarrow opens files in compiled code, and its own functions tell which."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.reads.arrow import CALLS, is_followed
from reads_observed import Observe, missed, recorded, written

pytestmark = pytest.mark.sampled

pa, pd, pc = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "pyarrow.csv"))
ds, pf, pj = (pytest.importorskip(f"pyarrow.{name}") for name in ("dataset", "feather", "json"))
pq = pytest.importorskip("pyarrow.parquet")

READERS: dict[str, Callable[[str], Any]] = {
    "x.parquet": lambda path: pd.read_parquet(path),
    "a.parquet": lambda path: pq.read_table(path),
    "b.parquet": lambda path: pq.read_table([path], filters=[("a", ">", 0)]),
    "c.parquet": lambda path: pq.ParquetFile(path).read(),
    "d.parquet": lambda path: pq.ParquetFile(Path(path), memory_map=True).read(),
    "e.parquet": lambda path: pq.ParquetDataset(path).read(),
    "f.parquet": lambda path: pq.read_metadata(path).num_rows,
    "g.parquet": lambda path: pq.read_schema(path),
    "h.parquet": lambda path: ds.dataset(path).to_table(filter=ds.field("a") > 0),
    "i.parquet": lambda path: pq.read_pandas(path),
    "a.csv": lambda path: pc.read_csv(path),
    "b.csv": lambda path: pc.open_csv(input_file=path).read_all(),
    "a.json": lambda path: pj.read_json(path),
    "a.feather": lambda path: pf.read_table(path),
    "b.feather": lambda path: pd.read_feather(path),
    "a.orc": lambda path: pd.read_orc(path),
}
WRITERS: dict[str, Callable[[str], Any]] = {
    "x.parquet": lambda path: pd.DataFrame({"a": [1]}).to_parquet(path),
    "a.parquet": lambda path: pq.write_table(pa.table({"a": [1]}), path),
    "b.parquet": lambda path: pq.ParquetWriter(Path(path), pa.schema([("a", pa.int64())])).close(),
    "a.csv": lambda path: pc.write_csv(pa.table({"a": [1]}), path),
    "a.feather": lambda path: pf.write_feather(pa.table({"a": [1]}), path),
    "b.feather": lambda path: pd.DataFrame({"a": [1]}).to_feather(path),
    "a.orc": lambda path: pd.DataFrame({"a": [1]}).to_orc(path),
}


def fill(path: Path, number: int) -> Path:
    frame = pd.DataFrame({"a": [number]})
    match path.suffix:
        case ".csv":
            frame.to_csv(path)
        case ".json":
            frame.to_json(path, orient="records", lines=True)
        case ".feather":
            frame.to_feather(path)
        case ".orc":
            frame.to_orc(path)
        case _:
            frame.to_parquet(path)
    return path


@pytest.mark.parametrize("name", READERS)
def test_a_table_is_its_content(name: str, data: Path, watch: Observe) -> None:
    path = fill(data / name, 1)
    with watch() as seen:
        READERS[name](str(path))
    assert ("file", str(path)) in recorded(seen)
    assert missed(seen) == ""
    fill(path, 2)
    assert missed(seen) == f"file {path}"


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_that_is_written_is_an_effect(name: str, data: Path, watch: Observe) -> None:
    with watch() as seen:
        WRITERS[name](str(data / name))
    assert written(seen) == [data / name]
    assert str(data / name) in seen.created


@pytest.mark.parametrize("read", [pd.read_parquet, pq.read_table, lambda path: ds.dataset(path).to_table()])
def test_a_folder_is_all_that_is_in_it(read: Callable[[Any], Any], data: Path, watch: Observe) -> None:
    folder = data / "parts"
    (folder / "day=1").mkdir(parents=True)
    first = fill(folder / "day=1" / "x.parquet", 1)
    with watch() as seen:
        read(str(folder))
    assert missed(seen) == ""
    fill(folder / "day=1" / "y.parquet", 2)
    assert missed(seen) == f"folder {folder / 'day=1'}"
    (folder / "day=1" / "y.parquet").unlink()
    (folder / "day=2").mkdir()
    assert missed(seen) == f"folder {folder}"
    (folder / "day=2").rmdir()
    fill(first, 2)
    assert missed(seen) == f"file {first}"


def test_a_folder_of_parts_is_written_where_there_is_none(data: Path, watch: Observe) -> None:
    folder, frame = data / "parts", pd.DataFrame({"a": [1], "day": [2]})
    with watch() as seen:
        frame.to_parquet(folder, partition_cols=["day"])
    assert written(seen) == [folder]
    assert recorded(seen) >= {("kind", str(folder))}
    with watch() as seen:
        frame.to_parquet(folder, partition_cols=["day"])
    assert seen.reason.startswith(f"pyarrow adds files to {folder}: remove the folder first ({__file__}:")
    with watch() as seen:
        shutil.rmtree(folder)
        frame.to_parquet(folder, partition_cols=["day"])
    assert seen.reason == ""
    shutil.rmtree(folder)
    with watch() as seen:
        shutil.rmtree(folder, ignore_errors=True)
        frame.to_parquet(folder, partition_cols=["day"])
    assert missed(seen) == ""  # the next one removes what this one has made


def test_what_is_missing_is_a_read(data: Path, watch: Observe) -> None:
    with watch() as seen, pytest.raises(FileNotFoundError):
        pq.read_table(data / "none")
    assert missed(seen) == ""
    fill(data / "none", 1)
    assert missed(seen) == f"kind {data / 'none'}"


@pytest.mark.parametrize(
    "read",
    [
        lambda path: pq.read_table(f"file://{path}"),
        lambda path: pq.read_table(path.name, filesystem=f"file://{path.parent}"),
        lambda path: ds.dataset([path.name], filesystem=f"file://{path.parent}"),
        lambda path: pq.write_table(pa.table({"a": [1]}), f"file://{path}"),
    ],
)
def test_what_cannot_be_told_is_not_kept(read: Callable[[Path], Any], data: Path, watch: Observe) -> None:
    path = fill(data / "x.parquet", 1)
    with watch() as seen:
        read(path)
    assert "pyarrow" in seen.reason


def test_handles_that_python_has_opened_are_told_once(data: Path, watch: Observe) -> None:
    path = fill(data / "x.parquet", 1)
    with watch() as seen:
        with path.open("rb") as stream:
            pq.read_table(stream)
        pq.read_table(pa.BufferReader(path.read_bytes()))
    assert ("file", str(path)) in recorded(seen)


def test_what_is_loaded_meanwhile_is_followed_and_let_go(data: Path) -> None:
    fill(data / "x.parquet", 1)
    source = f"""
import sys
from pathlib import Path
from couler_plugins.caching.reads import observe
with observe(temporary=[Path({str(data / "tmp")!r})]) as seen:
    import pandas, pyarrow.parquet
    from pyarrow.csv import read_csv
    pandas.read_parquet({str(data / "x.parquet")!r})
    read_csv({str(data / "x.csv")!r})
files = [Path(read.name) for read in seen.reads.reads if read.kind == "file"]
print(sorted(path.name for path in files if path.parent == Path({str(data)!r})))
print("LateFinder" in str(sys.meta_path))
print(type(pyarrow.parquet.ParquetFile.__init__).__name__, type(pyarrow.csv.read_csv).__name__)
"""
    told = subprocess.run(
        [sys.executable, "-c", source], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    assert told == "['x.csv', 'x.parquet']\nFalse\nfunction cython_function_or_method\n"


def test_all_functions_are_there(watch: Observe) -> None:
    with watch() as seen:
        pass
    assert seen.reason == ""
    assert {name.partition(".")[0] for name, *_ in CALLS} == {"pandas", "pyarrow"}


@pytest.mark.parametrize(
    "name",
    [
        *("pyarrow", "pyarrow.parquet", "pyarrow.parquet.read_table", "pyarrow.parquet.core.read_table"),
        *("pyarrow.table", "pyarrow.lib.schema", "pyarrow.Table.from_pandas", "pyarrow.compute.sum", "pyarrow.csv"),
        *("pyarrow.int64", "pyarrow.ArrowInvalid", "pyarrow.dataset.field", "pyarrow.parquet.ParquetFile"),
    ],
)
def test_names_that_are_followed(name: str) -> None:
    assert is_followed(name)


@pytest.mark.parametrize(
    "name",
    [
        *("pyarrow.memory_map", "pyarrow.OSFile", "pyarrow.fs", "pyarrow.fs.LocalFileSystem", "pyarrow.__dict__"),
        *("pyarrow._csv.read_csv", "pyarrow.csv.CSVWriter", "pyarrow.parquet.__dict__", "pyarrow.compute.random"),
        *("pyarrow.parquet.core.read_metadata", "pyarrow.parquet.write_metadata", "pyarrow.ipc.open_file"),
        *("pyarrow.RecordBatchFileReader", "pyarrow.input_stream", "duckdb.read_csv", "pyarrow.orc.ORCFile"),
    ],
)
def test_names_that_are_not(name: str) -> None:
    assert not is_followed(name)
