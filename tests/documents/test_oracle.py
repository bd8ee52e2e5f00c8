"""What we read is what Kubernetes' own YAML library reads: oracle/ is a small Go program around it."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couler_plugins.documents import diff, dump_yaml, read, splice
from couler_plugins.errors import InvalidInput
from documents.cases import DIFFERENT, DOCUMENTS, NUMBERS, TAGGED, WORDS
from documents.edits import KINDS, edit
from documents.judge import corpus, exactly
from documents.test_rereading import HANDED
from support import GO, examples

pytestmark = pytest.mark.oracle

SOURCE = Path(__file__).parent / "oracle"


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert GO
    source = tmp_path_factory.mktemp("oracle")  # the build must not write into the tree; Go caches what it compiles
    shutil.copytree(SOURCE, source, dirs_exist_ok=True)
    program = source / "oracle"
    built = subprocess.run(
        [GO, "build", "-o", str(program), "."], cwd=source, capture_output=True, text=True, timeout=300, check=False
    )
    if built.returncode:
        pytest.skip(f"the oracle cannot be built here: {built.stderr.strip()[-200:]}")
    return program


def ask(oracle: Path, texts: list[str]) -> list[tuple[bool, Any]]:
    done = subprocess.run([oracle], input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=True)
    return [
        (False, answer["error"]) if "error" in answer else (True, json.loads(answer["json"]))
        for answer in json.loads(done.stdout)
    ]


def ours(text: str) -> tuple[bool, Any]:
    try:
        file = read(text, "<test>")
    except InvalidInput as error:
        return False, str(error)
    return True, file.documents[0].data


def as_go(data: Any) -> Any:
    """Go writes 1.0 as 1, 2e+20 as digits and -0.0 as -0, which Python reads as 0; only the number counts then."""
    if isinstance(data, dict):
        return {key: as_go(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_go(value) for value in data]
    return float(data) + 0.0 if isinstance(data, int | float) and not isinstance(data, bool) else data


def check(oracle: Path, texts: list[str]) -> None:
    answers = ask(oracle, texts)
    differing = [
        (text, mine, theirs)
        for text, theirs in zip(texts, answers, strict=True)
        if (mine := ours(text))[0] != theirs[0] or (mine[0] and not exactly(as_go(mine[1]), as_go(theirs[1])))
    ]
    assert not differing


@pytest.mark.parametrize(
    "pattern", ["{}\n", "a: {}\n", "- {}\n", "{}: a\n", "[{}]\n", "a: '{}'\n", 'a: "{}"\n', "a: !!str {}\n"]
)
def test_scalars_and_keys(oracle: Path, pattern: str) -> None:
    check(oracle, [pattern.replace("{}", text) for text in NUMBERS + WORDS])


@pytest.mark.parametrize("pattern", ["a: {}\n", "? {}\n: a\n"])
def test_tags(oracle: Path, pattern: str) -> None:
    check(oracle, [pattern.replace("{}", text) for text in TAGGED])


def test_documents(oracle: Path) -> None:
    check(oracle, DOCUMENTS)


@pytest.mark.parametrize(("text", "accepted"), DIFFERENT)
def test_known_differences(oracle: Path, text: str, accepted: bool) -> None:
    assert ours(text)[0] is accepted
    assert ask(oracle, [text])[0][0] is not accepted


def test_corpus(oracle: Path) -> None:
    files = corpus()
    singles = [text for path in files if "\n---" not in (text := path.read_text())]
    assert len(singles) > 150
    check(oracle, singles)


def test_spliced_manifests(oracle: Path) -> None:
    """What an edit makes of a manifest is what was wanted to Kubernetes, too."""
    texts: list[str] = []
    wanted: list[Any] = []
    for path in corpus():
        file = read(path.read_bytes(), path.name)
        if len(file.documents) > 1:
            continue
        old = file.documents[0].data
        for kind in KINDS:
            if (edited := edit(old, kind, random.Random(f"{path.name} {kind}"))) is not None:
                edits = diff(old, edited.new, edited.origins)
                texts.append(splice(file, {0: (edited.new, edits)}).text)
                wanted.append(edited.new)
    assert len(texts) > 1000
    for text, data, (accepted, answer) in zip(texts, wanted, ask(oracle, texts), strict=True):
        assert accepted, (answer, text)
        assert exactly(as_go(answer), as_go(data))


# Without ! and ?, where we mean to differ.
SPECIAL = st.text(st.sampled_from("0123456789+-._eExXoObBaAfFyYnNtTzZ:, ~<>=|&*%@#'\"{}[]\n\t"), max_size=8)


COLON = re.compile(r"[\[{].*:[,\[\]{}]", re.DOTALL)
"""What libyaml refuses and Go does not: see `DIFFERENT`."""


@settings(max_examples=examples(25))
@given(st.lists(SPECIAL.filter(lambda text: not COLON.search(text)), min_size=80, max_size=80))
def test_random_scalars(oracle: Path, texts: list[str]) -> None:
    check(oracle, [f"- {text}\n" for text in texts])


@settings(max_examples=examples(25))
@given(st.lists(SPECIAL | st.text(max_size=12), min_size=80, max_size=80))
def test_what_is_written_reads_back(oracle: Path, texts: list[str]) -> None:
    data: Any = [{text: [text, {"nested": text}]} for text in texts]
    answers = ask(oracle, [dump_yaml(item) for item in data] + [dump_yaml(data)])
    assert exactly([answer for _, answer in answers], [*data, data])


def test_what_is_handed_on_otherwise(oracle: Path) -> None:
    """The JSON that engines take for a text, letter by letter."""
    texts = [f"- {text}" for text in HANDED]
    done = subprocess.run([oracle], input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=True)
    assert [answer["json"] for answer in json.loads(done.stdout)] == [f"[{handed}]" for handed in HANDED.values()]
