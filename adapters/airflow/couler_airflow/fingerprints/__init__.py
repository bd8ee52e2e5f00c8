"""What a Python callable computes, as data for a key."""
