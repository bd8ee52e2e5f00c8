"""Running: pipelines, whole or split, in this process or in a cluster."""
