"""Folders as streams: what goes in comes out, and nothing that a hostile store says leaves the folder."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.caching.dataplane.contents import content_of
from couler_plugins.caching.dataplane.outputs import contents
from couler_plugins.caching.dataplane.packing import Packed, unpack

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)
TREES = st.recursive(
    st.tuples(st.binary(max_size=2_000), st.booleans()),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


def write(tree: object, path: Path) -> None:
    if isinstance(tree, dict):
        path.mkdir()
        for name, inner in tree.items():
            write(inner, path / name)
    else:
        assert isinstance(tree, tuple)
        path.write_bytes(tree[0])
        path.chmod(0o755 if tree[1] else 0o600)


def packed(folder: Path) -> bytes:
    archive = Packed(folder)
    content = b"".join(archive.chunks())
    assert len(content) == archive.bytes
    return content


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    root = tmp_path_factory.mktemp("trees")
    write(tree, root / "before")
    content = packed(root / "before")
    unpack(io.BytesIO(content), root / "after")
    assert content_of(root / "after") == content_of(root / "before")
    assert packed(root / "after") == content


def test_times_owners_and_other_modes_are_not_kept(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    write({"x": (b"x", False), "run": (b"", True)}, folder)
    content = packed(folder)
    os.utime(folder / "x", (1, 1))
    (folder / "x").chmod(0o640)
    assert packed(folder) == content
    unpack(io.BytesIO(content), tmp_path / "after")
    assert (tmp_path / "after" / "run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "after" / "x").stat().st_mode & 0o777 == 0o644


def test_a_link_that_comes_meanwhile_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_text("geheim")
    write({"sub": {"x": (b"public", False)}, "y": (b"public", False)}, tmp_path / "one")
    for name, target in (("sub", tmp_path / "secret"), ("y", tmp_path / "secret" / "x")):
        archive = Packed(tmp_path / "one")
        (tmp_path / "one" / name).rename(tmp_path / "aside")
        (tmp_path / "one" / name).symlink_to(target)
        with pytest.raises(OSError, match=r"directory|symbolic"):
            b"".join(archive.chunks())
        (tmp_path / "one" / name).unlink()
        (tmp_path / "aside").rename(tmp_path / "one" / name)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    write({"x": (b"x", False)}, tmp_path / "one")
    (tmp_path / "link").symlink_to("one")
    with pytest.raises(OSError, match=r"directory|symbolic"):
        b"".join(Packed(tmp_path / "link").chunks())


def test_what_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    write({"x": (b"before", False)}, tmp_path / "one")
    for content in (b"after it", b"shor"):
        archive = Packed(tmp_path / "one")
        (tmp_path / "one" / "x").write_bytes(content)
        with pytest.raises(OSError, match="changed"):
            b"".join(archive.chunks())
        (tmp_path / "one" / "x").write_bytes(b"before")


Member = tuple[str, bytes, str, bytes]
"""A name, a type, what a link says, and content."""


def archive(members: Iterable[Member]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, target, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, target, len(content)
            tar.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


REG, DIR, LINK, HARD, FIFO, DEVICE = (
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
)
HOSTILE: dict[str, list[Member]] = {
    "parent": [("../evil", REG, "", b"x")],
    "parent in the middle": [("a", DIR, "", b""), ("a/../../evil", REG, "", b"x")],
    "absolute": [("/evil", REG, "", b"x")],
    "through a link": [("a", LINK, "..", b""), ("a/evil", REG, "", b"x")],
    "through a link of the same name": [("evil", LINK, "../evil", b""), ("evil", REG, "", b"x")],
    "link out": [("a", LINK, "../evil", b"")],
    "absolute link": [("a", LINK, "/etc/passwd", b"")],
    "link through a link": [
        *[(name, DIR, "", b"") for name in ("d", "d/e")],
        ("d/e/up", LINK, "../..", b""),
        ("out", LINK, "d/e/up/../evil", b""),
    ],
    "hard link": [("a", HARD, "/etc/passwd", b"")],
    "pipe": [("a", FIFO, "", b"")],
    "device": [("a", DEVICE, "", b"")],
    "twice": [("a", REG, "", b"x"), ("a", REG, "", b"y")],
    "itself": [(".", DIR, "", b"")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_nothing_leaves_the_folder(members: list[Member], tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with pytest.raises((ValueError, OSError)):
        unpack(archive(members), tmp_path / "place" / "folder")
    outside = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "place" / "folder")}
    assert outside == {tmp_path / "place"}


def test_holes_are_not_made(tmp_path: Path) -> None:
    """A file of a terabyte takes a block in an archive that says so."""
    member = tarfile.TarInfo("hole")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 40)}
    member.pax_headers |= {"GNU.sparse.map": f"{(1 << 40) - 1},1", "GNU.sparse.name": "hole"}
    member.size = 1
    stream = io.BytesIO(member.tobuf(tarfile.PAX_FORMAT) + b"x".ljust(tarfile.BLOCKSIZE, b"\0") + bytes(10_240))
    with tarfile.open(fileobj=stream) as archive:
        assert archive.getmember("hole").issparse(), "it has to be one for Python"
    stream.seek(0)
    with pytest.raises(ValueError, match="of a type that no folder is stored with"):
        unpack(stream, tmp_path / "after")


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:700], lambda content: b"\0" * 100 + content, lambda _: b"no archive"]
)
def test_what_is_no_folder_is_refused(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    write({"x": (b"x" * 5_000, False)}, tmp_path / "one")
    with pytest.raises(ValueError, match="not the bytes of a folder"):
        unpack(io.BytesIO(spoil(packed(tmp_path / "one"))), tmp_path / "after")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_written_over_while_it_is_read_is_not_kept(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x").write_bytes(b"a" * (3 << 20))
    content = contents({"o": folder / "x" if kind == "file" else folder})["o"].value
    assert not isinstance(content, bytes | Path)
    chunks = content.chunks()
    next(chunks)
    with (folder / "x").open("r+b") as stream:
        stream.write(b"b" * (3 << 20))
    with pytest.raises(OSError, match="changed while it was read"):
        list(chunks)
