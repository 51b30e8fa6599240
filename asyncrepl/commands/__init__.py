"""The words that begin with a colon, and the shell that understands them."""
