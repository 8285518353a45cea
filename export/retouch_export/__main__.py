"""`python -m retouch_export`."""

import sys

from retouch_export.cli import main

if __name__ == "__main__":
    sys.exit(main())
