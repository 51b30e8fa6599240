"""The tasks of a loop: their record, and who awaits whom."""
