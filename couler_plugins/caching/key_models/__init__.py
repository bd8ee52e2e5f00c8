"""Who makes the keys of an engine's results: the manifest, the engine itself, the pods by value, or the workers."""
