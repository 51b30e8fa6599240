"""From text to a statement or a command, and what names in a text mean; runs nothing."""
