"""Writing: what is written is read back, by every reader, as what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.documents import Indentation, dump_json, dump_yaml, read
from couler_plugins.errors import InvalidInput
from documents.judge import exactly

RISKY = """
y n yes No on OFF true Null ~ <<  = 12:30 190:20:30.15 1e3 12e03 2024-01-01 0755 0o7 0x1F 0b1 1_000 .5 -.5 +1 -_1 .inf
-.INF .nan - -- --- ... ? : # & * ! | > ' " % @ ` [ ] { } , -a --flag :a a: a:b a#b #a ?a <a =a %a 0b-101 1. 08 1,000
""".split()  # noqa: SIM905  # a list of so many quotes could not be read
ODD = [
    *(
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "\t",
        "a\tb",
        "\n",
        "\n\n",
        "a\n",
        "a\n\n",
        "\na",
        "  a\nb",
        "\ta\nb",
        "a\n  b\n",
    ),
    *("a\n \nb", " \na", "a\r\nb", "a\r", "\x00", "\x7f", "\x85", "\u2028", "\ufeff", "é", "😀", "\ufffe"),
    *("a" * 5000, "--- a", "... a", "a\n---\nb", "# a\n# b\n", "a\\b", "\\", "'", '"', "it's", "a\u00a0"),
    *("k: |\n  v\n", "#!/bin/sh\necho\n", "?a", "a?b", "a,b", "a]b"),
]
TEXTS = st.text() | st.sampled_from(RISKY + ODD)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


def back(text: str) -> Any:
    (document,) = read(text, "f").documents
    return document.data


@given(TREES, st.sampled_from([Indentation(), Indentation(2, 2), Indentation(4, 0), Indentation(4, 4)]))
def test_any_data_reads_back(data: Any, indentation: Indentation) -> None:
    assert exactly(back(dump_yaml(data, indentation=indentation)), data)


@given(TREES)
def test_pyyaml_reads_the_same(data: Any) -> None:
    assert exactly(yaml.load(dump_yaml(data), Loader=yaml.SafeLoader), data)


@pytest.mark.parametrize("text", RISKY + ODD)
def test_risky_texts(text: str) -> None:
    for data in (text, [text], {text: text}, {"a": [[text, {text: text}]]}):
        written = dump_yaml(data)
        assert exactly(back(written), data)
        assert exactly(yaml.load(written, Loader=yaml.SafeLoader), data)


def test_form() -> None:
    data = {
        "name": "x",
        "args": ["-c", "yes", {"a": 1, "b": [[1, 2], [], {}]}],
        "script": "#!/bin/sh\necho\n",
        "kept": "a\n\n",
        "bare": " a\nb",
        "long": "word " * 40 + "end",
        "1e3": 1e300,
    }
    assert dump_yaml(data) == (
        'name: x\nargs:\n- -c\n- "yes"\n- a: 1\n  b:\n  - - 1\n    - 2\n  - []\n  - {}\n'
        "script: |\n  #!/bin/sh\n  echo\nkept: |+\n  a\n\nbare: |2-\n   a\n  b\n"
        f'long: {"word " * 40}end\n"1e3": 1.0e+300\n'
    )
    assert dump_yaml({"a": {"b": ["x", "y\nz"]}}, indentation=Indentation(4, 2)) == (
        "a:\n    b:\n      - x\n      - |-\n        y\n        z\n"
    )


def test_shared_objects_are_written_out() -> None:
    shared = {"a": [1]}
    assert dump_yaml({"x": shared, "z": shared}) == "x:\n  a:\n  - 1\nz:\n  a:\n  - 1\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64, -(2**63) - 1, "\ud800", object(), {1: 2}, b"x"])
def test_what_kubernetes_cannot_hold(value: Any) -> None:
    with pytest.raises(InvalidInput):
        dump_yaml({"a": value})


@given(TREES, st.sampled_from([None, 2, "\t"]))
def test_json_reads_back(data: Any, indent: int | str | None) -> None:
    text = dump_json({"a": data}, indent)
    assert json.loads(text) == {"a": data}
    assert exactly(back(text), {"a": data})


def test_json_refuses_what_it_cannot_hold() -> None:
    for value in (float("nan"), "\ud800", object()):
        with pytest.raises(InvalidInput):
            dump_json([value], 2)


def test_deep_data() -> None:
    data: Any = "x"
    for level in range(250):
        data = [data] if level % 2 else {"k": data}
    assert exactly(back(dump_yaml(data)), data)
