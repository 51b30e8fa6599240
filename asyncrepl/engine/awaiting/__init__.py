"""Who awaits what: chains, graphs, and what a task waits on."""
