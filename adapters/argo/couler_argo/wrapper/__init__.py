"""Caching by a wrapper around a command, for results that memoization cannot keep."""
