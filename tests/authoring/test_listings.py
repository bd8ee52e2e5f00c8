"""The paper's listings: each is what its golden files say on every engine, passes its lint, or is refused by step."""

from __future__ import annotations

import pytest

from authoring.listings import ENGINES, LISTINGS, golden, listing
from conversions import JUDGES
from couler_plugins.errors import Unsupported
from couler_plugins.ir import from_json, verify

PAPER = ["automl", "coin_flip", "diamond", "explicit_dag", "model_search", "producer_consumer", "recursion"]
LOWERED = [(name, engine) for name in PAPER for engine in ENGINES if name != "recursion" or engine == "argo"]
each_lowered = pytest.mark.parametrize(("name", "engine"), LOWERED)


def test_all_listings_of_the_paper_are_there() -> None:
    assert LISTINGS == PAPER


@pytest.mark.parametrize("name", PAPER)
def test_it_is_whole_and_survives_being_written_down(name: str) -> None:
    workflow = listing(name).ir
    assert verify(workflow) == []
    assert from_json(listing(name).to_json()) == workflow


@each_lowered
def test_it_is_what_it_was(name: str, engine: str) -> None:
    assert listing(name).to(engine) == golden(name, engine).read_text(encoding="utf-8")


@each_lowered
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")  # of kfp
def test_its_engine_finds_nothing_wrong(name: str, engine: str) -> None:
    assert JUDGES[engine](listing(name).to(engine)) == ""


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
def test_a_loop_that_asks_afterwards_is_refused_with_step_and_way_out(engine: str) -> None:
    with pytest.raises(Unsupported, match=r"'flip-coin' calls 'flip-coin-while', which calls itself") as caught:
        listing("recursion").to(engine)
    assert (caught.value.engine, caught.value.step, caught.value.feature) == (engine, "flip-coin", "Step.call")
    assert "inside of the container" in str(caught.value.hint)
