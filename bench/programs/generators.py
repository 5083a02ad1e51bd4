"""Generators: pipelines, yield from, send, expressions, itertools, and coroutines driven by hand."""
import itertools

SIZE, QUICK = 150_000, 300


def numbers(count):
    for number in range(count):
        yield number


def kept(source):
    for number in source:
        if number % 3:
            yield number


def pairs(source):
    previous = None
    for number in source:
        if previous is not None:
            yield previous, number
        previous = number


class Tree:
    def __init__(self, low, high):
        middle = (low + high) // 2
        self.value = middle
        self.left = Tree(low, middle) if low < middle else None
        self.right = Tree(middle + 1, high) if middle + 1 < high else None

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


def averager():
    total, count = 0, 0
    while True:
        value = yield (total // count if count else 0)
        if value is None:
            return total
        total += value
        count += 1


class Pause:
    def __await__(self):
        result = yield 1
        return result


async def worker(count):
    total = 0
    for number in range(count):
        total += await Pause()
    return total


async def nested(depth, count):
    if depth:
        return await nested(depth - 1, count)
    return await worker(count)


def drive(coroutine):
    steps, value = 0, None
    try:
        while True:
            coroutine.send(value)
            steps += 1
            value = steps & 7
    except StopIteration as stop:
        return stop.value


class Countdown:
    def __init__(self, start):
        self.current = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.current == 0:
            raise StopIteration
        self.current -= 1
        return self.current


def run(size):
    total = 0
    for _ in range(3):
        for first, second in pairs(kept(numbers(size))):
            total += second - first
    for value in Tree(0, size // 2):
        total += value
    average = averager()
    next(average)
    for number in range(size):
        total += average.send(number & 15)
    total += sum(a * b for a in range(100) for b in range(size // 100) if a != b)
    total += sum(len(list(group)) for _, group in itertools.groupby(range(size), lambda n: n // 5))
    total += sum(itertools.islice(itertools.chain.from_iterable(itertools.repeat(range(9), size)), size))
    total += sum(Countdown(size))
    total += any(n > size for n in numbers(size)) + all(n >= 0 for n in numbers(size))
    total += drive(nested(4, size)) + drive(worker(size))
    for first, (second, third) in zip(numbers(size), enumerate(numbers(size), 1)):
        total += first + second - third
    return str(total)
