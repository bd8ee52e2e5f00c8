"""Publishes a model under a name and a version."""

import hashlib
import json
import sys

from couler_plugins.steps.scripts.files import fetched, placed, scratch
from couler_plugins.steps.scripts.running import run


def main(model: str, name: str, version: str, metrics: dict[str, object], registry: str) -> dict[str, object]:
    """The place and the version, which is the start of the hash of the file where none is given.

    A card (`model.json`) beside the model says what it is; `latest.json` of the name says which version came last.
    """
    file = fetched(model)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    version = version or digest[:12]
    if any(not part or part.startswith(".") or "/" in part for part in (name, version)):
        sys.exit(f"{name!r} and {version!r} have to be names without a slash")
    folder = f"{registry.rstrip('/')}/{name}"
    place = f"{folder}/{version}/model{file.suffix}"
    placed(file, place)
    card = scratch("model.json")
    about = {"name": name, "version": version, "model": place, "sha256": digest, "metrics": metrics}
    card.write_text(json.dumps(about, indent=2, sort_keys=True), encoding="utf-8")
    placed(card, f"{folder}/{version}/model.json")
    placed(card, f"{folder}/latest.json")
    return {"place": place, "version": version}


if __name__ == "__main__":
    run(main)
