"""The command line: python -m explorer COMMAND."""

import argparse
import sys
from typing import Any

from explorer.commands import codes, export, figures, film, lesson
from training.errors import UserError

# Modules with HELP, add_arguments(parser) and run(arguments).
COMMANDS: dict[str, Any] = {
    "export": export,
    "figures": figures,
    "codes": codes,
    "film": film,
    "lesson": lesson,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; errors that a user can mend are one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    form = argparse.ArgumentDefaultsHelpFormatter
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.HELP, description=command.HELP, formatter_class=form
        )
        command.add_arguments(sub)
        sub.set_defaults(command=command.run)
    args = parser.parse_args(argv)
    try:
        args.command(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; what is written stays.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
