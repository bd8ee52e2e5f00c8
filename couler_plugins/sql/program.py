"""Programs of statements, as forms of workflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.planning import Options, Plan, Planner
from couler_plugins.sql.statements import Refused

__all__ = ["Options", "read_program"]


def read_program(
    text: str,
    name: str,
    catalogue: Mapping[str, CatalogueStep],
    options: Options,
    *,
    dialect: str = "",
    report: Callable[[CoulerError], None],
) -> Plan:
    """Return the workflow of a program.

    Args:
        text: the statements.
        name: of the workflow.
        catalogue: the ready-made steps.
        options: what the workflow is given.
        dialect: of the standard part, as sqlglot calls it.
        report: is told of all statements that are refused but the first.

    Raises:
        InvalidInput: a statement is not understood, there is none, or one asks for what no step does.
    """
    planner = Planner(catalogue, options)
    statements = parse_program(text, dialect, options.file)
    refused: list[Refused] = []
    for item in statements:
        try:
            if isinstance(item, Refused):
                raise item
            planner.add(item)
        except Refused as error:
            refused.append(error)
    for other in refused[1:]:
        report(other)
    if refused:
        raise refused[0]
    if not statements:
        hint = "write one, with a semicolon behind it"
        raise InvalidInput("there is no statement in it", file=options.file, hint=hint)
    return planner.plan(name)
