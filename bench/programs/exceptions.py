"""Exceptions: raised and caught near and far, finally, with, chaining, exception groups, and code that raises nothing."""

SIZE, QUICK = 80_000, 200


class Problem(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Rare(Problem):
    pass


class Guard:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log[0] += 1
        return self

    def __exit__(self, kind, value, traceback):
        self.log[1] += kind is not None
        return kind is Rare


def parse(text):
    try:
        return int(text)
    except ValueError:
        return -1


def deep(level, code):
    if level == 0:
        raise Rare(code) if code % 5 == 0 else Problem(code)
    try:
        return deep(level - 1, code)
    finally:
        code += 1


def lookup(table, key):
    try:
        return table[key]
    except KeyError as error:
        return len(error.args)


def chained(number):
    try:
        try:
            [].pop(number)
        except IndexError as error:
            raise Problem(number) from error
    except Problem as problem:
        return problem.code + (problem.__cause__ is not None)


def quiet(number):
    try:
        number += 1
    except TypeError:
        number = 0
    else:
        number += 1
    finally:
        number += 1
    return number


def run(size):
    total = 0
    log = [0, 0]
    table = {n: n for n in range(0, 100, 2)}
    for number in range(size):
        total += parse(str(number) if number % 2 else "x")
        total += lookup(table, number % 100)
        total += chained(number)
        try:
            deep(number % 10, number)
        except Rare:
            total += 3
        except Problem as problem:
            total += problem.code
        with Guard(log):
            if number % 4 == 0:
                raise Rare(number)
            total += 1
        total += quiet(number) + quiet(number + 1)
        if not hasattr(log, "missing"):
            total += getattr(log, "absent", 1)
        for value in iter([number].pop, number):
            pass
    for number in range(size // 10):
        try:
            raise ExceptionGroup("many", [Problem(number), ValueError(number)])
        except* Problem as group:
            total += len(group.exceptions)
        except* ValueError:
            total += 1
    return f"{total} {log}"
