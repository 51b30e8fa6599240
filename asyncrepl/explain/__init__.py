"""What went wrong with async iteration, told from evidence."""
