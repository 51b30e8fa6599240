"""A terminal REPL that shows async iteration live."""

__version__ = "0.1.0"
