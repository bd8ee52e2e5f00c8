"""What tests of reviews and of GitOps share: repositories of git, a workflow with twins, pages of the documentation."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support import ROOT

__all__ = ["TWINS", "WEB", "blocks_of", "commit_all", "git"]

WEB = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template: {}\n"
TWINS = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: train
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: one}
      - {name: b, template: two}  # the same
  - name: one
    container: {image: alpine, command: [echo, hi]}
  - name: two
    container: {image: alpine, command: [echo, hi]}
"""
"""A workflow with two templates that `dedupe` makes one of."""
WHO = ("-c", "user.name=tester", "-c", "user.email=tester@example.test", "-c", "init.defaultBranch=main")


def git(*arguments: str) -> str:
    """Runs git in the current folder, without settings of this machine."""
    done = subprocess.run(["git", *WHO, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit_all(message: str = "all") -> str:
    """Commits everything in the current folder, and returns the commit; makes a repository where there is none."""
    if not Path(".git").exists():
        git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


def blocks_of(page: str, language: str) -> list[str]:
    """The blocks of code of a language in a page of the documentation."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
