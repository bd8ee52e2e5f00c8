"""Putting outputs into place: all of them or none, and where not even that can be done, it is said what is where."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from couler_plugins.caching.dataplane.failures import NotPutBack
from couler_plugins.caching.dataplane.placing import placing

FOLDER, FILE, LINK, NOTHING = "folder", "file", "link", "nothing"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(kind: str, path: Path, text: str) -> None:
    if kind == FOLDER:
        path.mkdir()
        (path / "x").write_text(text)
    elif kind == FILE:
        path.write_text(text)
    elif kind == LINK:
        path.symlink_to(text)


def seen() -> dict[str, str]:
    """All that is in the current folder: files by their text, links by their target."""
    return {str(path): str(path.readlink()) if path.is_symlink() else path.read_text() for path in leaves()}


def leaves() -> list[Path]:
    return [path for path in Path().rglob("*") if path.is_symlink() or not path.is_dir()]


def put(*names: str, kind: str = FILE) -> None:
    with placing() as placement:
        for name in names:
            make(kind, placement.aside(Path(name)), "new")
        placement.commit()


def failing(call: Callable[..., Path], name: str, *, times: int = 1) -> Callable[..., Path]:
    """A way of renaming that fails for one target, so many times."""
    left = [times]

    def fail(path: Path, target: Path) -> Path:
        if target.name == name and left[0]:
            left[0] -= 1
            raise OSError(16, os.strerror(16), str(target))
        return call(path, target)

    return fail


@pytest.mark.parametrize("there", [FOLDER, FILE, LINK, NOTHING])
@pytest.mark.parametrize("kind", [FOLDER, FILE])
def test_whatever_is_there_is_replaced(there: str, kind: str) -> None:
    make(there, Path("a"), "old")
    put("a", kind=kind)
    assert seen() == {"a/x" if kind == FOLDER else "a": "new"}


@pytest.mark.parametrize("there", [FOLDER, FILE, LINK, NOTHING])
@pytest.mark.parametrize("kind", [FOLDER, FILE])
@pytest.mark.parametrize("linked", [True, False])
def test_where_one_cannot_be_replaced_all_is_as_it_was(
    there: str, kind: str, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        make(there, Path(name), f"old {name}")
    before = seen()
    if not linked:  # a file system without hard links
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "not permitted")))
    monkeypatch.setattr(Path, "replace", failing(Path.replace, "b"))
    with pytest.raises(OSError, match="busy"):
        put("a", "b", kind=kind)
    assert seen() == before


def test_a_file_is_there_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").write_text("old")
    replace = Path.replace

    def looking(path: Path, target: Path) -> Path:
        assert Path("a").read_text() == "old"
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", looking)
    put("a")
    assert Path("a").read_text() == "new"


def test_what_cannot_be_put_back_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        make(FOLDER, Path(name), f"old {name}")
    monkeypatch.setattr(Path, "replace", failing(Path.replace, "c"))
    monkeypatch.setattr(Path, "rename", failing(Path.rename, "b"))
    with pytest.raises(NotPutBack, match=r"what was at b is at \.couler-\w+ now") as error:
        put("a", "b", "c", kind=FOLDER)
    (kept,) = Path().glob(".couler-*")
    assert str(kept) in error.value.message
    assert seen() == {"a/x": "old a", "c/x": "old c", f"{kept}/x": "old b"}


def test_what_others_have_put_there_meanwhile_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    make(FOLDER, Path("a"), "old")

    def late(path: Path, target: Path) -> Path:
        make(FOLDER, target, "of another")
        raise OSError(39, os.strerror(39), str(target))

    monkeypatch.setattr(Path, "replace", late)
    with pytest.raises(NotPutBack, match="what was at a is at"):
        put("a", kind=FOLDER)
    assert sorted(seen().values()) == ["of another", "old"]
