"""Prompts for models that write workflows."""
