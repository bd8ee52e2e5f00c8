"""Language models over OpenAI's protocol: what is asked, a budget, and records that decisions are replayed from."""
