"""The loop that the user's code runs on: its clock, its control, its end."""
