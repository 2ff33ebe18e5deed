"""Ctrl-C and SIGTERM: a run saves its state and ends."""

import contextlib
import signal


class Stopped(SystemExit):
    """Somebody asked the run to stop; its state is saved."""


class Stopper:
    """Inside its `with`, the first Ctrl-C or SIGTERM is only noted, as `asked`; a
    second one ends the program as ever.
    """

    def __init__(self):
        self.asked = False
        self._at_once = False
        self._before = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self, possible=True):
        """Inside, being asked raises `Stopped`: for what is long and can be redone."""
        self._at_once = possible
        try:
            yield
        finally:
            self._at_once = False

    def _note(self, number, frame):
        self.asked = True
        self.__exit__()
        if self._at_once:
            raise Stopped("stopped while it was evaluated; " + CONTINUE)


CONTINUE = "the same command continues from here"
