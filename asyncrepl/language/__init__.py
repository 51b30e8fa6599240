"""From text to a command, a statement or a mistake; no loop, no terminal."""
