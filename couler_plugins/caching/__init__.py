"""When a result may be reused, and what its key covers."""
