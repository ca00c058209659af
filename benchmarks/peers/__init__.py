"""The systems that are compared. Each module: `KINDS` it can do, `fit(data, clock, seed)` that yields predictors."""
