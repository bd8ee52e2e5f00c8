"""The example in Go: the same bytes as in Python, for every engine, and types that the schema gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions import ENGINES, Outcome, problem_of
from couler_plugins import Text, convert, lift
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Literal, Port, Workflow, from_json, to_json
from support import CORPUS, GO, ROOT

EXAMPLE = ROOT / "examples" / "go"
GOFMT = shutil.which("gofmt") or shutil.which("gofmt", path="/usr/local/go/bin")

pytestmark = pytest.mark.skipif(GO is None or GOFMT is None, reason="needs Go")


def go(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs the Go tool in the example; it needs nothing but its own library."""
    assert GO is not None
    settings = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    return subprocess.run([GO, *arguments], cwd=EXAMPLE, env=settings, capture_output=True, check=False)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("go") / "nightly"
    done = go("build", "-o", str(path), ".")
    assert done.returncode == 0, done.stderr.decode()
    return path


@pytest.fixture(scope="module")
def from_go(program: Path) -> bytes:
    return subprocess.run([program], capture_output=True, check=True).stdout


def test_the_types_are_those_of_the_schema() -> None:
    """Where this fails, docs/other-languages.md says how to make the types again."""
    schema = ROOT / "docs" / "schema" / "couler.ir-v1.json"
    made = subprocess.run([sys.executable, EXAMPLE / "generate.py", schema], capture_output=True, check=True).stdout
    formatted = subprocess.run([str(GOFMT)], input=made, capture_output=True, check=True).stdout
    assert formatted == (EXAMPLE / "ir" / "types.go").read_bytes()


@pytest.mark.slow
def test_go_has_nothing_against_it() -> None:
    vetted = go("vet", "./...")
    assert (vetted.returncode, vetted.stderr) == (0, b"")
    listed = subprocess.run([str(GOFMT), "-l", "."], cwd=EXAMPLE, capture_output=True, check=True).stdout
    assert listed == b""


@pytest.mark.slow
def test_the_same_bytes_as_in_python(from_go: bytes) -> None:
    from_python = subprocess.run([sys.executable, EXAMPLE / "workflow.py"], capture_output=True, check=True).stdout
    assert from_go == from_python


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_a_workflow_of_every_engine(engine: str, from_go: bytes) -> None:
    if engine == "airflow":
        pytest.importorskip("airflow")
    text = convert(Text(from_go.decode(), "nightly.json"), engine).text
    assert problem_of(Outcome("nightly", text, None), engine) == ""


@pytest.mark.slow
def test_go_reads_and_writes_every_workflow_of_ours(program: Path) -> None:
    count = 0
    for workflow in own_workflows():
        data = to_json(workflow)
        done = _written(program, data)
        assert done.stdout == data, f"{workflow.label}: {done.stderr.decode()}"
        count += 1
    assert count > 100


@pytest.mark.slow
def test_go_refuses_another_version(program: Path, from_go: bytes) -> None:
    later = from_go.replace(b"couler.ir/v1", b"couler.ir/v9")
    done = _written(program, later)
    assert done.returncode == 1
    assert b'the schema is "couler.ir/v9"' in done.stderr
    with pytest.raises(CoulerError, match=r"the schema is 'couler\.ir/v9'"):
        from_json(later)


@pytest.mark.slow
def test_go_writes_texts_and_numbers_as_python_does(program: Path) -> None:
    """Go escapes what is special to HTML and JavaScript, and writes numbers in its own way."""
    texts = [*map(chr, range(0x100)), "\u2028", "\u2029", "\\u2028", "\U0001f600", "<a href='x'>&amp;</a>"]
    constants = [Literal(value=value) for value in (*texts, 1, 1.0, -0.0, 1e16, 5e-324, 2**63, True, None)]
    parameters = tuple(Port(name=f"p{number}", value=value) for number, value in enumerate(constants))
    data = to_json(Workflow(name="\u2028", engine="couler", kind="Workflow", parameters=parameters))
    assert _written(program, data).stdout == data


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    ['"workflow": {', '"entry": {', '"type": "call",', '"type": "reference",', '"retry": {', '"type": "all-of",'],
)
def test_go_refuses_fields_that_the_schema_does_not_have(place: str, program: Path, from_go: bytes) -> None:
    data = from_go.replace(place.encode(), f'{place} "colour": "red",'.encode(), 1)
    assert data != from_go
    done = _written(program, data)
    assert done.returncode == 1
    assert b'unknown field "colour"' in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("value", [b"[1]", b'{"a": 1}'])
def test_go_refuses_constants_that_are_none(value: bytes, program: Path, from_go: bytes) -> None:
    done = _written(program, from_go.replace(b'"value": "usage"', b'"value": ' + value))
    assert (done.returncode, b"is no constant" in done.stderr) == (1, True)


def _written(program: Path, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """What the program says to a workflow."""
    return subprocess.run([program, "/dev/stdin"], input=data, capture_output=True, check=False)


def own_workflows() -> Iterator[Workflow]:
    for path in sorted(CORPUS.glob("*/*.yaml")):
        try:
            yield from lift(str(path)).workflows
        except CoulerError:
            continue  # traces, and what is refused on purpose
