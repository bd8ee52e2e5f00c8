"""Requests and limits of steps from what past runs used."""
