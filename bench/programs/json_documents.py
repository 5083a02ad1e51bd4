"""JSON: writes and reads nested documents, plain and indented, and walks through what was read."""
import json

SIZE, QUICK = 1_800, 20


def document(number):
    return {
        "id": number,
        "name": f"customer {number}",
        "email": f"c{number}@example.org",
        "active": number % 3 == 0,
        "balance": number * 1.25 - 7.5,
        "tags": ["a", "b\u00e9", "c\n", str(number)],
        "address": {"street": "Main \"Street\" 5", "zip": "%05d" % (number * 7 % 100000), "geo": [number / 7, -number / 3]},
        "orders": [{"sku": f"X-{i}", "count": i, "price": i * 0.99, "note": None} for i in range(number % 9)],
    }


def walk(value):
    if isinstance(value, dict):
        return sum(len(key) + walk(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(walk, value))
    if isinstance(value, str):
        return len(value)
    if isinstance(value, bool) or value is None:
        return 1
    return int(value) & 7


def run(size):
    documents = [document(number) for number in range(size)]
    total = 0
    for round_number in range(8):
        text = json.dumps(documents)
        back = json.loads(text)
        assert back == documents
        total += len(text) + walk(back)
    indented = json.dumps(documents[:size // 4], indent=2, sort_keys=True)
    lines = [json.dumps(d, separators=(",", ":"), ensure_ascii=False) for d in documents]
    return f"{total} {len(indented)} {sum(map(len, lines))} {sum(walk(json.loads(line)) for line in lines)}"
