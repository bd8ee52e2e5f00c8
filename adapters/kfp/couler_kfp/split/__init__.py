"""Splitting: a pipeline that is too big becomes parts, and each writes down what others read of it."""
