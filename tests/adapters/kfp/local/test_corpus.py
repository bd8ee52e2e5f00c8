"""What optimizers leave computes the same: pipelines of the corpus really run, before and after.

To have another optimizer tried, add it to `OPTIMIZERS`.
"""

from __future__ import annotations

from functools import cache

import pytest

from adapters.kfp.local.corpus import ARGUMENTS, BY_CHANCE, FAILING, FILES, LEFT_OUT, SLOW, running
from adapters.kfp.local.running import LIMIT, Outcome, run
from couler_plugins.api import optimize
from support import first_of

pytestmark = pytest.mark.sampled

pytest.importorskip("kfp", reason="needs kfp")

OPTIMIZERS = ("dedupe", "cache{assume-pure=true}", "prune", "dedupe,cache", "cache,dedupe")
"""Pipelines of optimizers after which every outcome has to be what it was."""

SLEEPING = 10.0
"""Seconds that a pipeline is given which mostly sleeps."""

each = pytest.mark.parametrize("name", running())


@cache
def before(name: str) -> Outcome:
    return run(FILES[name].read_text("utf-8"), ARGUMENTS.get(name))


@each
def test_a_pipeline_ends_as_its_author_wants(name: str) -> None:
    outcome = before(name)
    assert FAILING[name] in outcome.error if name in FAILING else not outcome.error, outcome.log


@each
@pytest.mark.parametrize("pipeline", first_of(OPTIMIZERS, 2))
def test_what_is_optimized_computes_the_same(name: str, pipeline: str) -> None:
    result = optimize(str(FILES[name]), pipeline)
    if result.changed:
        assert run(result.text, ARGUMENTS.get(name)).same() == before(name).same()


@pytest.mark.long  # as the next one, it looks at our lists of pipelines, and nothing of ours is run
@pytest.mark.parametrize("name", [name for name in BY_CHANCE if name in FILES])
def test_what_cannot_be_compared_runs(name: str) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    assert not run(FILES[name].read_text("utf-8"), ARGUMENTS.get(name)).error


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in LEFT_OUT if name in FILES])
def test_what_is_left_out_still_has_its_reason(name: str) -> None:
    limit = SLEEPING if LEFT_OUT[name] == SLOW else LIMIT
    outcome = run(FILES[name].read_text("utf-8"), ARGUMENTS.get(name), limit)
    assert outcome.error
    assert LEFT_OUT[name] in outcome.error + outcome.log
