"""Classes: attributes, methods, properties, slots, inheritance, super(), operators, data classes."""
from dataclasses import dataclass

SIZE, QUICK = 90_000, 300


class Shape:
    count = 0

    def __init__(self, name):
        self.name = name
        self.scale = 1
        Shape.count += 1

    def area(self):
        raise NotImplementedError

    def describe(self):
        return self.name, self.area() * self.scale


class Rectangle(Shape):
    def __init__(self, width, height):
        super().__init__("rectangle")
        self.width = width
        self.height = height

    def area(self):
        return self.width * self.height

    @property
    def wide(self):
        return self.width > self.height

    @classmethod
    def square(cls, side):
        return cls(side, side)

    @staticmethod
    def unit():
        return Rectangle(1, 1)


class Box(Rectangle):
    def __init__(self, width, height, depth):
        super().__init__(width, height)
        self.depth = depth

    def area(self):
        return 2 * super().area() + 2 * self.depth * (self.width + self.height)


class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.y if index else self.x


@dataclass(order=True)
class Point:
    x: int
    y: int
    label: str = "p"

    def moved(self, dx, dy):
        return Point(self.x + dx, self.y + dy, self.label)


class Machine:
    """A little state machine with many attribute writes."""

    def __init__(self):
        self.state = 0
        self.steps = 0
        self.history = []

    def step(self, value):
        self.steps += 1
        if value & 1:
            self.state = self.state * 3 + 1
        else:
            self.state //= 2
        self.state &= 0xFFFF
        if self.steps % 100 == 0:
            self.history.append(self.state)


def run(size):
    shapes = []
    for number in range(size // 2):
        shapes.append(Rectangle(number % 10, number % 7))
        shapes.append(Box(number % 5, 2, number % 3))
        if shapes[-2].wide:
            shapes.append(Rectangle.square(number % 4))
    total = sum(shape.describe()[1] for shape in shapes) + Rectangle.unit().area()
    position = Vector(0, 0)
    step = Vector(1, 2)
    for number in range(size):
        position = position + step * (number & 3)
        if position == step:
            total += 1
        total += position[number & 1] & 1
    points = [Point(number * 7 % 101, number % 13) for number in range(size // 2)]
    points = [point.moved(1, -1) for point in points]
    points.sort()
    machine = Machine()
    for number in range(size * 3):
        machine.step(number >> 1)
    return f"{total} {position.x},{position.y} {points[len(points) // 2]} {machine.state} {sum(machine.history)}"
