"""The score that needs no model, and the search that it and generation stand on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from couler_plugins.generation.calibration import WEIGHTS, calibrate, clauses
from couler_plugins.generation.retrieval import Index, retrieve, words
from generation.forms import CATALOGUE, CHURN, form

WISH = "Load the usage table, train a model with rate 0.3, evaluate it, and publish it if the accuracy is over 0.9."
TASKS = ("load the table", "train a model", "evaluate the model", "publish the model")


def parts(document: dict[str, Any], wish: str = WISH) -> tuple[dict[str, float], tuple[str, ...]]:
    found = calibrate(form(document), wish, TASKS, CATALOGUE)
    assert 0 <= found.score <= 1
    return dict(found.parts), found.gaps


def test_what_is_asked_for_scores_1() -> None:
    found, gaps = parts(CHURN)
    assert found == dict.fromkeys(WEIGHTS, 1.0)
    assert gaps == ()
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_each_part_falls_with_what_it_stands_for() -> None:
    steps = CHURN["steps"]
    mail = {"name": "mail", "use": "send-mail", "inputs": [{"name": "to", "value": "me"}]}
    code = "def run(table: str):\n    return {'data': table}"
    python: dict[str, Any] = {"name": "load-table", "use": "python", "code": code, "outputs": ["data"]}
    python["inputs"] = [{"name": "table", "value": "usage"}]
    spoilt: dict[str, tuple[dict[str, Any], str]] = {
        "subtasks": ({**CHURN, "steps": steps[:3]}, "no step seems to do this: publish the model"),
        "steps": ({**CHURN, "steps": [*steps, {**mail, "needs": ["publish"]}]}, "asks for the step 'mail'"),
        "edges": ({**CHURN, "steps": [*steps, mail]}, "'mail' has nothing to do with the others"),
        "catalogue": ({**CHURN, "steps": [*steps, python]}, "the catalogue has 'load-table'"),
        "values": (CHURN, "says '17'"),
    }
    for name, (document, gap) in spoilt.items():
        found, gaps = parts(document, f"{WISH} Use 17." if name == "values" else WISH)
        assert found[name] < 1, name
        assert any(gap in one for one in gaps), gaps


def test_what_a_description_itself_names_is_not_held_against_a_step() -> None:
    step = {
        "name": "load-table",
        "use": "container",
        "image": "registry.example.com/shop:2",
        "command": ["shop", "load"],
    }
    document = {"name": "w", "steps": [step]}
    plain = calibrate(form(document), 'Load the table by "shop store".', (), CATALOGUE)
    assert plain.gaps == (
        "the step 'load-table' is written out, and the catalogue has 'load-table'",
        "the description says 'shop store', and the workflow does not",
    )
    named = calibrate(form(document), 'Load the table by registry.example.com/shop:2 with "shop load".', (), CATALOGUE)
    assert named.gaps == ()
    code = {"name": "load-table", "use": "python", "code": "def run():\n    return {}"}
    document = {"name": "w", "steps": [code]}
    assert calibrate(form(document), "A Python step loads the table.", (), CATALOGUE).parts["catalogue"] == 1
    assert calibrate(form(document), "Load the table.", (), CATALOGUE).parts["catalogue"] == 0


def test_the_same_is_always_scored_the_same() -> None:
    backwards = msgspec.structs.replace(form(CHURN), steps=form(CHURN).steps[::-1])
    assert calibrate(backwards, WISH, TASKS, CATALOGUE).score == calibrate(form(CHURN), WISH, TASKS, CATALOGUE).score


def test_a_description_falls_into_clauses() -> None:
    assert clauses("Load the table s3://a.b/c.csv, then train a model. Publish it!") == (
        "Load the table s3://a.b/c.csv",
        "train a model",
        "Publish it",
    )
    assert clauses("go") == ("go",)


def test_words_are_the_same_however_they_are_written() -> None:
    assert words("TrainModels") == words("train-model") == words("the training of models")[:2] == ["train", "model"]
    assert words("") == words("and of the") == []


def test_the_best_fit_comes_first_and_what_has_nothing_does_not_come() -> None:
    assert retrieve(["train a model"], CATALOGUE)[0] == "train-model"
    assert retrieve(["notify the team by mail"], CATALOGUE)[0] == "send-mail"
    assert retrieve(["deploy", "read a table"], CATALOGUE)[:2] == ["publish-model", "load-table"]
    assert retrieve(["quantum"], CATALOGUE) == []
    assert len(retrieve(["a model of a table"], CATALOGUE, most=2)) == 2


def test_rare_words_count_more_and_long_texts_less() -> None:
    texts = {"a": "model", "b": "model forest", "c": "model " * 3 + "and much else that says nothing of any forest"}
    index = Index(texts)
    assert index.best("forest", 3) == ["b", "c"]
    assert index.best("model", 3)[0] in ("a", "c")
    assert Index({}).best("anything", 3) == []
