"""Training logs that a language model predicts: the prompts, what a log is, and the best of them."""
