"""What Tekton cannot say: the fields that the table of capabilities calls refused."""

from couler_plugins.engine_kit.refusing import Refusals
from couler_tekton.capabilities import CAPABILITIES

REFUSALS = Refusals("tekton", "Tekton", CAPABILITIES)
refuse_unsupported, unsupported = REFUSALS.check, REFUSALS.error
