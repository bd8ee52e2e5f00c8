"""Which of several objects of one name a reference means."""

from __future__ import annotations

import time

import pytest

from couler_plugins.documents import FilePlace
from couler_plugins.documents.reader import version_in
from couler_plugins.ir.definitions import Definitions


def place(path: str, scope: str = "") -> FilePlace:
    parts = tuple(path.split("/"))
    return FilePlace(parts, scope, version_in(parts[:-1]))


def definitions(*objects: tuple[str, FilePlace, str]) -> Definitions[str]:
    """Objects of one name: what each is (equal letters are copies), its place and its label."""
    found: Definitions[str] = Definitions(lambda item: item[0])
    for item, where, label in objects:
        found.add("x", "", item, where, label)
    return found


CATALOGUE = [(f"{number} {version}", place(f"task/x/{version}/x.yaml"), "") for number, version in
             enumerate(("0.1", "0.2", "0.10"))]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "caller", "version", "meant"),
    [
        (CATALOGUE, place("task/x/0.2/samples/run.yaml"), "", ["1 0.2"]),
        (CATALOGUE, place("task/x/0.1/run.yaml"), "", ["0 0.1"]),
        (CATALOGUE, place("pipeline/p/0.2/p.yaml"), "", ["0 0.1", "1 0.2", "2 0.10"]),
        (CATALOGUE, place("pipeline/p/0.2/p.yaml"), "0.10", ["2 0.10"]),
        (CATALOGUE, place("task/x/0.2/samples/run.yaml"), "0.1", ["0 0.1"]),
        (CATALOGUE, place("pipeline/p.yaml"), "0.3", []),
        ([("a", place("a.yaml"), "")], place("p.yaml"), "0.3", ["a"]),
        ([("a", place("a.yaml"), "0.2"), ("b", place("b.yaml"), "")], place("p.yaml"), "0.3", ["b"]),
        ([("a", place("a.yaml"), "0.3"), ("b", place("b.yaml"), "")], place("p.yaml"), "0.3", ["a"]),
        ([("a", place("d/a.yaml"), ""), ("b", place("d/b.yaml"), "")], place("d/b.yaml"), "", ["b"]),
        ([("a", place("d/a.yaml"), ""), ("b", place("b.yaml"), "")], place("d/c.yaml"), "", ["a"]),
        ([("a", place("d/a.yaml"), ""), ("b", place("b.yaml"), "")], place("c.yaml"), "", ["a", "b"]),
        (
            [("a", place("envs/dev/tasks/a.yaml"), ""), ("b", place("other/b.yaml"), "")],
            place("envs/prod/p.yaml"),
            "",
            ["a", "b"],
        ),
        ([("a", place("x/0.2/tasks/a.yaml"), ""), ("b", place("y/b.yaml"), "")], place("x/0.2/runs/r.yaml"), "", ["a"]),
        ([("a1", place("d/a.yaml"), ""), ("a2", place("e/a.yaml"), "")], place("c.yaml"), "", ["a1"]),
        ([("a1", place("d/a.yaml"), ""), ("a2", place("e/a.yaml"), "")], place("e/c.yaml"), "", ["a2"]),
        (
            [("a", place("dev/w/chart/a.yaml", "dev/w/chart"), ""), ("b", place("dev/lib/b.yaml", "dev"), "")],
            place("dev/w/c.yaml", "dev"),
            "",
            ["b"],
        ),
        (
            [("a", place("prod/a.yaml", "prod"), ""), ("b", place("dev/b.yaml", "dev"), "")],
            place("dev/c.yaml", "dev"),
            "",
            ["b"],
        ),
        ([("a", place("prod/a.yaml", "prod"), "")], place("dev/c.yaml", "dev"), "", ["a"]),
        (  # a neighbour's copy is not nearer than a base that this may be built on
            [("a", place("envs/dev/a.yaml", "envs/dev"), ""), ("b", place("base/b.yaml", "base"), "")],
            place("envs/prod/c.yaml", "envs/prod"),
            "",
            ["a", "b"],
        ),
        (
            [("a1", place("envs/dev/a.yaml", "envs/dev"), ""), ("a2", place("base/a.yaml", "base"), "")],
            place("envs/prod/c.yaml", "envs/prod"),
            "",
            ["a1"],
        ),
    ],
)
def test_the_nearest_is_meant(
    objects: list[tuple[str, FilePlace, str]], caller: FilePlace, version: str, meant: list[str]
) -> None:
    assert list(definitions(*objects).resolve("x", "", caller, version)) == meant


