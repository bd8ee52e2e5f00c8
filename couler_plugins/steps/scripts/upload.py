"""Puts a file somewhere."""

from couler_plugins.steps.scripts.files import fetched, placed
from couler_plugins.steps.scripts.running import run


def main(file: str, to: str) -> dict[str, object]:
    """The place where the file is now; what was there before is replaced."""
    placed(fetched(file), to)
    return {"place": to}


if __name__ == "__main__":
    run(main)
