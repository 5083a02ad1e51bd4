"""Functions: closures, decorators, default and keyword arguments, lambdas, partial application, star calls."""
import functools

SIZE, QUICK = 40_000, 300


def counter():
    count = 0

    def bump(by=1):
        nonlocal count
        count += by
        return count

    return bump


def traced(function):
    calls = []

    @functools.wraps(function)
    def wrapper(*arguments, **keywords):
        calls.append(len(arguments) + len(keywords))
        return function(*arguments, **keywords)

    wrapper.calls = calls
    return wrapper


@traced
def combine(a, b=2, *rest, factor=3, **more):
    return a + b * factor + sum(rest) + len(more)


def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value

    return composed


@functools.lru_cache(maxsize=512)
def costly(number):
    return sum(divmod(number, 7)) + number % 3


def adders(count):
    return [lambda x, n=n: x + n for n in range(count)]


def options(first, second=0, *, scale=1, offset=0, limit=10 ** 9):
    return min(first * scale + second + offset, limit)


def run(size):
    costly.cache_clear()
    total = 0
    bump = counter()
    for number in range(size * 3):
        total += bump()
        bump(by=2)
    for number in range(size):
        total += combine(number, factor=number & 3)
        total += combine(number, 1, 2, 3, extra=4)
        total += options(number, scale=2)
        total += options(number, 5, offset=3, limit=1000)
    chain = compose(lambda x: x + 1, lambda x: x * 2, abs, adders(5)[3])
    double = functools.partial(options, scale=2)
    for number in range(size):
        total += chain(number) + double(number) + costly(number % 500)
    functions = adders(16)
    for number in range(size):
        for function in functions[:4]:
            total += function(number)
    total += functools.reduce(lambda a, b: (a * 31 + b) % 65521, range(size), 1)
    total += sum(map(lambda x: x ^ 5, filter(lambda x: x % 3, range(size))))
    return f"{total} {bump()} {len(combine.calls) > 0} {combine.calls[-1]} {costly.cache_info().hits > 0}"
