"""Inputs of a call: files, folders, globs, texts and mappings, and how they are found and read."""
