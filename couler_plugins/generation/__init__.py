"""Generation of workflows from plain language: a flat form for models, its checks, and the requests to models."""
