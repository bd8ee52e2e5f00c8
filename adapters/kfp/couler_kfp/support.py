"""What KFP cannot say: the fields that the table of capabilities calls refused."""

from __future__ import annotations

from couler_kfp.capabilities import CAPABILITIES
from couler_plugins.engine_kit.refusing import Refusals
from couler_plugins.ir import Literal, Value

REFUSALS = Refusals("kfp", "KFP", CAPABILITIES)
refuse_unsupported, unsupported = REFUSALS.check, REFUSALS.error


def whole_number(value: Value, feature: str, name: str) -> int:
    """The number that a value is; raises `Unsupported` for anything else."""
    match value:
        case Literal(value=int(number)) if not isinstance(number, bool):
            return number
    raise unsupported(feature, name, "needs a whole number here")
