"""Outputs at the place of an input artifact, or in one: what was there before is in the key, and a hit replaces it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.argo.wrapper.launching import launch


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
    (shared / "busybox").write_text(f'#!/bin/sh\nif {condition}; then exit 1; fi\nexec "{real}" "$@"\n')
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
