"""Text and logs: parses lines of a made-up web server, counts, groups, searches with regular expressions."""
import re

SIZE, QUICK = 50_000, 200

LINE = re.compile(r'(?P<host>\S+) \[(?P<time>[^\]]+)\] "(?P<verb>[A-Z]+) (?P<path>\S+)" (?P<status>\d{3}) (?P<bytes>\d+|-)')
WORD = re.compile(r"[a-z]+")


def lines(count):
    state = 12345
    verbs = ["GET", "POST", "PUT", "DELETE"]
    paths = ["/", "/index.html", "/img/logo.png", "/api/users", "/api/orders/%d", "/search?q=%d"]
    for number in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        path = paths[state % len(paths)]
        if "%d" in path:
            path = path % (state % 1000)
        size = "-" if state % 17 == 0 else str(state % 50000)
        yield '10.%d.%d.%d [2026-11-%02d 10:%02d:%02d] "%s %s" %d %s\n' % (
            state % 7, state // 7 % 11, state // 77 % 13, number % 28 + 1, number % 60, state % 60,
            verbs[state // 3 % 4], path, (200, 200, 200, 304, 404, 500)[state // 5 % 6], size)


def by_expression(text):
    hosts, total = {}, 0
    for line in text.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        fields = match.groupdict()
        if fields["bytes"] != "-":
            total += int(fields["bytes"])
        key = fields["host"], fields["status"]
        hosts[key] = hosts.get(key, 0) + 1
    return total, len(hosts), max(hosts.values())


def by_methods(text):
    paths = {}
    errors = []
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        host, _, rest = line.partition(" [")
        time, _, rest = rest.partition("] ")
        request, _, numbers = rest.strip().rpartition('" ')
        verb, path = request.strip('"').split(" ", 1)
        status, size = numbers.split()
        path = path.split("?")[0].lower().rstrip("/") or "/"
        paths.setdefault(path, []).append(host)
        if status[0] in "45" and not path.endswith(".png"):
            errors.append((time.replace("-", "").replace(":", ""), verb.title(), path))
    errors.sort()
    return sorted((len(hosts), len(set(hosts)), path) for path, hosts in paths.items())[-3:], errors[len(errors) // 2]


def words(text):
    counts = {}
    for word in WORD.findall(text):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]


def run(size):
    text = "".join(lines(size))
    return repr((len(text), by_expression(text), by_methods(text), words(text.lower()), len(WORD.sub("x", text))))
