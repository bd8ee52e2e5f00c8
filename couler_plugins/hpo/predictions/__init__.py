"""Training logs predicted by a language model: the prompts, the form of a log, and the choice of the best."""
