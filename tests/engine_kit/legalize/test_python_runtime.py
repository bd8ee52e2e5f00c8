"""Values arrive as they were declared, whatever an engine made of them on their way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.engine_kit.legalize.python.runtime import NOT_PASSED, in_pod, sheltered, typed, typed_value

ODD = ["", " ", "\n", "a \"b\" 'c'\n", "{{workflow.name}}", "$(params.x) $$", "ünï☃\U0001f600", "<&>", "%41", "couler:"]


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("text", "5", "5"),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("text", 2.0, "2.0"),
        ("text", -1e-05, "-0.00001"),
        ("text", [1, "a"], '[1,"a"]'),
        ("int", "5", 5),
        ("int", 5.0, 5),
        ("int", str(10**30), 10**30),
        ("float", "5", 5.0),
        ("float", 1e300, 1e300),
        ("bool", "false", False),
        ("list", "[1.0, null, [2.5]]", [1, None, [2.5]]),
        ("list", (1, "a"), [1, "a"]),
        ("list", iter([1]), [1]),
        ("list", 'couler:list:int:["1", "2"]', [1, 2]),
        ("list", 'couler:list:text:["1", "[2]"]', ["1", "[2]"]),
        ("list", "couler:list:list:[[1], [2]]", [[1], [2]]),
        ("dict", {1: 2.0}, {"1": 2}),
    ],
)
def test_kinds(kind: str, given: Any, value: Any) -> None:
    found = typed_value(kind, given, "it")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int", "5.5"),
        ("int", True),
        ("int", "x"),
        ("float", "NaN"),
        ("float", float("inf")),
        ("bool", "True"),
        ("bool", 1),
        ("list", "{}"),
        ("list", 3),
        ("dict", [1]),
        ("dict", {"a": {1, 2}}),
        ("int", None),
    ],
)
def test_other_kinds_are_errors(kind: str, given: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        typed_value(kind, given, "it")


@pytest.mark.parametrize("text", ODD)
def test_sheltered_texts_are_found_anywhere(text: str) -> None:
    assert set(sheltered(text)).isdisjoint("{}$()<>&\"'\\\n")
    assert typed_value("text", f"a {sheltered(text)}b", "it") == f"a {text}b"
    assert typed_value("dict", {sheltered(text): [sheltered(text)]}, "it") == {text: [text]}


def test_what_is_not_passed_is_left_to_the_function() -> None:
    def f(x: int = 3, y: Any = None) -> Any:
        return [x, y]

    call = typed({"x": "int", "y": "text"}, {"result": "list"})(f)
    assert call(x=NOT_PASSED, y=None) == [3, None]
    assert call(x="4", y="None") == [4, "None"]


@pytest.mark.parametrize("made", [{"b": 2, "a": "x"}, ("x", 2), ["x", 2]])
def test_several_outputs(made: Any) -> None:
    assert typed({}, {"a": "text", "b": "int"})(lambda: made)() == {"a": "x", "b": 2}


@pytest.mark.parametrize("made", [{"a": "x"}, ("x",), ("x", 2, 3), None, 5, {"a": "x", "c": 1}])
def test_missing_outputs_are_errors(made: Any) -> None:
    with pytest.raises(TypeError, match="is to give a, b"):
        typed({}, {"a": "text", "b": "int"})(lambda: made)()


@pytest.mark.parametrize("shelter", [True, False])
def test_texts_in_files(shelter: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", json.dumps(ODD))
    file = tmp_path / "folder" / "result"
    in_pod(typed({"x": "list"}, {"result": "list"})(lambda x: x), {"x": "GIVEN"}, {"result": str(file)}, shelter)
    text = file.read_text()
    assert text.endswith("]\n")
    assert typed_value("list", text, "it") == ODD
    assert ("{{" in text) is not shelter
    assert json.loads(text) == ODD or shelter
