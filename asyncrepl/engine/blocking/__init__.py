"""The watch for a loop that is blocked."""
