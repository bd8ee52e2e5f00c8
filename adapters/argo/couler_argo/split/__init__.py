"""Splitting: a workflow that is too big becomes parts, and a small one that starts them."""
