"""What tuners use of the contract; see `couler_plugins.hookspecs.trials`."""

from couler_plugins.hookspecs.trials import Proposal, Task, Trial, best_of

__all__ = ["Proposal", "Task", "Trial", "best_of"]
