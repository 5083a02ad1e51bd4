"""The rest of the training for scripts/build pgo: what programs use of the library and bench/programs does not.

train_library.py FOLDER: compiles modules of the library, and uses pickle, copy, tokenize, ast, re, struct, datetime,
string templates, csv, asyncio, threads and files in FOLDER.
"""
import ast
import asyncio
import collections
import copy
import csv
import io
import os
import pickle
import pprint
import re
import string
import struct
import sys
import textwrap
import threading
import tokenize
import types

folder = sys.argv[1]


def modules():
    for name in ("argparse", "inspect", "typing", "logging", "dataclasses", "enum", "functools", "json.decoder", "pprint"):
        __import__(name)
        yield sys.modules[name].__file__


def compiling():
    for path in modules():
        with open(path, encoding="utf-8") as file:
            source = file.read()
        code = compile(source, path, "exec")
        tree = ast.parse(source)
        names = collections.Counter(type(node).__name__ for node in ast.walk(tree))
        tokens = sum(1 for _ in tokenize.generate_tokens(io.StringIO(source).readline))
        assert isinstance(code, types.CodeType) and names and tokens
        re.findall(r"\b(class|def)\s+(\w+)", source)
        textwrap.dedent(source[:4000])


def copying():
    data = {"list": [(i, str(i), {"x": i / 2, "y": None}) for i in range(300)], "set": set(range(50)), "bytes": b"abc" * 20}
    for protocol in (2, 5):
        for _ in range(10):
            assert pickle.loads(pickle.dumps(data, protocol)) == data
    for _ in range(5):
        assert copy.deepcopy(data) == data
    pprint.pformat(data)


def files():
    path = os.path.join(folder, "table.csv")
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        for number in range(2000):
            writer.writerow([number, f"name {number}", number * 0.5, "a,b" if number % 3 else 'q"q'])
    with open(path, newline="") as file:
        rows = sum(len(row) for row in csv.reader(file))
    with open(path, "rb") as file:
        data = file.read()
    assert rows == 8000 and data
    for number in range(2000):
        a, b, c = struct.unpack("<IHd", struct.pack("<IHd", number, number & 7, number / 3))
    for entry in os.scandir(folder):
        os.stat(entry.path)
    template = string.Template("$name is $age")
    for number in range(300):
        template.substitute(name="x", age=number)


async def sleeper(depth):
    if depth:
        await asyncio.gather(*(sleeper(depth - 1) for _ in range(4)))
    else:
        await asyncio.sleep(0)


def waiting():
    asyncio.run(sleeper(4))
    lock, total = threading.Lock(), [0]

    def work():
        for _ in range(300):
            with lock:
                total[0] += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for step in (compiling, copying, files, waiting):
    step()
