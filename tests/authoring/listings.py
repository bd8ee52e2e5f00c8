"""The listings in `examples/authoring`, and what they are lowered to.

`.venv/bin/python tests/authoring/listings.py` writes the golden files anew; look at the difference before it is kept.
"""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path

from couler_plugins.authoring import AuthoredWorkflow, written
from couler_plugins.errors import Unsupported

__all__ = ["ENGINES", "LISTINGS", "golden", "listing"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "authoring"
GOLDEN = Path(__file__).parent / "golden"
ENGINES = {"airflow": ".py.txt", "argo": ".yaml", "kfp": ".yaml", "tekton": ".yaml"}
LISTINGS = sorted(path.stem for path in FOLDER.glob("*.py"))


@cache
def listing(name: str) -> AuthoredWorkflow:
    """The workflow that a listing writes: as a value, or by calls outside of any block."""
    found = runpy.run_path(str(FOLDER / f"{name}.py"))
    values = [value for value in found.values() if isinstance(value, AuthoredWorkflow)]
    return values[0] if values else written(name.replace("_", "-"))


def golden(name: str, engine: str) -> Path:
    """The file that holds what a listing becomes for an engine; there is none where it is refused."""
    return GOLDEN / f"{name}.{engine}{ENGINES[engine]}"


def _write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name in LISTINGS:
        for engine in ENGINES:
            path = golden(name, engine)
            path.unlink(missing_ok=True)
            try:
                path.write_text(listing(name).to(engine), encoding="utf-8")
            except Unsupported as error:
                print(f"{path.name}: refused: {error}")  # noqa: T201  # a script


if __name__ == "__main__":
    _write()
