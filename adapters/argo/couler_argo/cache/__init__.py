"""Caching by Argo's own memoization: which templates may be cached, their keys, and which keys are out of date."""
