"""Fingerprints of Python code for keys: callables, values, and the modules behind them."""
