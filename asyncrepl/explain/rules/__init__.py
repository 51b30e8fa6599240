"""The rules, by family. Each is listed in `asyncrepl.explain.catalogue`."""
