"""Programs of statements, as forms of workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from couler_plugins.errors import InvalidInput
from couler_plugins.generation.form import Form
from couler_plugins.sql.clauses import Refused
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.planning import plan_program
from couler_plugins.sql.statements import Statement


def read_program(
    text: str, name: str, *, dialect: str, file: str, report: Callable[[InvalidInput], None], **options: Any
) -> tuple[Form, int]:
    """Return the workflow of a program, and how many statements it has.

    Args:
        text: the statements.
        name: of the workflow.
        dialect: of the standard part.
        file: the name of the file, for errors.
        report: is told of all statements that are refused but the first.
        options: those of `plan_program`.

    Raises:
        InvalidInput: a statement is not understood, there is none, or one asks for what no step does.
    """
    statements: list[Statement] = []
    refused: list[Refused] = []
    for item in parse_program(text, dialect, file):
        if isinstance(item, Refused):
            refused.append(item)
        else:
            statements.append(item)
    for error in refused[1:]:
        report(error)
    if refused:
        raise refused[0]
    if not statements:
        raise InvalidInput("there is no statement in it", file=file, hint="write one, with a semicolon behind it")
    return plan_program(statements, name, file=file, dialect=dialect, **options), len(statements)
