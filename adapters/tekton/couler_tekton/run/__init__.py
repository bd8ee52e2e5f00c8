"""Running: documents go to a cluster, and are followed there; parts of a pipeline that was split one after another."""
