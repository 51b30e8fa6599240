"""The command line: arguments, files and pipes, the commands that need no prompt."""
