"""The optimizer `cache`: rules for which results may be reused, and keys of what they depend on."""
