"""Eviction: Argo's memoization, which never evicts by itself, under a policy and a capacity."""
