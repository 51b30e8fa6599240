"""A session as something else: a script, a recording, a page, a picture, a trace."""
