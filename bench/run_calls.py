"""Runs the C API calls of bench/capi/calls.c: run_calls.py FOLDER MILLISECONDS [NAME...]. Prints "NAME nanoseconds" lines."""
import sys

sys.path.insert(0, sys.argv[1])
import kingsnake_calls as calls

budget = float(sys.argv[2]) * 1e6
wanted = sys.argv[3:]


def user_function(a=1, b=2):
    return a


class Plain:
    def __init__(self, value=3):
        self.value = value
        self.other = 4

    def method(self, *arguments):
        return self.value


def from_python(name):
    function = getattr(calls, name)

    def loop(count, function=function):
        if name == "call_noargs":
            for _ in range(count):
                function()
        elif name == "call_keywords":
            for _ in range(count):
                function(1, b=2)
        elif name in ("call_o", "call_varargs"):
            for _ in range(count):
                function(1)
        else:
            for _ in range(count):
                function(1, 2)

    return loop


calls.prepare(user_function, Plain, Plain())
names = calls.names()
loops = {}
for name in ("call_noargs", "call_o", "call_fast", "call_varargs", "call_keywords"):
    loops["python_" + name] = from_python(name)


def once(name, count):
    if name in loops:
        return calls.timed(loops[name], count)
    return calls.run(name, count)


for name in names + list(loops):
    if wanted and name not in wanted:
        continue
    count = 200
    while (spent := once(name, count)) < budget / 4 and count < 1 << 24:
        count *= 2
    best = min(spent, *(once(name, count) for _ in range(3))) / count
    print(name, f"{best:.3f}")
