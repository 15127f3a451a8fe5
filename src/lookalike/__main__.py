"""`python -m lookalike` is the command."""

import sys

from lookalike.cli import main

sys.exit(main())
