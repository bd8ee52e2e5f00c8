"""Holds a table against what its columns should be."""

import sys
from collections.abc import Iterator, Mapping

import pandas as pd

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table

TYPES = {
    "int": pd.api.types.is_integer_dtype,
    "float": pd.api.types.is_numeric_dtype,
    "bool": pd.api.types.is_bool_dtype,
    "text": pd.api.types.is_string_dtype,
}
RULES = ("type", "min", "max", "choices", "missing", "unique")


def main(data: str, schema: dict[str, dict[str, object]], strict: bool) -> dict[str, object]:
    """The same table, where it is as the schema says."""
    frame = table(data)
    problems = [problem for name, rules in schema.items() for problem in problems_of(frame, name, rules)]
    if strict:
        problems += [
            f"there is a column {name!r}, which the schema does not have" for name in frame if name not in schema
        ]
    if problems:
        sys.exit("\n".join(problems))
    return {"data": data, "rows": len(frame)}


def problems_of(frame: pd.DataFrame, name: str, rules: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with one column."""
    for rule in rules:
        if rule not in RULES:
            sys.exit(f"the schema has no rule {rule!r} for {name!r}: there is {', '.join(RULES)}")
    if name not in frame:
        yield f"there is no column {name!r}"
        return
    column = frame[name]
    present = column.dropna()
    if "type" in rules:
        if rules["type"] not in TYPES:
            sys.exit(f"the schema has no type {rules['type']!r}: there is {', '.join(TYPES)}")
        if not TYPES[str(rules["type"])](present.infer_objects() if present.empty else pd.Series(present.tolist())):
            yield f"{name!r} is {column.dtype}, not {rules['type']}"
            return
    if not rules.get("missing", True) and len(present) < len(column):
        yield f"{name!r} lacks {len(column) - len(present)} values"
    if "min" in rules and (present < rules["min"]).any():
        yield f"{name!r} goes down to {present.min()}, below {rules['min']}"
    if "max" in rules and (present > rules["max"]).any():
        yield f"{name!r} goes up to {present.max()}, above {rules['max']}"
    if isinstance(choices := rules.get("choices"), list) and not present.isin(choices).all():
        yield f"{name!r} has {present[~present.isin(choices)].iloc[0]!r}, which is none of its choices"
    if rules.get("unique") and present.duplicated().any():
        yield f"{name!r} has {present[present.duplicated()].iloc[0]!r} more than once"


if __name__ == "__main__":
    run(main)
