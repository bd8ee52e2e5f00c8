"""Earlier states of a git repository, for commands that compare with them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from couler_plugins.errors import InvalidInput


def base_commit(revision: str) -> str:
    """Return the commit where the current history left that of a revision; the revision's own where none is known.

    Raises:
        InvalidInput: there is no git, no repository, or no such revision.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    try:
        return _git("merge-base", commit, "HEAD").strip()
    except InvalidInput:  # in a shallow clone, say
        return commit


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[None]:
    """Make the files of a commit the current folder, for a `with` block; the work tree and the index stay as they are.

    The current folder becomes the same folder of the repository at that commit. A file that was moved since is where it
    is now, so that both can be compared by name.
    """
    top, prefix = (_git("rev-parse", option).rstrip("\n") for option in ("--show-toplevel", "--show-prefix"))
    moves = _git("diff", "--find-renames", "--diff-filter=R", "--name-status", "-z", commit).split("\0")
    with tempfile.TemporaryDirectory(prefix="couler-review-") as folder:
        tree = Path(folder, "tree")
        (tree / ".git").mkdir(parents=True)  # so that .gitignore files are looked for up to here
        _git("-C", top, "read-tree", commit, index=f"{folder}/index")
        _git("-C", top, "checkout-index", "--all", f"--prefix={tree}/", index=f"{folder}/index")
        for old, new in zip(moves[1::3], moves[2::3], strict=False):
            with contextlib.suppress(OSError):  # of a module of git, there is no file
                (tree / new).parent.mkdir(parents=True, exist_ok=True)
                (tree / old).rename(tree / new)
        (tree / prefix).mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(tree / prefix):
            yield


def _git(*arguments: str, index: str = "") -> str:
    """Return what git prints, with an index of its own where one is named.

    Raises:
        InvalidInput: there is no git, or it refuses.
    """
    import subprocess  # takes longer to import than all else here

    environment = os.environ | ({"GIT_INDEX_FILE": index} if index else {})
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False, env=environment)  # noqa: S603, S607  # no argument is a command
    except OSError as error:
        raise InvalidInput(f"git cannot be called: {error.strerror}", hint="install git") from error
    if done.returncode:
        reason = " ".join(os.fsdecode(done.stderr).split())[-300:] or "there is no such commit"
        hint = "call couler in a git repository, and fetch the commit first"
        raise InvalidInput(f"git {' '.join(arguments)}: {reason}", hint=hint)
    return os.fsdecode(done.stdout)
