"""Outputs at the place of an input artifact, or in one: what was there before is in the key, and a hit replaces it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.argo.wrapper.launching import launch

pytestmark = pytest.mark.sampled


@pytest.fixture
def source(shared: Path) -> Path:
    """An input artifact: a folder with something hidden, something deep and a program."""
    folder = shared.parent / "src"
    (folder / "app/deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("main")
    (folder / "app/chart.yaml").write_text("version: 1")
    (folder / "app/deep/run").write_text("#!/bin/sh")
    (folder / "app/deep/run").chmod(0o755)
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def run(shared: Path, outputs: list[str], script: str) -> tuple[int, str]:
    process = launch(shared, *outputs, "--", "sh", "-c", script)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def test_what_was_not_changed_is_part_of_the_result(shared: Path, source: Path) -> None:
    code, _ = run(shared, [f"a=@{source}"], f"echo 'version: 2' > '{source}/app/chart.yaml'")
    assert code == 0
    assert (shared / "done").exists()
    assert tree(shared / "kept/a") == tree(source)
    assert tree(source)["app/chart.yaml"] == "version: 2\n"
    assert (shared / "kept/a/app/deep/run").stat().st_mode & 0o100


def test_a_folder_in_it_is_kept_with_what_was_there(shared: Path, source: Path) -> None:
    code, stderr = run(shared, [f"a=+{source}/app"], "true")
    assert (code, stderr) == (0, "")
    assert tree(shared / "kept/a") == tree(source / "app")


def restored(shared: Path, name: str = "a") -> Path:
    folder = shared / "restored" / name
    (folder / "app").mkdir(parents=True)
    (folder / ".hidden").write_text("h")
    (folder / "app/chart.yaml").write_text("version: 2")
    (shared / "hit").touch()
    return folder


def test_a_hit_replaces_what_is_in_it_and_not_the_folder_itself(shared: Path, source: Path) -> None:
    wanted, before = tree(restored(shared)), source.stat().st_ino
    code, stderr = run(shared, [f"a=@{source}"], "exit 3")
    assert code == 0, stderr
    assert tree(source) == wanted
    assert sorted(path.name for path in source.iterdir()) == [".hidden", "app"]
    assert source.stat().st_ino == before


def test_a_hit_from_within_the_folder(shared: Path, source: Path) -> None:
    """The working directory of a step may be in its input artifact, and goes away under it."""
    wanted = tree(restored(shared))
    process = launch(shared, f"a=@{source}", "--", "false", cwd=source / "app")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert tree(source) == wanted


@pytest.mark.parametrize("order", [("b", "a"), ("a", "b")])
def test_a_hit_that_is_not_whole_leaves_the_input_as_it_was(order: tuple[str, str], shared: Path, source: Path) -> None:
    restored(shared)
    outputs = {"a": f"a=@{source}", "b": f"b={shared.parent / 'b'}"}
    before = tree(source)
    code, _ = run(shared, [outputs[name] for name in order], f"ls -A '{source}' > '{shared.parent}/seen'; exit 7")
    assert code == 7
    assert tree(source) == before
    assert (shared.parent / "seen").read_text().split() == [".git", "app"]


def failing(shared: Path, condition: str) -> None:
    """Has a program of the launcher fail where a shell's condition on its arguments holds."""
    real = shared / "busybox.real"
    (shared / "busybox").rename(real)
    (shared / "busybox").write_text(f'#!/bin/sh\nif {condition}; then exit 1; fi\nexec "${{0%/*}}/busybox.real" "$@"\n')
    (shared / "busybox").chmod(0o755)


@pytest.mark.parametrize(
    "condition",
    [
        'case "$*" in "mv "*app*/old) true;; *) false;; esac',  # on the way out
        'case "$*" in "mv "*/new/*) true;; *) false;; esac',  # on the way in
        '[ "$1" = cp ]',
        '[ "$1" = mkdir ]',
    ],
)
def test_a_hit_that_cannot_be_put_in_place_leaves_the_input_as_it_was(
    condition: str, shared: Path, source: Path
) -> None:
    restored(shared)
    before = tree(source)
    failing(shared, condition)
    code, _ = run(shared, [f"a=@{source}"], "exit 7")
    assert code == 7
    assert tree(source) == before
    assert sorted(path.name for path in source.iterdir()) == [".git", "app"]


def test_an_input_that_cannot_be_put_back_is_not_run_on(shared: Path, source: Path) -> None:
    restored(shared)
    failing(shared, 'case "$*" in "mv "*/new/*|"mv "*/old/*) true;; *) false;; esac')
    code, _ = run(shared, [f"a=@{source}"], "exit 7")
    assert code not in (0, 7)


def test_a_folder_of_our_name_in_an_input_is_left_alone(shared: Path, source: Path) -> None:
    restored(shared)
    (source / ".couler/old").mkdir(parents=True)
    (source / ".couler/old/x").write_text("x")
    before = tree(source)
    assert run(shared, [f"a=@{source}"], "exit 7")[0] == 7
    assert tree(source) == before


NOBODY = 65532
AS_NOBODY = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter: those of pytest are root's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    if not all(parent.stat().st_mode & 0o001 for parent in folder.parents):
        pytest.skip("the folder for temporary files is somebody's own")
    yield folder
    shutil.rmtree(folder)


