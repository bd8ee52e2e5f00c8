"""Legalization: workflows in terms that every engine can write: containers, texts, files, and what waits for what.

A workflow that `Adapter.portable` gives consists of these: operations of containers; parameters that are texts; output
parameters that are files under a fixed path, or what a container prints (`result`); conditions that are `conditions`
can read, or that only some engines have; loops over lists.
"""
