"""Workspaces by content: what counts for a key, and that a hit leaves what the run would have left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.caching.pod import Ended, Pod, Run, in_process
from adapters.tekton.caching.tasks import spec_of
from couler_tekton.cache.wrapping import HOME

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations: {couler.io/cache: pure, couler.io/cache-version: "1", couler.io/cache-workspace.code: "WORDS"}
spec:
  workspaces: [{name: code}, {name: couler-cache, optional: true}]
  steps: [{name: build, image: busybox, script: 'cd "$(workspaces.code.path)" && SCRIPT'}]
"""
READ = "cat a.txt > /dev/null"
EDIT = "echo more >> a.txt && rm -r gone && mkdir -p new/empty && echo é > new/ö && chmod -x run && ln -s run new/l"
BUILD = "mkdir -p build && cat a.txt > build/a"
Row = tuple[str, int, bytes | str]


def seed(root: Path) -> None:
    """Fill a workspace: files, a program, links, empty folders, and names of all kinds."""
    for name, content in {
        "a.txt": "a",
        "gone/x": "x",
        "sub/ü 1": "u",
        "sub/deep/.hidden": "",
        ".git/index": "i",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "empty").mkdir()
    (root / "link").symlink_to("sub/ü 1")


def tree(root: Path) -> list[Row]:
    """Return all that is in a folder."""
    rows: list[Row] = []
    for path in sorted(root.rglob("*")):
        name, mode = path.relative_to(root).as_posix(), path.lstat().st_mode
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        rows.append((name, mode & 0o170100, content))
    return rows


class Site:
    """Pods with a workspace each, and one store.

    Args:
        folder: an empty folder.
        words: what is said of the workspace.
        script: what the task does in it.
        couler: runs `couler`.
    """

    def __init__(self, folder: Path, words: str, script: str, couler: Run = in_process) -> None:
        self.task, self.cached = spec_of(TASK.replace("WORDS", words).replace("SCRIPT", script))
        self._folder, self._runs, self._couler = folder, 0, couler
        (folder / "store").mkdir()

    def run(self, change: Callable[[Path], object] = lambda root: None, *, plain: bool = False) -> tuple[Ended, Path]:
        """Run the task in a new workspace; return how it ended, and the workspace."""
        self._runs += 1
        root = self._folder / f"pod-{self._runs}" / "code"
        root.mkdir(parents=True)
        seed(root)
        change(root)
        workspaces = {"code": root, "couler-cache": self._folder / "store"}
        task: Any = self.task if plain else self.cached
        (root.parent / "pod").mkdir()
        ended = Pod(root.parent / "pod", task, {}, workspaces, self._couler).run()
        assert ended.succeeded
        return ended, root


def hit(ended: Ended) -> bool:
    return "build" not in ended.ran


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("in,out", EDIT),
        ("in,out=build", BUILD),
        ("in=a.txt,out=build", BUILD),
        ("in,out,without=.git", EDIT),
        ("in=a.txt,in=sub,out=a.txt", "echo more >> a.txt"),
    ],
)
def test_a_hit_leaves_what_the_run_would_have_left(tmp_path: Path, words: str, script: str) -> None:
    site = Site(tmp_path, words, script)
    _, plain = site.run(plain=True)
    first, missed = site.run()
    second, restored = site.run()
    assert (hit(first), hit(second)) == (False, True), first.said + second.said
    assert tree(missed) == tree(plain) == tree(restored)


def changed_byte(root: Path) -> None:
    (root / "a.txt").write_text("b")


def other_name(root: Path) -> None:
    (root / "sub/ü 1").rename(root / "sub/u 1")
    (root / "link").unlink()
    (root / "link").symlink_to("sub/u 1")


def other_link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("a.txt")


def file_for_a_link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("u")


