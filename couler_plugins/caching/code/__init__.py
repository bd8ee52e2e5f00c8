"""What Python code computes, as data for a key: callables, values, and the modules behind them."""
