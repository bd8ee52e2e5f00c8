"""Caching by Argo's own memoization: what may be, under which key, and what is out of date."""
