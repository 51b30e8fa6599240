"""The loop that the user's code lives on: its clock, its control, its end."""
