"""Whole numbers: counting loops, a sieve, greatest common divisors, Collatz, bits, a little matrix and a checksum."""

SIZE, QUICK = 200_000, 400


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def sieve(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[0] = flags[1] = 0
    number = 2
    while number * number <= limit:
        if flags[number]:
            for multiple in range(number * number, limit + 1, number):
                flags[multiple] = 0
        number += 1
    return sum(flags)


def collatz(limit):
    best = 0
    for start in range(1, limit):
        value, steps = start, 0
        while value != 1:
            value = value // 2 if value % 2 == 0 else 3 * value + 1
            steps += 1
        if steps > best:
            best = steps
    return best


def bits(count):
    total = 0
    for number in range(count):
        value = number ^ (number >> 3)
        value = (value << 2 | value & 3) & 0xFFFFF
        while value:
            value &= value - 1
            total += 1
    return total


def matrix(size):
    a = [[(row * 3 + column) % 7 for column in range(size)] for row in range(size)]
    b = [[(row + column * 5) % 11 for column in range(size)] for row in range(size)]
    result = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            total = 0
            for k in range(size):
                total += a[i][k] * b[k][j]
            result[i][j] = total
    return sum(map(sum, result))


def adler(count):
    a, b = 1, 0
    for number in range(count):
        a = (a + (number & 255)) % 65521
        b = (b + a) % 65521
    return b << 16 | a


def run(size):
    divisors = sum(gcd(a, b) for a in range(1, size // 400) for b in range(1, 200))
    return f"{divisors} {sieve(size * 4)} {collatz(size // 20)} {bits(size)} {matrix(max(4, size // 1000))} {adler(size * 3)}"
