"""Asynchronous iteration, observed: the six steps of each ``async for``."""
