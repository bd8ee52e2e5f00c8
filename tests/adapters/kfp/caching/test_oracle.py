"""KFP's backend on what `cache` makes: it compiles it, and a salt is in what it looks tasks up by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.small import change, document, known_of, pipeline, pure
from adapters.subjects import KFP
from couler_plugins.api import optimize
from couler_plugins.documents import read
from oracles.kfp_oracle import KfpOracle, build

pytestmark = pytest.mark.oracle

ENV = "spec/deploymentSpec/executors/exec-make/container/env"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> KfpOracle:
    return build(tmp_path_factory.mktemp("kfp-oracle"))


def looked_up(spec: dict[str, Any]) -> dict[str, Any]:
    """What the driver knows of `make`: the values of its parameters, its image and its command."""
    parameters = spec["root"]["dag"]["tasks"]["make"]["inputs"]["parameters"]
    container = spec["deploymentSpec"]["executors"]["exec-make"]["container"]
    return {
        "inputs": {"parameterValues": {name: item["runtimeValue"]["constant"] for name, item in parameters.items()}},
        "image": container["image"],
        "command": [*container["command"], *container["args"]],
    }


def test_a_salt_tells_the_backend_what_it_would_not_see(oracle: KfpOracle) -> None:
    plain = pure(pipeline(), "exec-make", "exec-use")
    other = change(pure(pipeline(), "exec-make", "exec-use"), ENV, [{"name": "MODE", "value": "fast"}])
    without, without_other, salted, salted_other, again = oracle.fingerprints(
        [looked_up(spec) for spec in (plain["spec"], other["spec"], *map(document, (plain, other, plain)))]
    )
    assert without == without_other  # two environments, one result: that is why there are salts
    assert len({without, salted, salted_other}) == 3
    assert salted == again


def test_the_corpus_is_accepted_with_salts_and_switches(oracle: KfpOracle) -> None:
    files = [path for path in KFP.files() if path.name != "manifest.yaml"]  # that is a Kubernetes object
    originals = oracle.compile([[document.data for document in KFP.read(path).documents] for path in files])
    result = optimize([str(path) for path in files], "cache{assume-pure=true}")
    texts = [read(file.text or "", "") for file in result.files]
    cached = oracle.compile([[document.data for document in text.documents] for text in texts])
    assert [answer.error for answer in cached] == [answer.error for answer in originals]
    assert sum("couler-salt" in str(answer.workflow) for answer in cached) > 20


def test_what_is_known_is_imported_by_the_backend(oracle: KfpOracle, tmp_path: Path) -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    known = known_of(data, tmp_path / "known.json", artifacts={"out": {"uri": "s3://b/o", "metadata": {"rows": 3}}})
    (answer,) = oracle.compile([[document(data, f'cache{{known="{known}"}}'), data["platform"]]])
    assert answer.error is None
    assert "s3://b/o" in str(answer.workflow)
    assert "comp-make" not in str(answer.workflow)
