"""How a recipe runs as a program: what a person can mend ends it in one line."""

import sys

from absl import app, flags

from kzoo.train import CheckpointError, LostWorker, named_errors

MENDABLE = (ValueError, OSError, ArithmeticError, CheckpointError, LostWorker)
TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where an error came from.")


def run(main):
    """Runs `main(arguments)` with the words of the command line that are no flags."""

    def program(words):
        try:
            with named_errors():
                main(words[1:])
        except MENDABLE as error:
            if TRACEBACK.value:
                raise
            sys.exit(f"error: {error}")

    app.run(program)
