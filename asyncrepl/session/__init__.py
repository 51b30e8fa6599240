"""A session at work: its shell, whoever types, and whoever listens to it."""
