"""What is recorded of everything that code can read, and what a change of it does."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import glob
import importlib.resources
import importlib.util
import io
import json
import linecache
import mmap
import os
import pkgutil
import shutil
import sqlite3
import sys
import tarfile
import threading
import tomllib
import traceback
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from couler_plugins.caching.reads import Facts
from reads_observed import Observe, missed, recorded

pytestmark = pytest.mark.sampled


def rewrite(path: Path, content: bytes = b"other") -> None:
    path.write_bytes(content)


def pandas_csv(path: Path) -> Any:
    return pytest.importorskip("pandas").read_csv(path)


def dotenv(path: Path) -> Any:
    return pytest.importorskip("dotenv").dotenv_values(path)


def config(path: Path) -> None:
    reader = configparser.ConfigParser(strict=False)
    with pytest.raises(configparser.Error):
        reader.read(path)


def by_mmap(path: Path) -> bytes:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return bytes(view)


def by_descriptor(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 10)
    finally:
        os.close(descriptor)


def by_folder_descriptor(path: Path) -> bytes:
    folder = os.open(path.parent, os.O_RDONLY)
    descriptor = os.open(path.name, os.O_RDONLY, dir_fd=folder)
    os.close(folder)
    with open(descriptor, "rb") as stream:
        return stream.read()


READERS: dict[str, Callable[[Path], Any]] = {
    "open": lambda path: open(path).read(),
    "open bytes name": lambda path: open(os.fsencode(path)).read(),
    "io.FileIO": lambda path: io.FileIO(str(path)).read(),
    "io.open_code": lambda path: io.open_code(str(path)).read(),
    "os.open": by_descriptor,
    "os.open dir_fd": by_folder_descriptor,
    "pathlib": lambda path: path.read_bytes(),
    "json": lambda path: pytest.raises(ValueError, json.load, path.open()),
    "tomllib": lambda path: pytest.raises(ValueError, tomllib.load, path.open("rb")),
    "configparser": config,
    "ElementTree": lambda path: pytest.raises(ET.ParseError, ET.parse, path),
    "linecache": lambda path: linecache.getline(str(path), 1),
    "mmap": by_mmap,
    "loadtxt": lambda path: np.loadtxt(path, delimiter=",", skiprows=1),
    "genfromtxt": lambda path: np.genfromtxt(path, delimiter=","),
    "fromfile": lambda path: np.fromfile(path, dtype="u1"),
    "memmap": lambda path: np.memmap(path, dtype="u1", mode="r").sum(),
    "pandas.read_csv": pandas_csv,
    "dotenv": dotenv,
    "shutil.copy": lambda path: shutil.copy(path, path.parent.parent / "scratch"),
    "shutil.copyfile": lambda path: shutil.copyfile(path, path.parent.parent / "scratch" / "copy"),
    "thread": lambda path: in_thread(path.read_text),
    "importlib.resources": lambda path: importlib.resources.as_file(path).__enter__().read_text(),
    "asyncio thread": lambda path: asyncio.run(asyncio.to_thread(path.read_text)),
    "fileinput": lambda path: list(__import__("fileinput").input(path)),
}


def in_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", READERS)
def test_a_file_is_its_content(name: str, data: Path, watch: Observe) -> None:
    path = data / "x.csv"
    with watch() as seen:
        READERS[name](path)
    assert ("file", str(path)) in recorded(seen)
    assert missed(seen) == ""
    content = path.read_bytes()
    rewrite(path, b"a,b\n1,3\n")
    assert missed(seen) == f"file {path}" or "stat" in missed(seen)
    if name != "linecache":
        rewrite(path, content)  # putting an edited file back is a hit again
        assert missed(seen) == ""
    path.unlink()
    assert missed(seen) != ""


def test_containers_of_files(data: Path, watch: Observe) -> None:
    archive, tar, array, package = data / "a.zip", data / "a.tar", data / "a.npy", data / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "c.txt").write_text("c")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a", "b")
    with tarfile.open(tar, "w") as other:
        other.add(data / "x.csv")
    np.save(array, np.arange(3))
    database = data / "a.db"
    connection = sqlite3.connect(database)
    connection.execute("create table t (x)")
    connection.close()
    sys.path.insert(0, str(data))
    try:
        with watch() as seen:
            zipfile.ZipFile(archive).close()
            tarfile.open(tar).close()
            np.load(array)
            pkgutil.get_data("package", "c.txt")
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            connection.execute("select * from t").fetchall()
            connection.close()
    finally:
        sys.path.remove(str(data))
        del sys.modules["package"]
    files = {name for kind, name in recorded(seen) if kind == "file"}
    assert files >= {str(path) for path in (archive, tar, array, database, package / "c.txt", package / "__init__.py")}
    connection = sqlite3.connect(database)
    connection.execute("insert into t values (1)")
    connection.commit()
    connection.close()
    assert missed(seen) == f"file {database}"


@pytest.mark.parametrize(
    "take",
    [
        lambda name: os.environ[name],
        lambda name: os.environ.get(name),
        lambda name: name in os.environ,
        lambda name: os.getenv(name),
        lambda name: os.environb[name.encode()],
        lambda name: os.environ.copy()[name],
        lambda name: dict(os.environ)[name],
        lambda name: {**os.environ}[name],
        lambda name: [value for key, value in os.environ.items() if key == name],
        lambda name: os.environ.setdefault(name, ""),
        lambda name: os.path.expandvars(f"${name}"),
        lambda name: type("Settings", (), {"region": os.environ[name]}),
        lambda name: repr(os.environ),
        lambda name: os.environ | {},
        lambda name: os.environ == {},
    ],
)
def test_variables(take: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.setenv("REGION", "secret-eu")
    with watch() as seen:
        take("REGION")
    assert ("variable", "REGION") in recorded(seen)
    assert "secret-eu" not in repr(seen.reads)
    assert missed(seen) == ""
    monkeypatch.setenv("REGION", "us")
    assert missed(seen) == "variable REGION"
    monkeypatch.delenv("REGION")
    assert missed(seen) == "variable REGION"


def test_absence_of_a_variable(monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.delenv("REGION", raising=False)
    with watch() as seen:
        os.environ.get("REGION")
    monkeypatch.setenv("REGION", "")
    assert missed(seen) == "variable REGION"


@pytest.mark.parametrize(
    ("name", "prefix", "look"),
    [
        ("networkx.utils.backends", "NETWORKX_", lambda module: module._set_configs_from_environment()),
        ("fsspec.config", "FSSPEC", lambda module: module.set_conf_env({})),
        ("tqdm.utils", "TQDM_", lambda module: module.envwrap("TQDM")(len)),
    ],
)
def test_variables_that_a_library_takes_by_a_prefix(
    name: str, prefix: str, look: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch, watch: Observe
) -> None:
    module = pytest.importorskip(name)
    monkeypatch.setenv(f"{prefix}_a_b", "{}")
    with watch() as seen:
        look(module)
    assert {key for kind, key in recorded(seen) if kind == "variables"} == {prefix}
    assert {key for kind, key in recorded(seen) if kind == "variable"} >= {f"{prefix}_a_b"}
    monkeypatch.setenv("OF_A_RUN", "1")
    assert missed(seen) == ""
    monkeypatch.setenv(f"{prefix}_c_d", "{}")
    assert missed(seen) == f"variables {prefix}"
    monkeypatch.delenv(f"{prefix}_c_d")
    monkeypatch.setenv(f"{prefix}_a_b", "1")
    assert missed(seen) == f"variable {prefix}_a_b"


def test_names_of_variables(monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    with watch() as seen:
        list(os.environ)
    monkeypatch.setenv("ONE_MORE", "")
    assert missed(seen) == "variables"


def test_variables_that_the_code_sets(monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.setenv("MINE", "0")
    with watch() as seen:
        os.environ["MINE"] = "1"
        assert os.environ["MINE"] == "1"
    assert recorded(seen) == set()


LOOKS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "exists": (os.path.exists, "kind"),
    "lexists": (os.path.lexists, "lkind"),
    "isfile": (os.path.isfile, "kind"),
    "isdir": (os.path.isdir, "kind"),
    "islink": (os.path.islink, "lkind"),
    "getsize": (os.path.getsize, "size"),
    "getmtime": (os.path.getmtime, "stat"),
    "stat": (lambda path: os.stat(path), "stat"),
    "lstat": (lambda path: os.lstat(path), "lstat"),
    "access": (lambda path: os.access(path, os.R_OK), "access"),
    "Path.exists": (Path.exists, "kind"),
    "Path.is_file": (Path.is_file, "kind"),
    "Path.is_dir": (Path.is_dir, "kind"),
    "Path.is_symlink": (Path.is_symlink, "lkind"),
    "Path.stat": (Path.stat, "stat"),
    "Path.lstat": (Path.lstat, "lstat"),
    "Path.resolve": (Path.resolve, "lkind"),
    "fstat": (lambda path: with_descriptor(path, os.fstat), "stat"),
    "scandir stat": (lambda path: [entry.stat() for entry in os.scandir(path.parent)], "stat"),
}


def with_descriptor(path: Path, look: Callable[[int], Any]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    look(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("name", LOOKS)
def test_status(name: str, data: Path, watch: Observe) -> None:
    look, kind = LOOKS[name]
    path = data / "x.csv"
    with watch() as seen:
        look(path)
    assert (kind, str(path)) in recorded(seen)
    assert missed(seen) == ""
    if name not in ("fstat", "scandir stat"):
        os.utime(path, (1, 1))
        assert (missed(seen) != "") == (kind in ("stat", "lstat"))
        path.write_text("a longer one than before")
        assert (missed(seen) != "") == (kind in ("size", "stat", "lstat"))
    path.unlink()
    path.mkdir()
    assert missed(seen) != ""


def test_existence(data: Path, watch: Observe) -> None:
    with watch() as seen:
        assert not (data / "y.csv").exists()
        assert not os.path.exists(data / "x.csv" / "y")
        pytest.raises(FileNotFoundError, open, data / "z.csv")
        pytest.raises(FileNotFoundError, os.stat, data / "s.csv")
    assert {read.value for read in seen.reads.reads} == {"absent"} if seen.reads else False
    (data / "z.csv").touch()
    assert missed(seen) == f"kind {data / 'z.csv'}"


@pytest.mark.parametrize(
    "look",
    [
        os.listdir,
        lambda folder: list(os.scandir(folder)),
        lambda folder: list(os.walk(folder)),
        lambda folder: list(os.fwalk(folder)),
        lambda folder: list(folder.iterdir()),
        lambda folder: list(folder.glob("*.csv")),
        lambda folder: list(folder.rglob("*.csv")),
        lambda folder: glob.glob(f"{folder}/*.csv"),
        lambda folder: with_descriptor(folder, os.listdir),
    ],
)
def test_folders(look: Callable[[Path], Any], data: Path, watch: Observe) -> None:
    with watch() as seen:
        look(data)
    assert ("folder", str(data)) in recorded(seen)
    assert ("stat", str(data / "x.csv")) not in recorded(seen)
    assert missed(seen) == ""
    rewrite(data / "x.csv")
    assert missed(seen) == ""
    (data / "y.csv").touch()
    assert missed(seen) == f"folder {data}"
    (data / "y.csv").unlink()
    assert missed(seen) == ""
    (data / "x.csv").unlink()
    (data / "x.csv").mkdir()
    assert missed(seen) == f"folder {data}"


def test_entries_stay_entries(data: Path, watch: Observe) -> None:
    with watch(), os.scandir(data) as entries:
        (entry,) = entries
        assert isinstance(entry, os.DirEntry)
        assert (entry.name, entry.is_file(), os.fspath(entry)) == ("x.csv", True, str(data / "x.csv"))


def test_links(data: Path, watch: Observe) -> None:
    (data / "y.csv").write_text("y")
    link = data / "link"
    link.symlink_to("x.csv")
    with watch() as seen:
        link.read_text()
    with watch() as said:
        os.readlink(link)
    assert recorded(said) == {("link", str(link))}
    rewrite(data / "x.csv")
    assert missed(seen) == f"file {link}"
    rewrite(data / "x.csv", b"a,b\n1,2\n")
    assert missed(seen) == ""
    link.unlink()
    link.symlink_to("y.csv")
    assert missed(seen) == f"file {link}"
    assert missed(said) == f"link {link}"
    link.unlink()
    link.symlink_to("nowhere")
    assert missed(seen) == f"file {link}"


def test_working_directory(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.chdir(data)
    for look in (
        lambda: os.getcwd(),
        lambda: os.getcwdb(),
        Path.cwd,
        Path("x.csv").absolute,
        Path("x.csv").read_text,
    ):
        with watch() as seen:
            look()
        monkeypatch.chdir(data.parent)
        assert missed(seen) == "directory"
        monkeypatch.chdir(data)
        assert missed(seen) == ""


def test_relative_paths_after_a_change_of_folder(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    (data / "a").mkdir()
    (data / "a" / "x.csv").write_text("1")
    monkeypatch.chdir(data)
    with watch() as seen:
        open("x.csv").close()
        os.chdir("a")
        open("x.csv").close()
    assert {("file", str(data / "x.csv")), ("file", str(data / "a" / "x.csv"))} <= recorded(seen)


def test_modules(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.syspath_prepend(str(data))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (data / "late_one.py").write_text("from late_two import X\n")
    (data / "late_two.py").write_text("X = 1\n")
    (data / "late_package").mkdir()
    (data / "late_package" / "__init__.py").touch()
    names = ["late_one", "late_two", "late_package"]
    with watch() as seen:
        pass
    for cached in (False, True):  # the second time, only bytecode is opened
        with watch() as seen:
            exec("import late_one, late_package")
        assert {("file", str(data / f"{name}.py")) for name in names[:2]} <= recorded(seen), cached
        assert seen.facts == Facts()  # folders of bytecode are no effects
        for name in names:
            del sys.modules[name]
    rewrite(data / "late_two.py", b"X = 2\n")
    assert missed(seen) == f"file {data / 'late_two.py'}"


def test_modules_that_there_are_not(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.syspath_prepend(str(data))
    (data / "late_package").mkdir()
    (data / "late_package" / "__init__.py").touch()
    with watch() as seen:
        with pytest.raises(ImportError):
            exec("import couler_is_not_here")
        with pytest.raises(ImportError):
            exec("from late_package import local_settings")
    del sys.modules["late_package"]
    local = data / "late_package" / "local_settings.py"
    assert {("module", "couler_is_not_here"), ("kind", str(local))} <= recorded(seen)
    local.touch()
    assert missed(seen) == f"kind {local}"
    local.unlink()
    (data / "couler_is_not_here.py").touch()
    assert missed(seen) == "module couler_is_not_here"


def test_databases_that_are_attached(data: Path, watch: Observe) -> None:
    for name in ("a.db", "b.db"):
        with contextlib.closing(sqlite3.connect(data / name)) as connection:
            connection.execute("create table t (x)")
    with watch() as seen, contextlib.closing(sqlite3.connect(data / "a.db")) as connection:
        connection.execute(f"attach '{data}/b.db' as b")
        connection.execute("attach '' as c")
        assert connection.execute("select * from b.t").fetchall() == []
    assert ("file", str(data / "b.db")) in recorded(seen)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("attach ? as b", (str(data / "b.db"),))  # nobody observes
    with watch() as seen, contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("attach ? as b", (str(data / "b.db"),))
    assert "attaches a database by a parameter" in seen.reason


def test_modules_in_folders_that_are_searched_first(data: Path, watch: Observe) -> None:
    for name in ("first", "second"):
        (data / name).mkdir()
    (data / "second" / "late_three.py").touch()
    source = f"import sys\nsys.path[:0] = [{str(data / 'first')!r}, {str(data / 'second')!r}]\n"
    end = "\ndel sys.path[:2]"  # the folders count as they were
    with watch() as seen:
        exec(f"{source}import late_three{end}")
    del sys.modules["late_three"]
    assert missed(seen) == ""
    (data / "first" / "late_three.py").touch()
    assert missed(seen) == f"kind {data / 'first' / 'late_three.py'}"
    with watch() as seen:
        exec(f"{source}try: import late_four\nexcept ImportError: pass{end}")
    (data / "second" / "late_four.py").touch()
    assert missed(seen) == f"kind {data / 'second' / 'late_four.py'}"


def test_modules_that_are_found_and_not_loaded(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.syspath_prepend(str(data))
    module = data / "late_five.py"
    module.touch()
    with watch() as seen:
        assert importlib.util.find_spec("late_five") is not None
    module.unlink()
    assert missed(seen) == f"kind {module}"


def test_what_the_kernel_tells_a_library_while_it_is_loaded(
    data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe
) -> None:
    folder = data / "site-packages"
    folder.mkdir()
    (folder / "late_six.py").write_text("import os; os.path.exists('/proc/self/io'); open('/proc/stat').close()\n")
    monkeypatch.syspath_prepend(str(folder))
    with watch() as seen:
        exec("import late_six")
    del sys.modules["late_six"]
    assert not {name for _, name in recorded(seen) if name.startswith("/proc")}
    with watch() as seen:
        os.path.exists("/proc/self/io")
    assert ("kind", "/proc/self/io") in recorded(seen)


def test_libraries_are_no_reads(watch: Observe) -> None:
    with watch() as seen:
        Path(json.__file__).read_text()
        Path(np.__file__).read_text()
        os.path.getmtime(np.__file__)
        os.listdir(Path(np.__file__).parent)
        Path(os.devnull).read_text()
    assert recorded(seen) == set()


def test_versions_of_distributions_are(watch: Observe) -> None:
    with watch() as seen:
        importlib.metadata.version("numpy")
    assert any(name.endswith(".dist-info/METADATA") for _, name in recorded(seen))


def test_lines_of_tracebacks_are_no_reads(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.syspath_prepend(str(data))
    (data / "late_failing.py").write_text("def fail(): 1 / 0\n")
    import late_failing  # type: ignore[import-not-found]

    linecache.clearcache()
    with watch() as seen:
        try:
            late_failing.fail()
        except ZeroDivisionError:
            assert "1 / 0" in traceback.format_exc()
    assert recorded(seen) == set()
    del sys.modules["late_failing"]
    with watch() as seen:
        Path(late_failing.__file__).read_text()
    assert ("file", late_failing.__file__) in recorded(seen)


def test_functions_by_other_names(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    monkeypatch.syspath_prepend(str(data))
    (data / "late_names.py").write_text("from os import stat, getcwd\nfrom os.path import exists\n")
    import late_names  # type: ignore[import-not-found]

    original = late_names.stat
    with watch() as seen:
        late_names.stat(data / "x.csv")
        late_names.getcwd()
        late_names.exists(data)
    assert recorded(seen) == {("stat", str(data / "x.csv")), ("directory", ""), ("kind", str(data))}
    assert late_names.stat is original
    del sys.modules["late_names"]


def test_pseudo_files(watch: Observe) -> None:
    with watch() as seen:
        Path("/proc/version").read_text()
    assert recorded(seen) == {("file", "/proc/version")}
    assert missed(seen) == ""


def test_a_folder_that_is_not_there_to_be_removed(data: Path, watch: Observe) -> None:
    with watch() as seen, contextlib.suppress(FileNotFoundError):
        shutil.rmtree(data / "gone")
    assert missed(seen) == ""
    with watch() as idle:
        shutil.rmtree(data / "gone", ignore_errors=True)
    with watch() as making:
        shutil.rmtree(data / "gone", ignore_errors=True)
        (data / "gone").mkdir()
    assert missed(seen) == missed(idle) == f"lkind {data / 'gone'}"
    assert missed(making) == "", "what is there was made by the code"
