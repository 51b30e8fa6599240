"""Sessions on paper: read, replayed and checked."""
