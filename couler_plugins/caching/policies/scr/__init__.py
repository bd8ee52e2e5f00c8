"""SCR-EM: the choice of artifacts by scenarios of a learned edit model.

`shape` is a version of a workflow as a graph, `model` learns how it is edited, `comebacks` how often that is undone,
and `learned` is the view of the history that all comes from. `scenarios` turns that into weighted versions of the next
run, `cost` says what the next run is expected to cost with what is kept, `choice` holds what is kept, `choose`
searches, and `decision` puts it together.
"""

from couler_plugins.caching.policies.scr.policy import Scr

__all__ = ["Scr"]
