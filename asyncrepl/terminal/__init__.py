"""Keys in, lines out: the only package that imports prompt_toolkit."""
