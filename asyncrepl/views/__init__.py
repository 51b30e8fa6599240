"""From events and outcomes to styled lines: pure functions."""
