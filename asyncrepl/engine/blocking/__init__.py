"""Who blocks the loop, and for how long."""
