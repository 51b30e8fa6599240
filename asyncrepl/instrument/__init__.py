"""What is put into the user's code: two compilations, probes, where they stand."""
