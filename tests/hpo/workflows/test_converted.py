"""Workflows with tuning in them, written for another engine: what goes along, and what is refused with a way."""

from __future__ import annotations

from itertools import permutations

import pytest

from couler_plugins.api import Result, Text, convert
from couler_plugins.documents import read
from couler_plugins.errors import Unsupported
from couler_plugins.options.config import Config
from hpo.workflows.test_handed import ENGINES, settings, written
from hpo.workflows.test_orders import TRIALS, run, subject
from hpo.workflows.tuned import Told

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
PAIRS = [(engine, to) for engine, to in permutations(("argo", "tekton", "kfp"), 2) if (engine, to) != ("kfp", "tekton")]
"""The one of KFP hands an artifact on, which Tekton has not."""


def converted(text: str, to: str) -> Result:
    done = convert(Text(text, "w.yaml"), to, config=Config())
    for file in done.files:
        if file.error is not None:
            raise file.error
    return done


@pytest.mark.parametrize(("engine", "to"), PAIRS)
def test_what_is_marked_is_tuned_where_it_was_converted_to(engine: str, to: str) -> None:
    there = converted(subject(engine).text, to).text
    assert there.count("couler.io/tune") == 1
    tuned = run(there, TRIALS).text
    adapter = subject(to).adapter()
    before, after = (list(adapter.lint(adapter.load([read(text, "w.yaml")]))) for text in (there, tuned))
    assert [remark.message for remark in after] == [remark.message for remark in before]
    assert "train-best" in tuned
    assert run(tuned, TRIALS).text == tuned


@pytest.mark.parametrize(("engine", "to"), [*PAIRS, ("kfp", "tekton"), ("kfp", "airflow"), ("argo", "airflow")])
def test_trials_are_refused_with_the_way_to_have_them_there(engine: str, to: str) -> None:
    with pytest.raises(Unsupported, match="'train-trials' and 'train-best' are trials that") as caught:
        converted(run(subject(engine).text, TRIALS).text, to)
    hint = "convert the workflow as it was before it was tuned, and tune what comes of it"
    assert caught.value.hint == hint
    assert caught.value.step in ("main/train", "pipeline/train", "root/train")


@pytest.mark.parametrize(("engine", "to"), PAIRS)
def test_values_that_were_written_go_along_without_the_note_on_steps_of_other_names(engine: str, to: str) -> None:
    assert engine in ENGINES
    text, _ = written(engine, subject(engine).text, Told(settings(engine)))
    done = converted(text, to)
    assert "couler.io/tuned" in text
    assert "couler.io/tuned" not in done.text
    assert "0.03" in done.text
    said = [decision.action for file in done.files for decision in file.decisions]
    assert "leave out the note of what was tuned" in said
