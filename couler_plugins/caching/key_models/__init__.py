"""Key models: who computes an engine's keys (the manifest, the engine itself, the pods by value, or the workers)."""
