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

__all__ = ["CHOSEN", "environment", "picking", "selecting"]

CHOSEN = "couler_trial"
"""The output of `picking` that says which setting it was."""

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
