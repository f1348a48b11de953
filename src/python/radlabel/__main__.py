"""The command line: ``radlabel`` and ``python -m radlabel``."""

import signal
import sys

from ._radlabel import main as run


def main() -> int:
    """Runs the command line with the arguments of the process; gives the exit code."""
    # Python would only note an interruption and act on it when Rust has finished.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(["radlabel", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
