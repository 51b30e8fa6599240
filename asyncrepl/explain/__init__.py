"""What went wrong with async iteration, told from evidence.

`explain` is imported at the first error, not before: it reads the whole catalogue.
"""
