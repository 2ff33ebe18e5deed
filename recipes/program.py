"""How a recipe runs as a program: what a person can mend ends it in one line."""

import math
import sys

from absl import app, flags

from kzoo.train import CheckpointError, LostWorker, named_errors

MENDABLE = (ValueError, OSError, ArithmeticError, CheckpointError, LostWorker)
TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where an error came from.")


def require_finite():
    """Refuses nan and inf, which are within every bound, as values of flags."""
    for name in flags.FLAGS:
        if isinstance(flags.FLAGS[name].parser, flags.FloatParser):
            flags.register_validator(
                name,
                lambda value: value is None or math.isfinite(value),
                "it is a finite number",
            )


def run(main):
    """Runs `main(arguments)` with the words of the command line that are no flags."""
    require_finite()

    def program(words):
        try:
            with named_errors():
                main(words[1:])
        except MENDABLE as error:
            if TRACEBACK.value:
                raise
            sys.exit(f"error: {error}")

    app.run(program)
