"""What comes with splitting, registered like anybody else's: the partitioners."""

from couler_plugins.markers import listed

couler_optimizers = listed("couler_plugins.parallelism.optimizer:Split")
couler_partitioners = listed(
    "couler_plugins.parallelism.critical_path:CriticalPath",
    "couler_plugins.parallelism.simple:BandPack",
    "couler_plugins.parallelism.simple:Levels",
)
