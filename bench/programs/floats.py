"""Floating point: bodies that attract each other, the Mandelbrot set, a spectral norm, statistics, Monte Carlo."""
import math

SIZE, QUICK = 40_000, 100


class Body:
    def __init__(self, x, y, z, vx, vy, vz, mass):
        self.x, self.y, self.z = x, y, z
        self.vx, self.vy, self.vz = vx, vy, vz
        self.mass = mass


def bodies(steps):
    system = [Body(i * 1.5, i * -0.7 + 1, i * 0.2, 0.1 * i, 0.3 - 0.05 * i, 0.01, 1.0 / (i + 1)) for i in range(5)]
    step = 0.001
    for _ in range(steps):
        for i, a in enumerate(system):
            for b in system[i + 1:]:
                dx = a.x - b.x
                dy = a.y - b.y
                dz = a.z - b.z
                square = dx * dx + dy * dy + dz * dz
                pull = step / (square * math.sqrt(square))
                a.vx -= dx * b.mass * pull
                a.vy -= dy * b.mass * pull
                a.vz -= dz * b.mass * pull
                b.vx += dx * a.mass * pull
                b.vy += dy * a.mass * pull
                b.vz += dz * a.mass * pull
        for body in system:
            body.x += step * body.vx
            body.y += step * body.vy
            body.z += step * body.vz
    return sum(body.x + body.y + body.z for body in system)


def mandelbrot(width):
    inside = 0
    for row in range(width):
        for column in range(width):
            cx, cy = 3.0 * column / width - 2.0, 2.0 * row / width - 1.0
            x = y = 0.0
            for _ in range(40):
                x, y = x * x - y * y + cx, 2.0 * x * y + cy
                if x * x + y * y > 4.0:
                    break
            else:
                inside += 1
    return inside


def spectral(size):
    def weight(i, j):
        return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)

    vector = [1.0] * size
    for _ in range(2):
        vector = [sum(weight(i, j) * vector[j] for j in range(size)) for i in range(size)]
        vector = [sum(weight(j, i) * vector[j] for j in range(size)) for i in range(size)]
    return math.sqrt(sum(v * v for v in vector))


def statistics(count):
    mean = square = 0.0
    for number in range(1, count + 1):
        value = math.sin(number) * 10.0
        delta = value - mean
        mean += delta / number
        square += delta * (value - mean)
    return mean, math.sqrt(square / count), round(mean * 1e6), int(square)


def circle(count):
    state, hits = 42, 0
    for _ in range(count):
        state = (state * 16807) % 2147483647
        x = state / 2147483647
        state = (state * 16807) % 2147483647
        y = state / 2147483647
        if x * x + y * y <= 1.0:
            hits += 1
    return 4.0 * hits / count


def run(size):
    return repr((bodies(size // 2), mandelbrot(int(size ** 0.5)), spectral(size // 40), statistics(size * 5), circle(size * 5)))
