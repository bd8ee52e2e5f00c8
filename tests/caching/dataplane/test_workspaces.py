"""Workspaces by content: what is read, what is made, and what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.caching.dataplane.placing import keep_equal, placing
from couler_plugins.caching.dataplane.workspaces import Workspaces
from couler_plugins.errors import InvalidInput


def filled(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_outputs_in_inputs_may_be_there_and_others_may_not(tmp_path: Path) -> None:
    root = filled(tmp_path / "w", "src/a", "dist/b", ".git/c")
    outputs = {"inner": root / "src/a", "beside": root / "dist", "empty": root / "none"}
    assert Workspaces(files={"f": root / "src"}, outputs=outputs).occupied() == ["beside"]
    assert Workspaces(files={"f": root}, outputs=outputs).occupied() == []
    assert Workspaces(files={"f": root}, outputs=outputs, without=[root / "dist"]).occupied() == ["beside"]


def test_a_workspace_with_nothing_but_what_is_left_out_is_empty(tmp_path: Path) -> None:
    root = filled(tmp_path / "w", ".git/c")
    assert Workspaces(files={}, outputs={"o": root}).occupied() == ["o"]
    assert Workspaces(files={}, outputs={"o": root}, without=[root / ".git"]).occupied() == []


def test_what_is_left_out_is_in_no_content(tmp_path: Path) -> None:
    root = filled(tmp_path / "w", "a", ".git/c", "sub/.git/d")
    spaces = Workspaces(files={"f": root}, outputs={}, without=[root / ".git"])
    before = spaces.contents()
    filled(root, ".git/more")
    assert spaces.contents() == before
    filled(root, "sub/.git/more")
    assert spaces.contents() != before


def test_outputs_are_no_part_of_what_stays(tmp_path: Path) -> None:
    root = filled(tmp_path / "w", "a")
    spaces = Workspaces(files={"f": root}, outputs={"o": root / "deep/out"})
    before = spaces.unwritten()
    filled(root, "deep/out/x")
    assert spaces.unwritten() == before
    filled(root, "deep/beside")
    assert spaces.unwritten() != before


def test_a_workspace_may_be_a_link(tmp_path: Path) -> None:
    root = filled(tmp_path / "real", "a", "out/x", ".git/c")
    link = tmp_path / "link"
    link.symlink_to(root)
    spaces = Workspaces(files={"f": link}, outputs={"o": link / "out"}, without=[link / ".git"])
    assert spaces.occupied() == []
    assert spaces.contents() == Workspaces(files={"f": root}, outputs={}, without=[root / ".git"]).contents()


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couler_plugins.caching.dataplane.workspaces.MOST", 2)
    root = filled(tmp_path / "w", "a", "b", "c")
    with pytest.raises(InvalidInput, match="more than 2 files"):
        Workspaces(files={"f": root}, outputs={}).contents()


def test_a_folder_that_stays_gets_what_is_new_and_loses_the_rest(tmp_path: Path) -> None:
    root = filled(tmp_path / "w", "same", "gone/x", "other", ".git/c", "sub/y")
    number = root.stat().st_ino, (root / "same").stat().st_ino
    with placing() as placement:
        aside = filled(placement.inside(root, lambda path: path == root / ".git"), "same", "sub/z", "new")
        keep_equal(aside, root)
        placement.commit()
    assert names(root) == [".git", ".git/c", "new", "same", "sub", "sub/z"]
    assert (root.stat().st_ino, (root / "same").stat().st_ino) == number


@pytest.mark.parametrize("fails", range(1, 8))
def test_a_folder_that_stays_is_as_it_was_where_something_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    root = filled(tmp_path / "w", "a", "gone/x", "sub/y")
    filled(tmp_path / "w", "a")
    before, count = names(root), 0
    rename, replace = Path.rename, Path.replace

    def counted(move: object) -> object:
        def moved(path: Path, target: Path) -> Path:
            nonlocal count
            count += 1
            if count == fails:
                raise OSError(16, "busy")
            return move(path, target)  # type: ignore[operator, no-any-return]  # one of two functions of Path

        return moved

    with placing() as placement:
        filled(placement.inside(root), "a", "new", "sub/z")
        monkeypatch.setattr(Path, "rename", counted(rename))
        monkeypatch.setattr(Path, "replace", counted(replace))
        try:
            placement.commit()
        except OSError:
            pass
        else:
            before = ["a", "new", "sub", "sub/z"]
    assert names(root) == before
    assert (count < fails) is ("new" in before)


def test_whether_a_file_may_be_executed_counts(tmp_path: Path) -> None:
    file = filled(tmp_path / "w", "run") / "run"
    spaces = Workspaces(files={"f": file}, outputs={})
    before, stays = spaces.contents(), spaces.unwritten()
    file.chmod(0o755)
    assert spaces.contents() != before
    assert spaces.unwritten() != stays


@pytest.mark.parametrize("link", ["head", "sub/head"])
def test_a_link_to_what_is_left_out_has_no_content(tmp_path: Path, link: str) -> None:
    root = filled(tmp_path / "w", "a", "sub/b", ".git/HEAD")
    (root / link).symlink_to(f"{'../' * link.count('/')}.git/HEAD")
    with pytest.raises(InvalidInput, match="leads to what is left out"):
        Workspaces(files={"f": root}, outputs={}, without=[root / ".git"]).contents()
    assert Workspaces(files={"f": root}, outputs={}).contents()
