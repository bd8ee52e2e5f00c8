"""Cache policies: named by a text, and asked in a way that says whose fault a failure is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING

from couler_plugins.contract import one_line
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure
from couler_plugins.grammar import parse_items
from couler_plugins.options import build

if TYPE_CHECKING:
    from couler_plugins.hookspecs import CachePolicy
    from couler_plugins.plugins import Plugins
    from couler_plugins.runs import Candidate, History

__all__ = ["ask_policy", "online_policy", "parse_policy"]

log = logging.getLogger(__name__)
HINT = "report it to the policy's author, or choose another"


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


def online_policy(policy: CachePolicy) -> CachePolicy:
    """The policy that decides in its place on one artifact at a time.

    Raises:
        PluginFailure: it failed to say so.
    """
    with _blaming(policy):
        return policy.online()


@contextmanager
def _blaming(policy: CachePolicy) -> Iterator[None]:
    """Says which policy it was that failed."""
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:  # a plugin may call exit
        log.info("the traceback of the policy %s:", policy.name, exc_info=error)
        raise PluginFailure(f"the policy {policy.name!r} failed: {one_line(error)}", hint=HINT) from error


def ask_policy(
    policy: CachePolicy, candidates: Sequence[Candidate], capacity: int | None, history: History
) -> Set[str]:
    """What a policy keeps of the candidates, held to its contract.

    Raises:
        PluginFailure: it failed, or keeps what is no candidate, or more than fits.
    """
    with _blaming(policy):
        kept: object = policy.keep(candidates, capacity, history)
    if not isinstance(kept, Set):
        raise PluginFailure(f"the policy {policy.name!r} returned {type(kept).__name__}, not a set of keys", hint=HINT)
    sizes = {candidate.key: candidate.bytes for candidate in candidates}
    if strange := sorted(map(str, kept - sizes.keys())):
        raise PluginFailure(f"the policy {policy.name!r} kept what is no candidate: {strange[0]:.60}", hint=HINT)
    if capacity is not None and (taken := sum(sizes[key] for key in kept)) > capacity:
        raise PluginFailure(f"the policy {policy.name!r} kept {taken:,} bytes of at most {capacity:,}", hint=HINT)
    return kept
