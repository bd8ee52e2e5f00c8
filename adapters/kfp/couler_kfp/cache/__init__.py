"""Caching by the keys that the backend makes: which tasks may be, and what is known before a run."""
