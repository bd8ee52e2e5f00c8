"""What starts a Python component outside of KFP: values from texts, what the executor is told, and what it gives."""

from __future__ import annotations

import inspect
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from couler_kfp.portable import launcher

DATASET = {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}
COMPONENT = """
import json, pathlib, sys
told = json.loads(sys.argv[1])
outputs = told["outputs"]
pathlib.Path(outputs["artifacts"]["made"]["artifacts"][0]["uri"]).write_text("data")
pathlib.Path(outputs["outputFile"]).write_text(json.dumps({"parameterValues": MADE, "artifacts": ARTIFACTS}))
"""


def start(folder: Path, code: str, texts: list[str], **description: Any) -> subprocess.Popen[str]:
    told = {"folder": str(folder), "parameters": [], "inputs": {}, "outputs": {}, "values": {}, **description}
    command = [sys.executable, "-c", inspect.getsource(launcher), json.dumps(told), *texts]
    return subprocess.Popen(
        [*command, sys.executable, "-c", code, launcher.TOLD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_argo_finds_no_tag_in_it() -> None:
    assert "{{" not in inspect.getsource(launcher)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1\n", "STRING", "1\n"),
        ("", "STRING", ""),
        (" 7\n", "NUMBER_INTEGER", 7),
        ("7.0", "NUMBER_INTEGER", 7),
        ("9007199254740993", "NUMBER_INTEGER", 9007199254740993),
        ("7", "NUMBER_DOUBLE", 7),
        ("-1e-05", "NUMBER_DOUBLE", -1e-05),
        ("True", "BOOLEAN", True),
        ("false", "BOOLEAN", False),
        ('[1, "ü"]', "LIST", [1, "ü"]),
        ('{"a": {"b": null}}', "STRUCT", {"a": {"b": None}}),
    ],
)
def test_values_from_texts_and_back(text: str, kind: str, value: Any) -> None:
    assert launcher.parsed(text, kind) == value
    assert type(launcher.parsed(text, kind)) is type(value)
    assert launcher.parsed(launcher.spelled(value), kind) == value


def test_a_component_is_told_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "data").write_text("x")
    (tmp_path / "outputs").mkdir()
    done = start(
        tmp_path,
        "import sys; print(sys.argv[1])",
        ['say "hi"\n', "3", launcher.ABSENT],
        parameters=[["text", "STRING"], ["count", "NUMBER_INTEGER"], ["more", "STRING"]],
        inputs={"data": DATASET, "optional": DATASET},
        values={"Output": "STRING"},
    )
    out, _ = done.communicate()
    artifact = {"name": "data", "type": DATASET, "uri": str(tmp_path / "inputs/data"), "metadata": {}}
    assert json.loads(out) == {
        "inputs": {
            "parameterValues": {"text": 'say "hi"\n', "count": 3},
            "artifacts": {"data": {"artifacts": [artifact]}},
        },
        "outputs": {
            "parameters": {"Output": {"outputFile": str(tmp_path / "values/Output")}},
            "artifacts": {},
            "outputFile": str(tmp_path / "executor_output.json"),
        },
    }


def test_what_a_component_makes_is_where_it_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("moved")
    artifacts = {
        "moved": {"artifacts": [{"custom_path": str(elsewhere)}]},
        "metrics": {"artifacts": [{"metadata": {"accuracy": 0.5}}]},
    }
    made = {"Output": "a line\n", "many": [1, {"a": True}], "yes": True, "whole": 5.0}
    code = COMPONENT.replace("MADE", repr(made)).replace("ARTIFACTS", repr(artifacts))
    done = start(
        tmp_path,
        code,
        [],
        outputs=dict.fromkeys(("made", "moved", "metrics"), DATASET),
        values={"Output": "STRING", "many": "LIST", "yes": "BOOLEAN", "whole": "NUMBER_DOUBLE", "none": "STRING"},
    )
    assert (done.communicate()[1], done.returncode) == ("", 0)
    values = {path.name: path.read_text() for path in (tmp_path / "values").iterdir()}
    assert values == {"Output": "a line\n\n", "many": '[1,{"a":true}]\n', "yes": "true\n", "whole": "5\n"}
    files = {path.name: path.read_text() for path in (tmp_path / "outputs").iterdir()}
    assert files == {"made": "data", "moved": "moved", "metrics": '{"accuracy": 0.5}'}


def test_a_component_that_fails_fails_as_it_did(tmp_path: Path) -> None:
    done = start(tmp_path, "import sys; sys.exit(7)", [])
    done.communicate()
    assert (done.returncode, list(tmp_path.iterdir())) == (7, [])


def test_a_component_is_told_to_end(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    done = start(tmp_path, code, [])
    while not begun.exists():
        time.sleep(0.01)
    done.send_signal(signal.SIGTERM)
    done.communicate(timeout=30)
    assert done.returncode == 128 + signal.SIGTERM
