"""The built-in catalogue of ready-made steps by what they are for, registered like anybody else's."""

from couler_plugins.markers import listed

couler_steps = listed(
    "couler_plugins.steps.sources:SOURCES",
    "couler_plugins.steps.tables:PREPARATION",
    "couler_plugins.steps.tables:FEATURE_STEPS",
    "couler_plugins.steps.training:TRAINING",
    "couler_plugins.steps.distributed:DISTRIBUTED",
    "couler_plugins.steps.katib:KATIB",
    "couler_plugins.steps.using:USING",
    "couler_plugins.steps.sources:TELLING",
)
