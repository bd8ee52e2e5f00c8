"""Workflows that are written down for no engine: files that hold the JSON form of the IR."""
