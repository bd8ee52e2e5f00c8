"""The data plane: what carries results between files and the artifact cache, for whatever runs the steps."""
