"""The live loop and all that is observed on it; imports nothing that shows or explains."""
