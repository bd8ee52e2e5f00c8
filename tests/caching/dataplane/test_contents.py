"""Content identities of files and folders: equal for equal content, different for any difference that matters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from couler_plugins.caching.dataplane.contents import content_of
from couler_plugins.errors import InvalidInput


def tree(root: Path) -> Path:
    """A folder with a file, a program, an empty folder and a link in it."""
    (root / "a" / "empty").mkdir(parents=True)
    (root / "a" / "x.txt").write_text("x")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("a/x.txt")
    return root


def test_a_file_is_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"content" * 1_000_000)
    assert content_of(path) == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_where_and_when_do_not_matter(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    os.utime(other / "run", (1, 1))
    (other / "a" / "x.txt").chmod(0o600)
    assert content_of(one) == content_of(other)


def respelled(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("a/x.txt/")  # nobody can read a file by that name


def renamed(root: Path) -> None:
    (root / "run").rename(root / "go")


def edited(root: Path) -> None:
    (root / "a" / "x.txt").write_text("y")


def made_a_program(root: Path) -> None:
    (root / "a" / "x.txt").chmod(0o755)


def pointed_elsewhere(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("run")


def resolved(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("x")


def emptied(root: Path) -> None:
    (root / "a" / "empty").rmdir()


def moved(root: Path) -> None:
    (root / "a" / "x.txt").rename(root / "x.txt")


@pytest.mark.parametrize(
    "change", [renamed, respelled, edited, made_a_program, pointed_elsewhere, resolved, emptied, moved]
)
def test_every_difference_matters(change: Callable[[Path], None], tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    change(other)
    assert content_of(one) != content_of(other)


def test_a_file_that_looks_like_a_folder_does_not_clash(tmp_path: Path) -> None:
    folder = tree(tmp_path / "one")
    path = tmp_path / "text"
    path.write_text(content_of(folder))
    assert content_of(path) != content_of(folder)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside", "../one/a"])
def test_a_link_that_leads_out_is_refused(target: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "one")
    (folder / "out").symlink_to(target)
    with pytest.raises(InvalidInput, match="leads out"):
        content_of(folder)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    folder = tree(tmp_path / "one")
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidInput, match="neither a file"):
        content_of(folder)
    with pytest.raises(InvalidInput, match="neither a file"):
        content_of(folder / "pipe")


def test_what_cannot_be_read_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tree(tmp_path / "one")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        content_of(folder)


def test_a_circle_of_links_is_kept_as_it_is(tmp_path: Path) -> None:
    folder = tree(tmp_path / "one")
    (folder / "here").symlink_to("there")
    (folder / "there").symlink_to("here")
    assert content_of(folder).startswith("tree:")
