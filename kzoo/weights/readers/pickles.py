"""Reads pickles as data.

A pickle is a program for a small machine that may call any function of Python. This
machine has the instructions that make data, and calls nothing but what it is given.
"""

import pickletools

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
# Instructions that carry the value which they push.
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_MARK = object()


def unpickle(file, known, persistent=None):
    """The value of the pickle at the position of `file`, which moves behind it.

    Args:
      known: {"module.name": what stands for it}; functions among these are called.
      persistent: from the identifier of something beside the pickle to what it is.

    Raises:
      ValueError: for another name, or an instruction that is not needed for data.
    """
    machine = _Machine(known, persistent)
    for instruction, argument, _ in pickletools.genops(file):
        if instruction.name == "STOP":
            return machine.pop()
        machine.run(instruction.name, argument)


class _Machine:
    def __init__(self, known, persistent):
        self.known = known
        self.persistent = persistent
        self.stack = []
        self.memo = {}

    def pop(self):
        if not self.stack or self.stack[-1] is _MARK:
            raise ValueError("a pickle that takes more than it has")
        return self.stack.pop()

    def pop_to_mark(self):
        values = []
        while self.stack and self.stack[-1] is not _MARK:
            values.append(self.stack.pop())
        if not self.stack:
            raise ValueError("a pickle that takes more than it has")
        self.stack.pop()
        return values[::-1]

    def run(self, name, argument):
        push = self.stack.append
        if name in _VALUES:
            push(argument)
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _EMPTY:
            push(_EMPTY[name]())
        elif name in _TUPLES:
            push(tuple([self.pop() for _ in range(_TUPLES[name])][::-1]))
        elif hasattr(self, f"do_{name}"):
            getattr(self, f"do_{name}")(argument)
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"its pickle has the instruction {name}, not only data")

    def do_MARK(self, _):
        self.stack.append(_MARK)

    def do_TUPLE(self, _):
        self.stack.append(tuple(self.pop_to_mark()))

    def do_LIST(self, _):
        self.stack.append(self.pop_to_mark())

    def do_DICT(self, _):
        values = self.pop_to_mark()
        self.stack.append(dict(zip(values[::2], values[1::2])))

    def do_APPEND(self, _):
        value = self.pop()
        self._top(list).append(value)

    def do_APPENDS(self, _):
        values = self.pop_to_mark()
        self._top(list).extend(values)

    def do_SETITEM(self, _):
        value, key = self.pop(), self.pop()
        self._top(dict)[key] = value

    def do_SETITEMS(self, _):
        values = self.pop_to_mark()
        self._top(dict).update(zip(values[::2], values[1::2]))

    def _top(self, kind):
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise ValueError(f"a pickle that adds to no {kind.__name__}")
        return self.stack[-1]

    def do_MEMOIZE(self, _):
        self.do_PUT(len(self.memo))

    def do_PUT(self, number):
        self.memo[int(number)] = self.stack[-1] if self.stack else self.pop()

    def do_GET(self, number):
        self.stack.append(self.memo[int(number)])

    do_BINPUT = do_LONG_BINPUT = do_PUT
    do_BINGET = do_LONG_BINGET = do_GET

    def do_GLOBAL(self, argument):
        self._push_known(argument.replace(" ", "."))

    def do_STACK_GLOBAL(self, _):
        name, module = self.pop(), self.pop()
        self._push_known(f"{module}.{name}")

    def _push_known(self, name):
        if name not in self.known:
            raise ValueError(
                f"its pickle asks for {name}, which is no part of a state dict; "
                "kzoo runs no code from files"
            )
        self.stack.append(self.known[name])

    def do_REDUCE(self, _):
        arguments, function = self.pop(), self.pop()
        ours = any(function is known for known in self.known.values())
        if not (ours and callable(function) and isinstance(arguments, tuple)):
            raise ValueError("its pickle calls what is no function")
        self.stack.append(function(*arguments))

    def do_BUILD(self, _):
        """Attributes, as the versions of a state dict's modules: nobody reads them."""
        self.pop()

    def do_BINPERSID(self, _):
        if self.persistent is None:
            raise ValueError("its pickle asks for something beside it")
        self.stack.append(self.persistent(self.pop()))
