"""What is put into the user's code: two compilations, probes, and where they are placed."""
