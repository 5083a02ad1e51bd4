"""Dictionaries and sets: counting, grouping, a graph search, set algebra, merging, tuples as keys, defaultdict."""
from collections import Counter, OrderedDict, defaultdict, deque

SIZE, QUICK = 90_000, 300


def grid_search(width):
    blocked = {(x, y) for x in range(width) for y in range(width) if (x * 7 + y * 13) % 5 == 0 and x and y}
    distance = {(0, 0): 0}
    queue = deque([(0, 0)])
    while queue:
        x, y = place = queue.popleft()
        for neighbour in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if neighbour in distance or neighbour in blocked:
                continue
            if 0 <= neighbour[0] < width and 0 <= neighbour[1] < width:
                distance[neighbour] = distance[place] + 1
                queue.append(neighbour)
    return len(distance), max(distance.values())


def grouping(count):
    groups = {}
    by_length = defaultdict(list)
    for number in range(count):
        word = "w%d" % (number * 7919 % 3001)
        if word not in groups:
            groups[word] = []
        groups[word].append(number)
        by_length[len(word)].append(word)
    counts = Counter(word[:2] for word in groups)
    inverse = {len(v): k for k, v in groups.items()}
    return sorted(counts.items())[:3], len(inverse), {k: len(v) for k, v in by_length.items()}


def algebra(count):
    evens = set(range(0, count, 2))
    threes = set(range(0, count, 3))
    total = len(evens & threes) + len(evens | threes) + len(evens ^ threes) + len(evens - threes)
    frozen = {frozenset((n % 50, n % 60)) for n in range(count)}
    for number in range(count):
        total += number in evens
        if number % 7 == 0:
            threes.discard(number)
        else:
            threes.add(number)
    return total + len(threes), len(frozen), evens.isdisjoint(range(1, 100, 2)), sum(sorted(evens)[:10])


def merging(count):
    total = {}
    for number in range(count // 10):
        part = {f"k{i}": i for i in range(number % 10)}
        total |= part
        total.update(extra=number)
        merged = {**part, "last": number}
        total["last"] = merged.pop("last") + len(merged)
    return len(total), total["last"], total["extra"]


def recent(count):
    cache = OrderedDict()
    hits = 0
    for number in range(count):
        key = number * number % 257
        if key in cache:
            hits += 1
            cache.move_to_end(key)
        else:
            cache[key] = number
            if len(cache) > 64:
                cache.popitem(last=False)
    return hits


def deleting(count):
    table = {n: str(n) for n in range(count)}
    for n in range(0, count, 3):
        del table[n]
    for n in range(count):
        table.setdefault(n, n)
    return sum(1 for v in table.values() if isinstance(v, int)), len(list(table.items()))


def run(size):
    return repr((grid_search(int(size ** 0.5)), grouping(size * 2), algebra(size * 2), merging(size), recent(size), deleting(size)))
