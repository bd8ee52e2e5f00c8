"""A program given as text is that text where it runs: Kubernetes reads what stands in the arguments of containers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from couler_plugins.authoring import workflow

PROGRAMS = ["echo $$ $$$ $HOME $(date)", "trap 'rm /tmp/x.$$' EXIT; echo $$$$", "echo '$$(x)' $"]


def expanded(text: str) -> str:
    """What a container gets of an argument, with nothing in its environment (expansion.Expand of Kubernetes)."""
    return re.sub(r"\$\$", "$", text)


def texts(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case list() | dict():
            for item in data.values() if isinstance(data, dict) else data:
                yield from texts(item)


def arguments(text: str, engine: str) -> list[str]:
    """The texts of a file of an engine."""
    if engine == "airflow":
        tree = ast.walk(ast.parse(text))
        return [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [item for document in yaml.safe_load_all(text) for item in texts(document)]


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_arrives_as_it_stands(program: str, engine: str) -> None:
    with workflow("w") as written:
        couler.run_script("busybox", source=program, step_name="a")
    given = arguments(written.to(engine), engine)
    assert program in [expanded(item) for item in given]


@pytest.mark.parametrize("program", PROGRAMS)
def test_argo_has_programs_in_files(program: str) -> None:
    with workflow("w") as written:
        couler.run_script("busybox", source=program, step_name="a")
    assert program in arguments(written.to("argo"), "argo")


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
def test_around_a_value_of_the_run_too(engine: str) -> None:
    with workflow("w", parameters={"day": "monday"}) as written:
        couler.run_script("busybox", source=f"echo $$ {written.parameter('day')} $$", step_name="a")
    assert written.to(engine).count("$$$$") == 2
