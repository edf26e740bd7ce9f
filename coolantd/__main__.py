"""Entry point of ``python -m coolantd`` and of the ``coolantd`` script."""

from coolantd.cli.main import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
