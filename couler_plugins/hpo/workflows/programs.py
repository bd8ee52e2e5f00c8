"""The program that picks the best trial, as an engine runs it: a script, or a function of Python."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from importlib.resources import files
from textwrap import indent

from couler_plugins.engine_kit.legalize.python.functions import Function
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.hookspecs.tuning import Trials
from couler_plugins.hpo.workflows import select_best
from couler_plugins.ir import Argument, EnvVar, Literal, Port, Reference, Value

CHOSEN = "couler_trial"
"""The output of `picking` that says which setting it was."""
GIVEN = "given-{}"
"""What the picker calls what a run was given for a hyperparameter."""

PICKING = f"""\
def pick_best(settings: list, trials: list, metric: str, maximize: bool) -> dict:
    import json, math, sys
{{measured}}
{{best}}
    texts = [one if isinstance(one, str) else json.dumps(one) for one in trials]
    chosen = best(settings, [(str(number), text) for number, text in enumerate(texts)], metric, maximize)
    return {{{{**chosen, "{CHOSEN}": settings.index(chosen)}}}}
"""


def selecting(places: Mapping[str, str], trials: str) -> str:
    """A program in Python, to be run with the `environment`.

    Args:
        places: the file for the value of each hyperparameter.
        trials: an expression in Python: a list of pairs, the number of a setting and the text that its trial has left.
            The modules `json`, `os` and `sys` are there.
    """
    text = files("couler_plugins.hpo.workflows").joinpath("select_best.py").read_text(encoding="utf-8")
    return f"{text}\n\nmain({json.dumps(dict(places))}, {trials})\n"


def picking(kinds: Mapping[str, str]) -> Function:
    """A function that picks, from what all trials have left, in the order of the settings.

    Args:
        kinds: of the values, by hyperparameter; they are its outputs.
    """
    parts = {part: indent(inspect.getsource(getattr(select_best, part)), "    ") for part in ("measured", "best")}
    return function_from_text(PICKING.format(**parts), outputs={**kinds, CHOSEN: "int"})


def environment(trials: Trials) -> dict[str, str]:
    """What the program finds in its environment."""
    settings = [{name: literal.value for name, literal in setting} for setting in trials.settings]
    return {
        "COULER_SETTINGS": json.dumps(settings),
        "COULER_METRIC": trials.metric,
        "COULER_GOAL": "maximize" if trials.maximize else "minimize",
    }


def variables(trials: Trials, more: Mapping[str, Value]) -> tuple[EnvVar, ...]:
    """The environment as variables of a container, with more of them, and what a run was given."""
    values: dict[str, Value] = {name: Literal(value=text) for name, text in environment(trials).items()}
    of_run = {name: Reference(to="input", kind="parameter", name=GIVEN.format(name)) for name in trials.parameters}
    values |= {**more, **{f"COULER_GIVEN_{name}": value for name, value in of_run.items()}}
    return tuple(EnvVar(name=name, value=value) for name, value in values.items())


def given_ports(trials: Trials, *, optional: bool = False) -> tuple[Port, ...]:
    """The inputs of the picker for what a run was given."""
    return tuple(Port(name=GIVEN.format(name), optional=optional) for name in trials.parameters)


def given_arguments(trials: Trials) -> tuple[Argument, ...]:
    """What is passed to these."""
    return tuple(Argument(name=GIVEN.format(name), value=value) for name, value in trials.parameters.items())
