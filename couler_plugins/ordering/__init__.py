"""Order of steps: what need not wait, and what goes first."""
