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


def name(value):
    """`value`, if it can name something.

    Python itself breaks over the hash of a tuple in a tuple in ... a million times.
    """
    if not isinstance(value, (str, int)):
        raise ValueError(f"its pickle has a {type(value).__name__} for a name")
    return value


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

    def run(self, word, argument):
        push = self.stack.append
        if word in _VALUES:
            push(argument)
        elif word in _CONSTANTS:
            push(_CONSTANTS[word])
        elif word in _EMPTY:
            push(_EMPTY[word]())
        elif word in _TUPLES:
            push(tuple([self.pop() for _ in range(_TUPLES[word])][::-1]))
        elif hasattr(self, f"do_{word}"):
            getattr(self, f"do_{word}")(argument)
        elif word not in ("PROTO", "FRAME"):
            raise ValueError(f"its pickle has the instruction {word}, not only data")

    def do_MARK(self, _):
        self.stack.append(_MARK)

    def do_TUPLE(self, _):
        self.stack.append(tuple(self.pop_to_mark()))

    def do_LIST(self, _):
        self.stack.append(self.pop_to_mark())

    def do_DICT(self, _):
        values = self.pop_to_mark()
        self.stack.append({})
        self._set(values)

    def do_APPEND(self, _):
        value = self.pop()
        self._top(list).append(value)

    def do_APPENDS(self, _):
        values = self.pop_to_mark()
        self._top(list).extend(values)

    def do_SETITEM(self, _):
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def do_SETITEMS(self, _):
        self._set(self.pop_to_mark())

    def _set(self, values):
        pairs = zip(map(name, values[::2]), values[1::2])
        self._top(dict).update(pairs)

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
        last, module = name(self.pop()), name(self.pop())
        self._push_known(f"{module}.{last}")

    def _push_known(self, full_name):
        if full_name not in self.known:
            raise ValueError(
                f"its pickle asks for {full_name}, which is no part of a state dict; "
                "kzoo runs no code from files"
            )
        self.stack.append(self.known[full_name])

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
