"""Gets a model that was published under a name."""

import json
import sys

from couler_plugins.steps.scripts.files import fetched
from couler_plugins.steps.scripts.running import run


def main(name: str, version: str, registry: str) -> dict[str, object]:
    """Where the model is, its version, and what was measured; the version that came last where none is given."""
    if any(not part or part.startswith(".") or "/" in part for part in (name, version or "latest")):
        sys.exit(f"{name!r} and {version!r} have to be names without a slash")
    folder = f"{registry.rstrip('/')}/{name}"
    try:
        card = fetched(f"{folder}/{version}/model.json" if version else f"{folder}/latest.json")
        about = json.loads(card.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"there is no model {name!r}{f' of the version {version!r}' if version else ''} in {registry}")
    return {"model": about["model"], "version": about["version"], "metrics": about["metrics"]}


if __name__ == "__main__":
    run(main)
