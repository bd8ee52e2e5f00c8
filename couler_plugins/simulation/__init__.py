"""Simulator: streams of edited workflows, run with a cache of limited size, and schedules of graphs on workers."""
