"""`python -m fakepersonalize` is the command line."""

import os
import sys

import fakepersonalize

# The current directory, which Python puts first: modules of the standard library must not be looked for there.
if __name__ == "__main__" and not sys.flags.safe_path:
    own = os.path.dirname(os.path.dirname(os.path.abspath(fakepersonalize.__file__)))
    if os.path.abspath(sys.path[0]) == os.getcwd() != own:
        del sys.path[0]

from fakepersonalize.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
