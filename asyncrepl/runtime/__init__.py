"""What the process is given and keeps: folders, streams, files, settings, statuses."""
