"""A counted loop over whole numbers (issue 4 asks for at most half of the reference's time)."""

SIZE, QUICK = 5_000_000, 1000


def run(size):
    total = 0
    for i in range(size):
        total = total + i * 3
    return str(total)
