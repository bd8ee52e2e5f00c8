"""Language models over OpenAI's protocol: requests, a budget, and records that decisions are replayed from."""
