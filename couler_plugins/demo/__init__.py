"""Workflows for `couler demo`."""

from importlib.resources import files

__all__ = ["workflow"]


def workflow(name: str = "churn.yaml") -> str:
    """The text of one of them.

    Args:
        name: `churn.yaml`, a nightly model on Argo Workflows, as a team would have it, with what its owners declared
            pure; or `authoring.py`, a workflow in Python that no engine has seen yet.
    """
    return files("couler_plugins.demo").joinpath(name).read_text(encoding="utf-8")
