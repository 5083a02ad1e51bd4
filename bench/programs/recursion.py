"""Recursion: Fibonacci, Ackermann, towers, queens, permutations, a tiny expression parser."""

SIZE, QUICK = 27, 8


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def towers(count, source, target, other):
    if count == 0:
        return 0
    return towers(count - 1, source, other, target) + 1 + towers(count - 1, other, target, source)


def queens(size, row=0, columns=0, left=0, right=0):
    if row == size:
        return 1
    found = 0
    free = ~(columns | left | right) & ((1 << size) - 1)
    while free:
        bit = free & -free
        free ^= bit
        found += queens(size, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return found


def permutations(items):
    if len(items) <= 1:
        return [items]
    return [[item] + rest for index, item in enumerate(items) for rest in permutations(items[:index] + items[index + 1:])]


class Parser:
    def __init__(self, text):
        self.text = text
        self.place = 0

    def peek(self):
        return self.text[self.place] if self.place < len(self.text) else ""

    def take(self):
        character = self.text[self.place]
        self.place += 1
        return character

    def sum(self):
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self):
        value = self.atom()
        while self.peek() == "*":
            self.take()
            value = value * self.atom() % 1000003
        return value

    def atom(self):
        if self.peek() == "(":
            self.take()
            value = self.sum()
            self.take()
            return value
        digits = ""
        while self.peek().isdigit():
            digits += self.take()
        return int(digits)


def expression(depth):
    return str(depth + 7) if depth == 0 else f"({expression(depth - 1)}*3+{expression(depth - 1)}-{depth})"


def run(size):
    parsed = Parser(expression(size // 2)).sum()
    return (f"{fibonacci(size)} {ackermann(2, size * 3)} {towers(size - 7, 'a', 'b', 'c')} {queens(size // 3 + 1)} "
            f"{len(permutations(list(range(size // 3))))} {parsed}")
