"""Large whole numbers: factorials, digits of pi, modular powers, Fibonacci by doubling, square roots, conversions."""
import math

SIZE, QUICK = 4_500, 60


def pi_digits(count):
    digits = []
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    while len(digits) < count:
        if 4 * q + r - t < n * t:
            digits.append(n)
            q, r, n = 10 * q, 10 * (r - n * t), 10 * (3 * q + r) // t - 10 * n
        else:
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) // (t * l), l + 2
    return int("".join(map(str, digits)))


def factorial(n):
    result = 1
    for factor in range(2, n + 1):
        result *= factor
    return result


def fibonacci(n):
    if n == 0:
        return 0, 1
    a, b = fibonacci(n >> 1)
    c, d = a * (2 * b - a), a * a + b * b
    return (d, c + d) if n & 1 else (c, d)


def probably_prime(n):
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for base in (2, 3, 5, 7, 11, 13):
        x = pow(base, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def next_prime(n):
    n |= 1
    while not probably_prime(n):
        n += 2
    return n


def digit_sum(n):
    total = 0
    while n:
        n, digit = divmod(n, 10)
        total += digit
    return total


def run(size):
    result = [pi_digits(size // 2) % 1000007, factorial(size) % (10 ** 9 + 7) + len(str(factorial(size // 3)))]
    result.append(fibonacci(size * 20)[0] % 998244353)
    result.append(sum(next_prime(10 ** k + size) % 1009 for k in range(10, 60, 6)))
    result.append(digit_sum(3 ** size))
    result.append(math.isqrt(7 ** size) % 10 ** 9)
    result.append(sum(int(hex((1 << n) - n), 16) % 13 for n in range(8, size)))
    result.append((1 << size * 4 | 5) >> size & 0xFFFF)
    result.append(sum((n ** 5 - 1) // (n + 1) & ~n for n in range(10 ** 9, 10 ** 9 + size * 10)) % 2 ** 61)
    return repr(result)
