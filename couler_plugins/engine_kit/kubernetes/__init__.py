"""Kubernetes clusters, for whatever engine runs there: how they are reached, asked, and what is put into them."""
