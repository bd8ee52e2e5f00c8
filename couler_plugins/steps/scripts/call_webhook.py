"""Calls a web service."""

import os
from typing import Literal

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.web import sent


def main(url: str, body: dict[str, object], method: Literal["POST", "PUT"]) -> dict[str, object]:
    """The status of the answer; the variable WEBHOOK_TOKEN, where there is one, says who we are."""
    token = os.environ.get("WEBHOOK_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return {"status": sent(url or os.environ.get("WEBHOOK_URL", ""), body, method, headers)}


if __name__ == "__main__":
    run(main)
