"""Cache wrapper around a command, for results that memoization cannot keep."""
