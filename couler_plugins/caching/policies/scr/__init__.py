"""SCR-EM: the choice of artifacts by scenarios of a learned edit model.

`shape` is a version of a workflow as a graph, `model` learns how it is edited, `comebacks` how often that is undone,
and `learned` is the view of the history that all comes from. `decision` turns that into weighted versions of the next
run (scenarios) and puts all together: `cost` says what the next run is expected to cost with what is kept, `choice`
holds what is kept, and `choose` searches.
"""

from couler_plugins.caching.policies.scr.policy import Scr

__all__ = ["Scr"]
