"""Gets a file."""

import hashlib
import sys

from couler_plugins.steps.scripts.files import fetched, kept
from couler_plugins.steps.scripts.running import run


def main(url: str, sha256: str, store: str) -> dict[str, object]:
    """The file, and its size; it is refused where its hash is another one than was asked for."""
    file = fetched(url)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        sys.exit(f"the sha256 of the file is {digest}, not {sha256}")
    return {"file": kept(file, store), "bytes": file.stat().st_size}


if __name__ == "__main__":
    run(main)
