"""Transcripts (`.pycon`): their grammar, replay and check."""
