"""`couler cache run` beside the same command without it: the outputs are those of a clean run, in every case."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.cache_processes import COULER, environment
from support import first_of


class Fault(AssertionError):
    """The outputs are not those of a run without the cache."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call.

    Attributes:
        before: shell commands that prepare it.
        options: options of `couler cache run`.
        command: what it runs, for a shell.
        env: more environment variables.
        given: its standard input.
    """

    command: str
    before: str = ""
    options: Sequence[str] = ("--value", "a=1")
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    given: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Some calls, the last of which is judged.

    Attributes:
        name: of the case.
        steps: the calls.
        output: what the command makes.
        hits: whether the last call has to be a hit.
        is_unnamed: whether it reads what its options do not name: only who watches the command could know of it.
    """

    name: str
    steps: Sequence[Step]
    output: str = "o"
    hits: bool = False
    is_unnamed: bool = False


def twice(name: str, command: str, between: str = "", *, before: str = "", options: Any = None, **case: Any) -> Case:
    """Return a case of one call, made twice with something between."""
    given = {} if options is None else {"options": options}
    first = Step(command=command, before=before, **given)
    return Case(name=name, steps=(first, dataclasses.replace(first, before=between)), **case)


CASES = (
    twice("same", "echo 1 > o", hits=True),
    Case(
        name="only touched, where it was before",
        steps=(
            Step(command="echo one > o"),
            Step(command="touch o", options=("--value", "a=2")),
            Step(command="touch o", options=("--value", "a=2"), before="rm o"),
        ),
    ),
    Case(
        name="appended, where it was before",
        steps=(Step(command="echo new >> o", before="echo old > o"), Step(command="echo new >> o", before="rm o")),
    ),
    twice("copied with its time", "cp -p src o", before="echo data > src; touch -d 2020-01-01 src", hits=True),
    twice(
        "program of the same size and time",
        "sh prog.sh",
        "echo 'echo 2 > o' > prog.sh; touch -d 2020-01-01 prog.sh",
        before="echo 'echo 1 > o' > prog.sh; touch -d 2020-01-01 prog.sh",
        options=("--program", "prog.sh"),
    ),
    twice(
        "program that only the command names",
        "sh p.sh",
        "echo 'echo 2 > o' > p.sh",
        before="echo 'echo 1 > o' > p.sh",
        is_unnamed=True,
    ),
    Case(
        name="environment",
        is_unnamed=True,
        steps=(Step(command="echo $V > o", env={"V": "1"}), Step(command="echo $V > o", env={"V": "2"})),
    ),
    Case(
        name="home",
        is_unnamed=True,
        steps=(Step(command="echo $HOME > o", env={"HOME": "/a"}), Step(command="echo $HOME > o", env={"HOME": "/b"})),
    ),
    Case(
        name="zone",
        is_unnamed=True,
        steps=(
            Step(command="date -d @0 +%H > o", env={"TZ": "UTC"}),
            Step(command="date -d @0 +%H > o", env={"TZ": "Asia/Tokyo"}),
        ),
    ),
    Case(name="standard input", steps=(Step(command="cat > o", given="1\n"), Step(command="cat > o", given="2\n"))),
    twice(
        "link inside of a folder",
        "cat d/y > o",
        "echo 2 > d/x",
        before="mkdir d; echo 1 > d/x; ln -s x d/y",
        options=("--file", "d=d"),
    ),
    twice(
        "link that is an input",
        "cat cur > o",
        "ln -sfn fb cur",
        before="echo A > fa; echo B > fb; ln -s fa cur",
        options=("--file", "d=cur"),
    ),
    twice(
        "mode of an input",
        "./m > o || echo none > o",
        "chmod -x m",
        before="printf '#!/bin/sh\\necho x\\n' > m; chmod +x m",
        options=("--file", "m=m"),
    ),
    twice("empty folder in an input", "ls e | wc -l > o", "mkdir e/sub", before="mkdir e", options=("--file", "d=e")),
    twice(
        "data beside compiled code",
        "ls pf/__pycache__ | wc -l > o",
        "echo > pf/__pycache__/data",
        before="mkdir -p pf/__pycache__; echo > pf/main.py",
        options=("--program", "pf"),
    ),
    twice(
        "compiled code without a source",
        "cat pf/s.pyc > o",
        "echo 2 > pf/s.pyc",
        before="mkdir pf; echo 1 > pf/s.pyc",
        options=("--program", "pf"),
    ),
    twice(
        "input that is changed and put back",
        "cp i o; echo tmp > i; echo 1 > i",
        before="echo 1 > i",
        options=("--file", "i=i"),
    ),
    twice("hard link to an input", "ln i o", "rm o", before="echo src > i", options=("--file", "i=i")),
    twice("input outside of the list", "cat other > o", "echo 2 > other", before="echo 1 > other", is_unnamed=True),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = tmp_path / "w"
    own.mkdir()
    monkeypatch.chdir(own)
    return own


def parameters() -> Iterator[Any]:
    for case in CASES:
        marks = [pytest.mark.skip(reason="nothing watches the command")] if case.is_unnamed else []
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", first_of(parameters(), 6))
def test_outputs_are_those_of_a_run_without_the_cache(case: Case, folder: Path) -> None:
    truth, count = folder.parent / "truth", folder.parent / "count"
    for step in case.steps:
        subprocess.run(["sh", "-c", step.before], check=True)
        shutil.rmtree(truth, ignore_errors=True)
        shutil.copytree(folder, truth, symlinks=True)
        count.write_text("")
        command = ("sh", "-c", f"echo ran >> ../count; {step.command}")
        env = {**environment(COULER_CACHE_STORE=str(folder.parent / "store")), **step.env}
        call = [*COULER, "run", *step.options, "--output", f"o={case.output}", "--", *command]
        subprocess.run(call, env=env, input=step.given or "", text=True, check=True)
    last = case.steps[-1]
    env = {**os.environ, **last.env}
    subprocess.run(["sh", "-c", last.command], cwd=truth, env=env, input=last.given or "", text=True, check=True)
    if content(folder / case.output) != content(truth / case.output):
        raise Fault(f"{content(folder / case.output)!r}, but without the cache {content(truth / case.output)!r}")
    if case.hits and count.read_text():
        raise Fault("it ran again")


def content(path: Path) -> object:
    """Return what is at a path: a text, or the texts of a folder."""
    if path.is_dir():
        return {str(item.relative_to(path)): content(item) for item in sorted(path.iterdir())}
    return path.read_text() if path.exists() else None
