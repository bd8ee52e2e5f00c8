"""Scripts of ready-made steps. Each runs by itself in a container; what they share is written into each."""
