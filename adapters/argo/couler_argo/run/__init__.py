"""Running: documents go to a cluster, and are followed there."""
