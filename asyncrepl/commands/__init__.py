"""The commands of the prompt, a family a file; and a shell that has them all."""
