"""Laws of splitting over a corpus of real workflows: each is refused with a reason, unchanged, or the same in parts."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from adapters.argo.caching.corpus import files, texts
from adapters.argo.crd import violations
from adapters.argo.split.test_split import STORED, differences, loaded
from couler_plugins.api import lint, optimize
from couler_plugins.errors import CoulerError
from couler_plugins.parallelism import portfolio
from oracles.argo_oracle import Oracle, build
from support import at_least, first_of

STEPS = (2, 3)
ASSUMED_SPLIT = {2: at_least(7, 33), 3: at_least(4, 17)}
"""How many files are split at least, so that the laws hold for some."""


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@cache
def outcomes(steps: int) -> dict[str, list[Any] | CoulerError]:
    """What becomes of each file that does not stay as it is."""
    found: dict[str, list[Any] | CoulerError] = {}
    for name, documents in files().items():
        if "dag:" not in texts()[name] and "steps:" not in texts()[name]:
            continue  # there is nothing to split
        try:
            pipeline = f"split{{into=workflows,max-steps={steps}}}"
            after = list(optimize(copy.deepcopy(documents), pipeline, plugins=loaded()).documents)
        except CoulerError as error:
            found[name] = error
        else:
            if after != documents:
                found[name] = after
    return found


def splits(steps: int) -> dict[str, list[Any]]:
    return {name: after for name, after in outcomes(steps).items() if isinstance(after, list)}


@pytest.mark.parametrize("steps", first_of(STEPS))
def test_it_is_refused_with_a_reason_or_computes_what_it_computed(steps: int) -> None:
    assert len(splits(steps)) >= ASSUMED_SPLIT[steps]
    for name, after in outcomes(steps).items():
        if isinstance(after, CoulerError):
            assert len(after.message) > 20, name
            continue
        (before,) = [document for document in files()[name] if document["kind"] == "Workflow"]
        stored = [document for document in after if document["kind"] in STORED]
        assert differences(before, stored) == [], name


@pytest.mark.parametrize("steps", first_of(STEPS))
def test_the_crds_and_lint_accept_it(steps: int) -> None:
    for name, after in splits(steps).items():
        assert not [violation for document in after if document["kind"] in STORED for violation in violations(document)]
        before, found = (
            {finding.code for finding in lint(copy.deepcopy(documents)).findings}
            for documents in (files()[name], after)
        )
        assert found <= before, name


@pytest.mark.oracle
@pytest.mark.parametrize("steps", STEPS)
def test_argo_accepts_what_it_accepted(steps: int, oracle: Oracle) -> None:
    names = list(splits(steps))
    before = oracle.judge([files()[name] for name in names])
    after = oracle.judge([[d for d in splits(steps)[name] if d["kind"] in STORED] for name in names])
    for name, old, new in zip(names, before, after, strict=True):
        if all(verdict.accepted for verdict in old):
            assert [verdict.complaint for verdict in new if not verdict.accepted] == [], name


@pytest.mark.parametrize("steps", first_of(STEPS))
def test_what_is_split_is_not_split_again(steps: int) -> None:
    for name, after in splits(steps).items():
        again = optimize(copy.deepcopy(after), f"split{{into=workflows,max-steps={steps}}}")
        assert list(again.documents) == after, name


@pytest.mark.slow
def test_another_process_makes_the_same_bytes() -> None:
    short = {name: number for name, number in vars(portfolio).items() if name.startswith(("TRIES", "SHAKES"))}
    program = f"from couler_plugins.parallelism import portfolio; vars(portfolio).update({short!r})\n"
    program += "import json; from adapters.argo.split.test_corpus import splits; print(json.dumps(splits(2)))"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == json.dumps(splits(2))
