"""From text to a statement or a command, and what names in a text stand for; runs nothing."""
