"""The rules, by family. The order is that of `asyncrepl.explain.explainer`."""
