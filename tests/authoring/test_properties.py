"""Any way of putting calls into each other makes a whole workflow, which lints, and comes back from its print."""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import couler_plugins.authoring as couler
from couler_plugins import Text, lint
from couler_plugins.authoring import AuthoredWorkflow, equal, to_python, workflow
from couler_plugins.errors import CoulerError
from couler_plugins.ir import verify
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins
from support import examples

PLUGINS = load_plugins(load_config(environ={}))
Write = Callable[["Writing"], couler.Returned]


class Writing:
    """Writes steps of ever new names, and knows what can be read here."""

    def __init__(self, value: couler.RunValue | None = None) -> None:
        self.count = 0
        self.values: list[couler.RunValue] = [value] if value is not None else []

    def job(self, choice: int, more: str = "") -> couler.Returned:
        self.count += 1
        read = [self.values[choice % len(self.values)]] if self.values and choice % 3 else []
        arguments = [f"<{value}>" if choice % 2 else value for value in read] or ["none"]
        step = f"s{more}{self.count}" if choice % 5 else f"same{more}"
        made = couler.run_container("busybox", ["echo"], ["x", *arguments], step_name=step)
        self.values.append(made)
        return made


def jobs() -> st.SearchStrategy[Write]:
    return st.integers(0, 30).map(lambda choice: lambda writing: writing.job(choice))


def inside(written: st.SearchStrategy[Write]) -> st.SearchStrategy[Write]:
    def in_a_row(parts: list[Write]) -> Write:
        return lambda writing: [part(writing) for part in parts][-1]

    def beside(parts: list[Write]) -> Write:
        def write(writing: Writing) -> couler.Returned:
            before = list(writing.values)

            def branch(part: Write) -> couler.Returned:
                writing.values = list(before)  # what runs beside is not read
                return part(writing)

            made = couler.concurrent([lambda part=part: branch(part) for part in parts])
            writing.values = before
            found: couler.Returned = made[-1]
            return found

        return write

    def asked(part: Write) -> Write:
        def write(writing: Writing) -> couler.Returned:
            tested = writing.values[-1] if writing.values else writing.job(0)
            before = list(writing.values)
            couler.when(equal(tested, "x"), lambda: part(writing))
            writing.values = before  # what may be skipped is not read
            return writing.job(1)

        return write

    def mapped(part: Write) -> Write:
        def write(writing: Writing) -> couler.Returned:
            before = list(writing.values)

            def each(item: couler.RunValue) -> couler.Returned:
                writing.values = [*before, item]
                return part(writing)

            couler.map(each, ["a", "b"])
            writing.values = before
            return writing.job(1)

        return write

    def repeated(part: Write) -> Write:
        def write(writing: Writing) -> couler.Returned:
            before = list(writing.values)
            made: couler.Returned = couler.exec_while(equal("again"), lambda: part(writing))
            writing.values = [*before, made]
            return made

        return write

    def named(part: Write) -> Write:
        def write(writing: Writing) -> couler.Returned:
            first = writing.job(1)
            made: couler.Returned = couler.set_dependencies(lambda: part(writing), dependencies=[first])
            return made

        return write

    several = st.lists(written, min_size=1, max_size=3)
    return st.one_of(
        several.map(in_a_row),
        several.map(beside),
        written.map(asked),
        written.map(mapped),
        written.map(repeated),
        written.map(named),
    )


def findings(written: AuthoredWorkflow) -> list[str]:
    found = lint(Text(written.to("argo"), "made.yaml"), plugins=PLUGINS, config=load_config(environ={})).findings
    return [str(item) for item in found if item.severity == "error"]


@settings(max_examples=examples(40))
@given(st.recursive(jobs(), inside, max_leaves=8))
def test_whatever_is_written_is_whole_lints_and_comes_back(write: Write) -> None:
    with workflow("w") as written:
        write(Writing())
    assert verify(written.ir) == []
    assert findings(written) == []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "printed.py"
        path.write_text(to_python(written.ir))
        again: Any = runpy.run_path(str(path))["workflow"]
    assert again.ir == written.ir


@settings(max_examples=examples(40))
@given(st.recursive(jobs(), inside, max_leaves=6), st.sampled_from(["airflow", "kfp", "tekton"]))
def test_every_engine_takes_it_or_says_which_step_it_refuses(write: Write, engine: str) -> None:
    with workflow("w") as written:
        write(Writing())
    try:
        assert written.to(engine)
    except CoulerError as error:
        refused = (error.engine, bool(error.step), bool(error.hint))
        if refused != (engine, True, True):
            raise
