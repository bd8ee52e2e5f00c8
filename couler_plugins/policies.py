"""Cache policies by name and options, as a pipeline or a command line gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from couler_plugins.errors import InvalidInput
from couler_plugins.grammar import parse_items
from couler_plugins.options import build

if TYPE_CHECKING:
    from couler_plugins.hookspecs import CachePolicy
    from couler_plugins.plugins import Plugins

__all__ = ["parse_policy"]


def parse_policy(text: str, plugins: Plugins) -> CachePolicy:
    """The policy that a text names, such as `scr` or `paper{rho=0.2}`.

    Raises:
        InvalidInput: it names none, or several, or no plugin provides it, or it has no such option.
        PluginFailure: two plugins provide it.
    """
    items = parse_items(text, "the policy")
    if len(items) != 1:
        raise InvalidInput(f"{text!r} does not name one policy", hint=f"name one of {', '.join(plugins.policies)}")
    return build(plugins.policy(items[0].name), items[0].options, f"the policy {items[0].name!r}")
