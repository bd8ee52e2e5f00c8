"""Caching by the keys that the backend makes: which tasks may be cached, and which results are known before a run."""
