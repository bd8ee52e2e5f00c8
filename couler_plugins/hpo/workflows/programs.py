"""The program that picks the best trial, as an engine runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from couler_plugins.hookspecs.tuning import Trials

__all__ = ["environment", "selecting"]


def selecting(places: Mapping[str, str], trials: str) -> str:
    """A program in Python, to be run with the `environment`.

    Args:
        places: the file for the value of each hyperparameter.
        trials: an expression in Python: a list of pairs, the number of a setting and the text that its trial has left.
            The modules `json`, `os` and `sys` are there.
    """
    text = files("couler_plugins.hpo.workflows").joinpath("select_best.py").read_text(encoding="utf-8")
    return f"{text}\n\nmain({json.dumps(dict(places))}, {trials})\n"


def environment(trials: Trials) -> dict[str, str]:
    """What the program finds in its environment."""
    settings = [{name: literal.value for name, literal in setting} for setting in trials.settings]
    return {
        "COULER_SETTINGS": json.dumps(settings),
        "COULER_METRIC": trials.metric,
        "COULER_GOAL": "maximize" if trials.maximize else "minimize",
    }
