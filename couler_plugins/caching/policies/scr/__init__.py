"""SCR-EM: the choice of artifacts by scenarios of a learned edit model."""

from couler_plugins.caching.policies.scr.policy import Scr

__all__ = ["Scr"]
