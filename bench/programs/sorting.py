"""Sorting and searching: key functions, several kinds of data, stability, heaps, bisection, a hand-written quick sort."""
import bisect
import heapq
import operator

SIZE, QUICK = 50_000, 300


def data(count):
    state, result = 7, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        result.append(state >> 8)
    return result


def quick(items):
    if len(items) < 2:
        return items
    pivot = items[len(items) // 2]
    return quick([i for i in items if i < pivot]) + [i for i in items if i == pivot] + quick([i for i in items if i > pivot])


def insertion(items):
    items = list(items)
    for index in range(1, len(items)):
        value = items[index]
        place = index
        while place > 0 and items[place - 1] > value:
            items[place] = items[place - 1]
            place -= 1
        items[place] = value
    return items


class Version:
    def __init__(self, number):
        self.parts = number % 10, number // 10 % 10, number // 100 % 10

    def __lt__(self, other):
        return self.parts < other.parts


def run(size):
    numbers = data(size)
    texts = ["item %d" % n for n in numbers]
    pairs = [(n % 100, -n, str(n)) for n in numbers]
    floats = [n / 7 for n in numbers]
    results = [sorted(numbers)[size // 2], sorted(texts)[size // 3], sorted(pairs)[size // 4], sorted(floats, reverse=True)[5]]
    results.append(sorted(pairs, key=operator.itemgetter(0, 2))[size // 5])
    results.append(sorted(texts, key=lambda text: (len(text), text[::-1]))[size // 6])
    results.append(sorted(map(Version, numbers[:size // 4]))[7].parts)
    ordered = sorted(range(size), key=lambda i: numbers[i] % 50)
    results.append(sum(i * n for i, n in enumerate(ordered)) % 1000003)
    heap = []
    for number in numbers:
        heapq.heappush(heap, (number % 1000, number))
        if len(heap) > 500:
            heapq.heappop(heap)
    results.append(heapq.nsmallest(3, heap))
    ladder = []
    for number in numbers[:size // 2]:
        bisect.insort(ladder, number)
    results.append(sum(bisect.bisect_left(ladder, n) for n in numbers) % 10007)
    results.append(quick(numbers)[10] == sorted(numbers)[10])
    results.append(insertion(numbers[:200])[20])
    partly = sorted(numbers[:size // 2]) + sorted(numbers[size // 2:])
    partly.sort()
    results.append((min(numbers), max(floats), partly[size // 2], sum(numbers) % 997))
    numbers.reverse()
    results.append(numbers[3])
    return repr(results)
