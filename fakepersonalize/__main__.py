"""`python -m fakepersonalize` is the command line."""

from fakepersonalize.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
