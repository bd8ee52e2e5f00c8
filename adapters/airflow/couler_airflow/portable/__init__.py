"""DAGs in terms that other engines understand."""
