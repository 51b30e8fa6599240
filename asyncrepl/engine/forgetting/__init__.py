"""What was forgotten: coroutines, generators, tasks."""
