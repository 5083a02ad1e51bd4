"""Real work with unmodified wheels: bcrypt (Rust, PyO3) and psutil (C), and a little of the standard library.

Prints "ok NAME" or "FAILED NAME: reason" a check, then a line of facts that must be the same under every interpreter.
"""
import dataclasses
import json
import os
import re
import subprocess
import sys
import threading

checks = []


def check(function):
    checks.append(function)
    return function


@check
def bcrypt_known_vectors():
    import bcrypt
    # From the OpenBSD and John the Ripper test vectors, as the bcrypt paper's implementations publish them.
    vectors = [
        (b"U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (b"U*U*", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        (b"", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ]
    for password, hashed in vectors:
        assert bcrypt.hashpw(password, hashed) == hashed, password
        assert bcrypt.checkpw(password, hashed)
        assert not bcrypt.checkpw(password + b"x", hashed)
    salted = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
    assert bcrypt.checkpw(b"secret", salted)
    try:
        bcrypt.hashpw("text", salted)
    except TypeError:
        pass
    else:
        raise AssertionError("str must be refused")


@check
def bcrypt_key_derivation():
    import bcrypt
    key = bcrypt.kdf(password=b"password", salt=b"salt", desired_key_bytes=32, rounds=4, ignore_few_rounds=True)
    assert key.hex() == "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9", key.hex()


@check
def psutil_process():
    import psutil
    process = psutil.Process()
    assert process.pid == os.getpid()
    with open("/proc/self/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    assert process.ppid() == int(fields[1])
    with open("/proc/self/cmdline", "rb") as file:
        assert [part.decode() for part in file.read().split(b"\0")[:-1]] == process.cmdline()
    assert process.cwd() == os.getcwd()
    memory = process.memory_info()
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert abs(memory.rss - resident) < 64 << 20
    assert process.num_threads() == len(os.listdir("/proc/self/task"))


@check
def psutil_system():
    import psutil
    with open("/proc/meminfo") as file:
        total = int(re.search(r"MemTotal:\s+(\d+) kB", file.read()).group(1)) * 1024
    assert psutil.virtual_memory().total == total
    with open("/proc/cpuinfo") as file:
        assert psutil.cpu_count() == file.read().count("processor\t:")
    usage, stat = psutil.disk_usage("/"), os.statvfs("/")
    assert usage.total == stat.f_blocks * stat.f_frsize
    assert len(psutil.cpu_times()) >= 8
    assert os.getpid() in psutil.pids()


@check
def json_round_trip():
    value = {"a": [1, 2.5, None, True], "ü": {"nested": "\U0001f40d"}}
    assert json.loads(json.dumps(value)) == value
    assert json.dumps({"b": 1, "a": 2}, sort_keys=True, indent=1) == '{\n "a": 2,\n "b": 1\n}'


@check
def regular_expressions():
    assert re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world") == "world hello"
    assert [m.group("n") for m in re.finditer(r"(?P<n>\d+)", "a1b22c333")] == ["1", "22", "333"]


@check
def data_classes():
    @dataclasses.dataclass(order=True, frozen=True)
    class Point:
        x: int
        y: int = 0
        tags: list = dataclasses.field(default_factory=list, compare=False)
    assert sorted([Point(2), Point(1, 5), Point(1)]) == [Point(1), Point(1, 5), Point(2)]
    assert repr(Point(1, 2)) == "data_classes.<locals>.Point(x=1, y=2, tags=[])"
    assert dataclasses.replace(Point(1), y=9).y == 9


@check
def a_subprocess():
    done = subprocess.run(["sh", "-c", "cat; echo problem >&2; exit 3"], input="text", capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("text", "problem\n", 3)


@check
def threads():
    total, lock = [0], threading.Lock()

    def work(n):
        for _ in range(n):
            with lock:
                total[0] += 1
    workers = [threading.Thread(target=work, args=(1000,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert total[0] == 4000


def main():
    failed = 0
    for function in checks:
        try:
            function()
        except BaseException as error:
            failed += 1
            print(f"FAILED {function.__name__}: {type(error).__name__}: {error}")
        else:
            print(f"ok {function.__name__}")
    import bcrypt
    import psutil
    print(json.dumps({"bcrypt": bcrypt.__version__, "psutil": psutil.__version__, "failed": failed}))
    sys.stdout.flush()
    return failed


failures = main()
