"""``python -m asyncrepl`` is the program ``asyncrepl``."""

import sys

from asyncrepl.cli import main

if __name__ == "__main__":
    sys.exit(main())