def emptied(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


CHANGES: tuple[Callable[[Path], object], ...] = (
    changed_byte,
    other_name,
    lambda root: (root / "a.txt").chmod(0o755),
    lambda root: (root / "run").chmod(0o644),
    lambda root: (root / "added").touch(),
    lambda root: (root / "sub/deep/.hidden").unlink(),
    lambda root: (root / "empty").rmdir(),
    lambda root: (root / "sub/deep/more").mkdir(),
    other_link,
    file_for_a_link,
)


@pytest.mark.parametrize("words", ["in", "in,out"])
def test_whatever_changes_before_is_another_key(tmp_path: Path, words: str) -> None:
    site = Site(tmp_path, words if "out" in words else "in,out=build", EDIT if "out" in words else BUILD)
    site.run()
    for change in CHANGES:
        first, _ = site.run(change)
        second, root = site.run(change)
        assert (hit(first), hit(second)) == (False, True), change
        assert tree(root) == tree(site.run(change, plain=True)[1])
    assert hit(site.run()[0])


def test_what_is_left_out_counts_for_nothing_and_stays(tmp_path: Path) -> None:
    site = Site(tmp_path, "in,out,without=.git", EDIT)
    site.run()
    ended, root = site.run(lambda root: (root / ".git/index").write_text("other"))
    assert hit(ended)
    assert (root / ".git/index").read_text() == "other"
    (root / ".git/index").write_text("i")
    assert tree(root) == tree(site.run(plain=True)[1])


def test_a_folder_of_the_volume_is_no_content(tmp_path: Path) -> None:
    site = Site(tmp_path, "in,out", EDIT)
    site.run()
    ended, root = site.run(lambda root: (root / "lost+found").mkdir())
    assert hit(ended)
    assert (root / "lost+found").is_dir()


def test_files_that_are_equal_stay_as_they_are(tmp_path: Path) -> None:
    site = Site(tmp_path, "in,out", EDIT)
    site.run()
    before: dict[str, os.stat_result] = {}

    def look(root: Path) -> None:
        (root / "sub/ü 1").chmod(0o640)
        os.utime(root / "sub/ü 1", (1, 1))
        before["stat"] = (root / "sub/ü 1").stat()

    ended, root = site.run(look)
    after = (root / "sub/ü 1").stat()
    assert hit(ended)
    assert (after.st_ino, after.st_mode, after.st_mtime) == tuple(
        getattr(before["stat"], name) for name in ("st_ino", "st_mode", "st_mtime")
    )
    assert not [path.name for path in root.iterdir() if path.name.startswith(".couler")]


def test_a_workspace_that_is_only_made_has_to_be_empty(tmp_path: Path) -> None:
    site = Site(tmp_path, "out", "touch made")
    for expected in (False, True):
        ended, root = site.run(emptied)
        assert hit(ended) is expected
        assert [path.name for path in root.iterdir()] == ["made"]
    ended, root = site.run()
    assert not hit(ended)
    assert "at the place of its output" in ended.said
    assert (root / "a.txt").exists()


def test_a_task_that_writes_into_what_it_only_reads_is_not_kept(tmp_path: Path) -> None:
    site = Site(tmp_path, "in,out=build", f"{BUILD} && touch beside")
    for _ in range(2):
        ended, _ = site.run()
        assert not hit(ended)
        assert "has changed what it reads in a workspace" in ended.said


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside"])
def test_links_that_lead_out_are_a_miss(tmp_path: Path, target: str) -> None:
    site = Site(tmp_path, "in,out", EDIT)
    for _ in range(2):
        ended, _ = site.run(lambda root: (root / "out").symlink_to(target))
        assert not hit(ended)
        assert "leads out of its folder" in ended.said


def test_what_cannot_be_replaced_stays_and_the_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, "in,out", "touch made")
    site.run()
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("code/sub/deep"))  # root may do all
    ended, root = site.run()
    assert not hit(ended)
    assert (root / "made").exists()
    assert not [path.name for path in root.iterdir() if path.name.startswith(".couler")]


def test_too_many_files_are_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couler_plugins.caching.dataplane.workspaces.MOST", 5)
    site = Site(tmp_path, "in,out", EDIT)
    for _ in range(2):
        ended, _ = site.run()
        assert not hit(ended)
        assert "there are more than 5 files in it" in ended.said


def many(root: Path) -> None:
    for number in range(10_000):
        path = root / f"many/{number % 100}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))


@pytest.mark.slow
def test_ten_thousand_files_take_seconds(tmp_path: Path) -> None:
    site = Site(tmp_path, "in,out", EDIT)
    site.run(many)
    started = time.monotonic()
    ended, root = site.run(many)
    assert hit(ended)
    assert time.monotonic() - started < 60
    assert tree(root) == tree(site.run(many, plain=True)[1])


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && ! touch /tmp/couler-x 2> /dev/null && exec "$@"'


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], check=False).returncode != 0,
    reason="no mounts of one's own here",
)
def test_a_root_that_is_read_only(tmp_path: Path) -> None:
    """Nothing is written but what Tekton mounts into each step: workspaces, results and the home."""
    (tmp_path / "home").mkdir()

    def couler(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
        assert environment["TMPDIR"] == HOME
        command = [sys.executable, "-c", "from couler_plugins.cli import main; main()", *arguments]
        variables = {**os.environ, **environment, "TMPDIR": str(tmp_path / "home"), "HOME": HOME}
        shell = ["unshare", "-rm", "sh", "-c", READ_ONLY, str(tmp_path)]
        done = subprocess.run([*shell, *command], env=variables, cwd="/", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    site = Site(tmp_path, "in,out", EDIT, couler)
    first, second = site.run()[0], site.run()[0]
    assert (hit(first), hit(second)) == (False, True), first.said + second.said
