"""What was forgotten: coroutines, async generators, exceptions."""
