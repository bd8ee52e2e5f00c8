"""Language models that predict training logs: clients, budgets, records, prompts."""
