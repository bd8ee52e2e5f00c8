"""Data plane: transfers of results between files and the artifact cache, for whatever runs the steps."""
