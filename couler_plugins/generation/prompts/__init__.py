"""The texts that models are given when they write workflows."""
