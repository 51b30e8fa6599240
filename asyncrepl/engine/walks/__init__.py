"""Walks and their trace: the six steps of each ``async for``."""