def given_to_nobody(source: Path, shared: Path, public: Path) -> tuple[Path, Path]:
    """Returns an artifact as Argo unpacks it (its files may be written, its folders not), and what is shared."""
    unpacked, ours = shutil.copytree(source, public / "src", symlinks=True), shutil.copytree(shared, public / "couler")
    for path in (unpacked, *unpacked.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else path.stat().st_mode | 0o666)
    for path in (ours, *ours.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return unpacked, ours


def like(source: Path, shared: Path) -> Path:
    """A result with the same names and another chart."""
    folder = shared / "restored/a"
    shutil.copytree(source, folder)
    (folder / "app/chart.yaml").write_text("version: 2")
    (shared / "hit").touch()
    return folder


def run_as_nobody(shared: Path, outputs: list[str], script: str) -> tuple[int, str]:
    process = launch(shared, *outputs, "--", "sh", "-c", script, user=NOBODY)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


@AS_NOBODY
@pytest.mark.parametrize("sign", ["@", "+"])
def test_files_of_a_folder_that_cannot_be_written_are_written(
    sign: str, shared: Path, source: Path, public: Path
) -> None:
    wanted = tree(like(source, shared))
    source, shared = given_to_nobody(source, shared, public)
    before = (source / "app/chart.yaml").stat()
    code, stderr = run_as_nobody(shared, [f"a={sign}{source}"], "exit 3")
    assert (code, "computed before" in stderr) == (0, True)
    assert tree(source) == wanted
    after = (source / "app/chart.yaml").stat()
    assert (after.st_ino, after.st_mode, after.st_uid) == (before.st_ino, before.st_mode, before.st_uid)
    assert (source / "app/deep/run").stat().st_mode & 0o100


@AS_NOBODY
def test_a_file_of_such_a_folder_is_written(shared: Path, source: Path, public: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "restored/a").write_text("version: 2")
    (shared / "hit").touch()
    source, shared = given_to_nobody(source, shared, public)
    code, _ = run_as_nobody(shared, [f"a=+{source}/app/chart.yaml"], "exit 3")
    assert code == 0
    assert tree(source)["app/chart.yaml"] == "version: 2"


@AS_NOBODY
@pytest.mark.parametrize(
    "other",
    [
        lambda source, kept: (kept / "app/more").write_text("more"),
        lambda source, kept: (kept / "app/deep/run").unlink(),
        lambda source, kept: (kept / "app/chart.yaml").chmod(0o755),
        lambda source, kept: (source / "app/link").symlink_to("chart.yaml"),
    ],
    ids=["a new file", "a file less", "a program", "a link"],
)
def test_what_is_more_than_bytes_is_a_miss(
    other: Callable[[Path, Path], object], shared: Path, source: Path, public: Path
) -> None:
    other(source, like(source, shared))
    source, shared = given_to_nobody(source, shared, public)
    before = tree(source)
    assert run_as_nobody(shared, [f"a=@{source}"], "exit 7")[0] == 7
    assert tree(source) == before


@AS_NOBODY
def test_a_file_with_a_second_name_is_a_miss(shared: Path, source: Path, public: Path) -> None:
    like(source, shared)
    source, shared = given_to_nobody(source, shared, public)
    os.link(source / ".git/HEAD", public / "second")
    assert run_as_nobody(shared, [f"a=@{source}"], "exit 7")[0] == 7


@AS_NOBODY
def test_a_file_that_cannot_be_written_is_a_miss(shared: Path, source: Path, public: Path) -> None:
    like(source, shared)
    source, shared = given_to_nobody(source, shared, public)
    (source / ".git/HEAD").chmod(0o444)
    before = tree(source)
    assert run_as_nobody(shared, [f"a=@{source}"], "exit 7")[0] == 7
    assert tree(source) == before


@AS_NOBODY
def test_a_file_that_is_half_written_is_as_it_was_before_the_command_runs(
    shared: Path, source: Path, public: Path
) -> None:
    like(source, shared)
    half = 'case "$*" in "cp -R "*restored*) printf half > "${4:-$3}/app/chart.yaml"; true;; *) false;; esac'
    failing(shared, half)
    source, shared = given_to_nobody(source, shared, public)
    before = tree(source)
    assert run_as_nobody(shared, [f"a=@{source}"], f"cat '{source}/app/chart.yaml' > '{shared}/seen'; exit 7")[0] == 7
    assert (shared / "seen").read_text() == "version: 1"
    assert tree(source) == before


@AS_NOBODY
def test_an_input_that_stays_half_written_is_not_run_on(shared: Path, source: Path, public: Path) -> None:
    like(source, shared)
    failing(shared, 'case "$*" in "cp -R "*) printf half > "${4:-$3}/app/chart.yaml"; true;; *) false;; esac')
    source, shared = given_to_nobody(source, shared, public)
    assert run_as_nobody(shared, [f"a=@{source}"], "exit 7")[0] not in (0, 7)


def test_a_file_is_computed_anew(shared: Path) -> None:
    """What is mounted at a file cannot be replaced in one step."""
    source = shared.parent / "file"
    source.write_text("old")
    (shared / "restored").mkdir()
    (shared / "restored/a").write_text("kept")
    (shared / "hit").touch()
    assert run(shared, [f"a=@{source}"], f"cat '{source}' > '{shared.parent}/seen'; echo new > '{source}'")[0] == 0
    assert (shared.parent / "seen").read_text() == "old"
    assert not (shared / "done").exists()
