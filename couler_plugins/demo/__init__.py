"""The workflow that `couler demo` works on."""

from importlib.resources import files

__all__ = ["workflow"]


def workflow() -> str:
    """A nightly churn model on Argo Workflows, as a team would have it, with what its owners declared pure."""
    return files("couler_plugins.demo").joinpath("churn.yaml").read_text(encoding="utf-8")
