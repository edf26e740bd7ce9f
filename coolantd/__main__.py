"""Entry point of ``python -m coolantd`` and of the ``coolantd`` script."""

import signal
import sys


def main() -> None:
    """Run the command line."""
    if "run" in sys.argv[1:]:
        # A reload asked for while the daemon starts must not end it; the configuration is yet to be read anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from coolantd.cli.main import app  # half of the start is spent importing: only after the line above

    app()


if __name__ == "__main__":
    main()
