"""Reads and writes of pyarrow, whose compiled code opens files without an event: its own functions tell the paths.

What it opens by a file system, a URI or a memory map of its own is not followed. `is_followed` says which names are.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads.events import absolute_path
from couler_plugins.caching.reads.recorder import Recorder

OLDEST = 15  # the first version whose classes are those that all reading goes through
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

IN_MEMORY = (
    r"null|bool_|u?int\d+|float\d+|time(?:32|64)|timestamp|date(?:32|64)|duration|month_day_nano_interval|(?:large_)?"
    r"(?:binary|string|utf8|list)(?:_view)?|list_|map_|struct|(?:sparse_|dense_)?union|dictionary|run_end_encoded"
    r"|decimal\d+|field|schema|unify_schemas|array|chunked_array|record_batch|nulls|repeat|scalar|NA|NULL|table|arange"
    r"|concat_(?:arrays|tables|batches)|py_buffer|infer_type|type_for_alias|from_numpy_dtype|KeyValueMetadata|Field"
    r"|Schema|Table|TableGroupBy|RecordBatch|RecordBatchReader|Buffer|BufferReader|BufferOutputStream|DataType|Scalar"
    r"|\w*Array|\w+Scalar|\w+Type|Arrow\w+|_reconstruct_\w+|_restore_array"
)
FOLLOWED = re.compile(
    rf"pyarrow(?:\.(?:(?:lib\.)?(?:{IN_MEMORY})(?:\.(?!__dict__)\w+)*|types(?:\.(?!__dict__)\w+)*"
    r"|compute(?:\.(?!__dict__|random\b|call_function)\w+)*"
    r"|parquet(?:\.(?:core\.)?(?:read_table|read_pandas|ParquetFile|ParquetDataset|write_table|ParquetWriter"
    r"|write_to_dataset|filters_to_expression)|\.read_metadata|\.read_schema)?"
    r"|dataset(?:\.(?:dataset|write_dataset|partitioning|field|scalar|\w+Partitioning))?"
    r"|feather(?:\.(?:read_feather|read_table|write_feather))?"
    r"|csv(?:\.(?:read_csv|open_csv|write_csv|\w+Options))?|json(?:\.(?:read_json|open_json|\w+Options))?"
    r"|_(?:csv|json)\.\w+Options)(?:\.from_\w+)?)?"
)
"""Names that open nothing, or whose calls are told here. A function that is held under another name, such as in a
`partial`, says where it is from: `pyarrow._csv.read_csv` is none of these, as what holds it does not hold ours."""


@functools.lru_cache(1 << 12)
def is_followed(dotted: str) -> bool:
    """Tell whether an observer learns of all files that something in pyarrow opens.

    Args:
        dotted: its full name, with the module by which code names it.
    """
    from importlib import metadata  # it takes a step longer to load than all of an observer

    if not FOLLOWED.fullmatch(dotted):
        return False
    try:
        return int(metadata.version("pyarrow").partition(".")[0]) >= OLDEST
    except (metadata.PackageNotFoundError, ValueError):
        return False


def _paths(recorder: Recorder, source: Any, filesystem: Any = None) -> Iterator[str]:
    """Give the absolute paths in what a function was given; what was opened before has been told then."""
    if filesystem is not None and type(filesystem).__name__ != "LocalFileSystem":
        recorder.fail(f"it reads or writes by a {type(filesystem).__name__} of pyarrow")
    for one in source if isinstance(source, (list, tuple)) else (source,):
        if not isinstance(one, str) and not hasattr(one, "__fspath__"):
            continue
        path = os.fspath(one)
        if URI.match(path):
            recorder.fail("pyarrow opens a URI")
        elif (name := absolute_path(recorder, path)) is not None:
            yield name


def _read(recorder: Recorder, source: Any, filesystem: Any = None) -> None:
    for path in _paths(recorder, source, filesystem):
        if not os.path.isdir(path):  # noqa: PTH112
            recorder.read(path)
            continue
        for folder, _, names in os.walk(path, followlinks=True):
            recorder.list(folder)
            for name in names:
                recorder.read(os.path.join(folder, name))  # noqa: PTH118
            if recorder.reason:
                break


def _write(recorder: Recorder, target: Any, filesystem: Any = None) -> None:
    for path in _paths(recorder, target, filesystem):
        recorder.write(path)


def _note_file(recorder: Recorder, frame: FrameType, outcome: None, reader: Any, source: Any, **more: Any) -> None:
    _read(recorder, source, more.get("filesystem"))


def _note_dataset(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    dataset: Any,
    path_or_paths: Any,
    filesystem: Any = None,
    *args: Any,
    **more: Any,
) -> None:
    _read(recorder, path_or_paths, filesystem)


def _note_source(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    source: Any,
    schema: Any = None,
    filesystem: Any = None,
    *args: Any,
    **more: Any,
) -> None:
    _read(recorder, source, filesystem)


def _note_footer(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    where: Any,
    memory_map: bool = False,
    decryption_properties: Any = None,
    filesystem: Any = None,
    **more: Any,
) -> None:
    _read(recorder, where, filesystem)


def _note_input(
    recorder: Recorder, frame: FrameType, outcome: None, *args: Any, input_file: Any = None, **more: Any
) -> None:
    _read(recorder, args[0] if args else input_file)


def _note_output(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    data: Any,
    output_file: Any,
    *args: Any,
    **more: Any,
) -> None:
    _write(recorder, output_file)


def _note_feather(recorder: Recorder, frame: FrameType, outcome: None, source: Any, *args: Any, **more: Any) -> None:
    _read(recorder, source)


def _note_writer(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    writer: Any,
    where: Any,
    schema: Any,
    filesystem: Any = None,
    *args: Any,
    **more: Any,
) -> None:
    _write(recorder, where, filesystem)


def _note_folder(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    data: Any,
    base_dir: Any,
    basename_template: Any,
    filesystem: Any,
    *args: Any,
) -> None:
    for path in _paths(recorder, base_dir, filesystem):
        real = recorder.rules.real(path)
        if os.path.lexists(real) and not recorder.rules.owns(real):
            recorder.fail(f"pyarrow adds files to {path}: remove the folder first")
        else:
            recorder.write(path, keeps=real not in recorder.cleared)


def _note_frame(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    engine: Any,
    df: Any,
    path: Any,
    *args: Any,
    partition_cols: Any = None,
    filesystem: Any = None,
    **more: Any,
) -> None:
    """Note a file that pandas has opened natively; a folder of parts is told by `_note_folder`."""
    if partition_cols is None and isinstance(path, (str, os.PathLike)):
        _write(recorder, os.path.expanduser(path), filesystem)  # noqa: PTH111


def _note_other_engine(recorder: Recorder, frame: FrameType, outcome: None, engine: Any) -> None:
    recorder.fail("pandas reads or writes by fastparquet")


CALLS: Final[tuple[tuple[str, str, Callable[..., None]], ...]] = (
    ("pandas.io.parquet", "PyArrowImpl.write", _note_frame),
    ("pandas.io.parquet", "FastParquetImpl.__init__", _note_other_engine),
    ("pyarrow.parquet.core", "ParquetFile.__init__", _note_file),
    ("pyarrow.parquet.core", "ParquetDataset.__init__", _note_dataset),
    ("pyarrow.parquet.core", "ParquetWriter.__init__", _note_writer),
    # These open the file by a file system, and hand on what they have opened.
    ("pyarrow.parquet", "read_metadata", _note_footer),
    ("pyarrow.parquet", "read_schema", _note_footer),
    ("pyarrow.dataset", "_filesystem_dataset", _note_source),
    ("pyarrow.dataset", "_filesystemdataset_write", _note_folder),
    ("pyarrow.feather", "_read_table_internal", _note_feather),
    ("pyarrow._feather", "write_feather", _note_output),
    ("pyarrow.csv", "read_csv", _note_input),
    ("pyarrow.csv", "open_csv", _note_input),
    ("pyarrow.csv", "write_csv", _note_output),
    ("pyarrow.json", "read_json", _note_input),
    ("pyarrow.json", "open_json", _note_input),
)
"""Modules, their functions or methods, and what notes a call, before it is done: they are looked at once loaded."""
