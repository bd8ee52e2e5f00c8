"""Reading: what is accepted, what it means, and how refusals are worded."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml._yaml import CParser

from couler_plugins.documents import MAX_BYTES, read
from couler_plugins.errors import InvalidInput
from documents.judge import corpus, exactly


def data(text: str) -> Any:
    return read(text, "f.yaml").documents[0].data


def refusal(content: str | bytes, max_bytes: int = MAX_BYTES) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(content, "f.yaml", max_bytes=max_bytes)
    error = caught.value
    assert error.file == "f.yaml"
    assert error.hint
    assert "\n" not in error.message
    return error


def test_plain_scalars() -> None:
    text = "[yes, n, 0755, 0o17, 1_0, 1e3, 12e03, .5, 12:30, 2024-01-01, ~, 0b11, 1.2.3, 18446744073709551616]"
    wanted = [True, False, 493, 15, 10, 1000.0, 12000.0, 0.5, "12:30", "2024-01-01", None, 3, "1.2.3", 2.0**64]
    assert exactly(data(f"a: {text}")["a"], wanted)


def test_keys_become_text() -> None:
    assert data("1: a\n0x10: b\n1.5: c\nyes: d\n'no': e\n1e9: f") == dict(
        zip(["1", "16", "1.5", "true", "no", "1e+09"], "abcdef", strict=True)
    )


def test_merge_keys_take_effect_where_they_stand() -> None:
    assert data("a: &a {x: 1, z: 2}\nb: {<<: *a, x: 3}\nc: {x: 3, <<: *a}\nd: {<<: [{x: 5}, *a]}") == {
        "a": {"x": 1, "z": 2},
        "b": {"x": 3, "z": 2},
        "c": {"x": 1, "z": 2},
        "d": {"x": 5, "z": 2},
    }


def test_aliases_share_one_object() -> None:
    read_data = data("a: &a [1]\nb: *a")
    assert read_data["a"] is read_data["b"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [None]),
        ("# nothing\n", [None]),
        ("---\n---\n", [None, None]),
        ("a: 1\n---\n# nothing\n---\nb: 2\n", [{"a": 1}, None, {"b": 2}]),
        ("a: 1\n...\n", [{"a": 1}]),
        ("\ufeffa: 1\r\n", [{"a": 1}]),
    ],
)
def test_documents(text: str, wanted: list[Any]) -> None:
    file = read(text, "f.yaml")
    assert [document.data for document in file.documents] == wanted
    assert [document.index for document in file.documents] == list(range(len(wanted)))
    assert file.text == text


def test_lines() -> None:
    file = read("# head\n\na:\n  b: 1\n  c: [x,\n    y]\n---\n\n- z\n", "f.yaml")
    assert [document.line for document in file.documents] == [3, 9]
    paths: list[tuple[str | int, ...]] = [(), ("a",), ("a", "b"), ("a", "c", 1), ("a", "missing", 3)]
    assert [file.line_of(path) for path in paths] == [3, 3, 4, 6, 3]
    assert file.line_of((0,), document=1) == 9


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: !custom x\n", 1, "unknown tag `!custom`"),
        ("a:\n  !!set {x}\n", 2, "unknown tag `!!set`"),
        ("a: .nan\n", 1, "JSON"),
        ("a: -.inf\n", 1, "JSON"),
        ("a: !!int x\n", 1, "not a !!int"),
        ("~: x\n", 1, "null"),
        ("{[a]: b}\n", 1, "key"),
        ("a: *b\n", 1, "unknown anchor `b`"),
        ("a: &a\n  b: *a\n", 2, "inside of what it stands for"),
        ("a: {<<: 1}\n", 1, "merge key"),
        ("%YAML 1.2\n---\na: 1\n", 1, "YAML 1.1"),
        ("a: 1\nb: 'open\n", 3, "end of stream"),
        ("a: [1,\n", 2, "expected node content"),
        ("a:\n\t- b\n", 2, "cannot start any token"),
        ("é: 1\n\nb: \x01\n", 3, "#x01 is not allowed"),
        ("a: 1\nb: \ud800\n", 2, "surrogate"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ('{"a":\n "\\ud800"}', 2, "surrogate"),
        ('{"a": NaN, "b": .nan}', 1, "JSON"),
    ],
)
def test_refusals(text: str, line: int, words: str) -> None:
    error = refusal(text)
    assert words in error.message
    assert error.line == line


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("kind: A\nnamespace: {{ .Values.namespace }}\n", True),
        ("{{- if .Values.on }}\nkind: A\n{{- end }}\n", True),
        ('kind: A\nlabels:\n  {{- include "chart.labels" . | nindent 4 }}\n', True),
        ('{{- $name := "a" -}}\nkind: A\n', True),
        ("{{/* a note */}}\nkind: A\n", True),
        ("{% if on %}\nkind: A\n", True),
        ("kind: A\nvalue: {{workflow.parameters.x}}\n", False),
        ("kind: A\nvalue: {{=sprig.trim(inputs.parameters.x)}}\n", False),
        ("kind: A\nvalue: {{item}}\n", False),
    ],
)
def test_a_template_that_makes_yaml_is_said_to_be_one(text: str, template: bool) -> None:
    assert ("helm template" in str(refusal(text).hint)) is template


def test_a_template_within_texts_is_yaml() -> None:
    assert data('a: "{{ .Values.a }}"\n') == {"a": "{{ .Values.a }}"}


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a: 1\nb: \xff\n", 2, "0xff at offset 8 is not UTF-8"),
        ("a: 1".encode("utf-16"), 1, "UTF-16"),
        (b"a: \x00", 1, "not allowed"),
    ],
)
def test_bytes_that_are_no_text(content: bytes, line: int, words: str) -> None:
    error = refusal(content)
    assert words in error.message
    assert error.line == line


def test_size() -> None:
    error = refusal("a: éé", max_bytes=6)
    assert "7 bytes" in error.message
    assert "--max-bytes" in str(error.hint)
    assert read("a: éé", "f.yaml", max_bytes=7).documents[0].data == {"a": "éé"}


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ('{"a": ', "}"), ("['x', ", "]")])
def test_depth(start: str, end: str) -> None:
    assert data(start * 250 + "1" + end * 250) is not None
    assert "nested deeper than 250 levels" in refusal(start * 251 + "1" + end * 251).message
    assert "nested deeper than 250 levels" in refusal(start * 100_000 + "1" + end * 100_000).message


def test_depth_counts_what_aliases_stand_for() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 120))]
    assert "nested" not in str(data("\n".join(lines)))
    deep = "&a " + "[" * 200 + "]" * 200
    assert "nested deeper" in refusal(f"a: {deep}\nb: " + "[" * 60 + "*a" + "]" * 60).message


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)),
        "a: &a {" + ", ".join(f"k{i}: 1" for i in range(5000)) + "}\nb:\n" + "- <<: *a\n" * 100_000,
        "a: &a [" + "x, " * 2000 + "]\nb:\n" + "- *a\n" * 2000,
    ],
)
def test_alias_bombs(bomb: str) -> None:
    tracemalloc.start()
    try:
        assert "ten times larger" in refusal(bomb).message
        assert tracemalloc.get_traced_memory()[1] < 20 * len(bomb) + 2_000_000
    finally:
        tracemalloc.stop()


def test_ordinary_use_of_anchors_is_no_bomb() -> None:
    block = "a: &a {" + ", ".join(f"k{i}: 1" for i in range(50)) + "}\nb:\n"
    assert len(data(block + "- *a\n" * 30)["b"]) == 30


def test_corpus_reads() -> None:
    for path in corpus():
        file = read(path.read_bytes(), path.name)
        assert file.format == "yaml"
        assert any(isinstance(document.data, dict) for document in file.documents)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "{b: 2, a: 1,\n a: 3}\n", '{"a": 1, "b": 2, "a": 3}'])
def test_of_a_key_that_is_set_twice_the_last_value_counts(text: str) -> None:
    assert read(text, "f").documents[0].data == {"a": 3, "b": 2}


@given(st.text() | st.text(st.sampled_from("ab:- \n\t{}[]&*!|>'\"%@`#?,~<=0.1\ufeff\x85\u2028\x00\r")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):  # any other exception fails the test
        for document in read(text, "f").documents:
            assert document.line >= 1
            document.line_of(())


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(InvalidInput):
        read(content, "f")


def manifest(tasks: int) -> str:
    lines = ["spec:", "  tasks:"]
    for i in range(tasks):
        lines += [f"  - name: task-{i}", "    template: work", f'    depends: "task-{i // 2}"', "    arguments:"]
        lines += ["      parameters:", f'      - {{name: index, value: "{i}"}}']
        lines += ["      - name: text", f"        value: some text {i}"]
    return "\n".join(lines)


@pytest.mark.slow
def test_memory() -> None:
    text = manifest(3_000)
    gc.collect()
    tracemalloc.start()
    try:
        file = read(text, "f.yaml")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(file.documents[0].data["spec"]["tasks"]) == 3_000
    assert peak < 15 * len(text)


def test_the_collector_is_left_as_it_was() -> None:
    gc.disable()
    try:
        data("a: 1")
        assert not gc.isenabled()
    finally:
        gc.enable()
    refusal("a: [")
    assert gc.isenabled()


def test_libyaml_is_there() -> None:
    assert CParser("a: 1").get_event() is not None


def test_a_program_is_the_text_that_it_is() -> None:
    text = "a: [1, 2\n# no YAML at all: {\n"
    file = read(text.encode(), "dags/a.py")
    (document,) = file.documents
    assert (file.format, file.text, document.data, document.text) == ("python", text, None, text)
    with pytest.raises(InvalidInput, match="allowed"):
        read(text.encode(), "dags/a.py", max_bytes=5)


def test_letters_stand_for_themselves_where_an_engine_reads_them_so() -> None:
    text = "y: n\nN: [Y, yes, 'n']\n? n\n: !!bool y\n"
    assert read(text, "f.yaml", letters=True).documents[0].data == {"y": "n", "N": ["Y", True, "n"], "n": True}
    assert data(text) == {"true": False, "false": True}


def test_the_line_of_a_text_within_a_value() -> None:
    text = "a:\n  gitlab: x\nb:\n  run: |\n    echo gitlab\n    git clone\nc: git\n"
    (document,) = read(text, "f").documents
    assert document.line_within(("b",), "git") == 6
    assert document.line_within(("b",), "gitla") == 5  # no word of its own, but there
    assert document.line_within(("a",), "git") == 2
    assert document.line_within(("b",), "nowhere") == document.line_of(("b",)) == 3
    assert document.line_within(("b",), "") == 3
