"""Writes into a channel of Slack, by its incoming webhook."""

import os

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.web import sent


def main(text: str) -> dict[str, object]:
    """The status of the answer. The URL is a secret: it comes from the variable SLACK_WEBHOOK_URL."""
    return {"status": sent(os.environ.get("SLACK_WEBHOOK_URL", ""), {"text": text}, "POST", {})}


if __name__ == "__main__":
    run(main)