def test_the_own_namespace_comes_before_none() -> None:
    found: Definitions[str] = Definitions(lambda item: item)
    for namespace, path in (("dev", "far/a.yaml"), ("prod", "near/a.yaml"), ("", "near/b.yaml")):
        found.add("x", namespace, namespace or "none", place(path))
    assert list(found.resolve("x", "dev", place("near/c.yaml"))) == ["dev"]
    assert list(found.resolve("x", "test", place("near/c.yaml"))) == ["none"]
    assert list(found.resolve("x", "", place("near/c.yaml"))) == ["prod", "none"]
    assert list(found.resolve("y", "", place("near/c.yaml"))) == []


@pytest.mark.parametrize(
    ("objects", "repeated"),
    [
        (CATALOGUE, []),
        ([("a", place("d/a.yaml"), ""), ("b", place("e/a.yaml"), "")], [["a", "b"]]),
        ([("a1", place("d/a.yaml"), ""), ("a2", place("e/a.yaml"), "")], []),
        ([("a1", place("a.yaml"), ""), ("b", place("b.yaml"), ""), ("a2", place("c.yaml"), "")], [["a1", "b"]]),
        ([("a", place("d/a.yaml", "d"), ""), ("b", place("e/a.yaml", "e"), "")], []),
        ([("a", place("a.yaml"), "1.0"), ("b", place("b.yaml"), "1.1")], []),
        ([("a", place("a.yaml"), "1.0"), ("b", place("b.yaml"), "1.0")], [["a", "b"]]),
        ([("a", place("x/0.1/a.yaml"), ""), ("b", place("y/0.1/b.yaml"), "")], []),
        ([("a", place("x/0.1/samples/a.yaml"), ""), ("b", place("x/0.1/tests/b.yaml"), "")], [["a", "b"]]),
    ],
)
def test_one_name_twice_is_said_once(objects: list[tuple[str, FilePlace, str]], repeated: list[list[str]]) -> None:
    assert [list(group) for group in definitions(*objects).duplicates()] == repeated


def test_namespaces_tell_objects_apart() -> None:
    found: Definitions[str] = Definitions(lambda item: item)
    for namespace in ("dev", "prod"):
        found.add("x", namespace, namespace, place(f"{namespace}.yaml"))
    assert list(found.duplicates()) == []


@pytest.mark.parametrize(
    ("folders", "version"),
    [
        (("task", "x", "0.2", "samples"), "0.2"),
        (("v1", "x"), "v1"),
        (("1.2.3-rc.1",), "1.2.3-rc.1"),
        (("0.1", "0.2"), "0.2"),
        (("2", "task"), ""),
        (("version-1.0",), ""),
    ],
)
def test_folders_that_are_called_like_versions(folders: tuple[str, ...], version: str) -> None:
    assert version_in(folders) == version


def test_looking_up_takes_time_in_proportion_to_the_objects() -> None:
    """Ten times as many copies and callers take some ten times as long; to compare each with each takes a hundred."""

    def seconds(count: int) -> float:
        found = definitions(*[(chr(300 + number), place(f"a/{number}/x.yaml"), "") for number in range(count)])
        start = time.process_time()
        for number in range(count):
            assert len(found.resolve("x", "", place(f"a/{number}/run.yaml"))) == 1
            assert len(found.resolve("x", "", place(f"b/{number}/run.yaml"))) == count
        return time.process_time() - start

    few = min(seconds(300) for _ in range(3))
    assert min(seconds(3000) for _ in range(3)) < 40 * few + 0.05
