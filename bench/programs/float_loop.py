"""A counted loop over floats (issue 4 asks for at most half of the reference's time)."""

SIZE, QUICK = 5_000_000, 1000


def run(size):
    x = 0.0
    for i in range(size):
        x = x * 1.0000001 + i
    return repr(x)
