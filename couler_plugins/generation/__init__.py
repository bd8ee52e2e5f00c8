"""Workflows from plain language: a flat form that models write, what holds it to a catalogue, and what asks for it."""
