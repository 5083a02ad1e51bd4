"""The installation's compiled modules, as they are: xxlimited, xxlimited_35, _bz2, _lzma, mmap."""
import os
import tempfile

failed = 0


def check(name, function):
    global failed
    try:
        function()
    except BaseException as error:
        failed += 1
        print(f"FAILED {name}: {type(error).__name__}: {error}")
    else:
        print(f"ok {name}")


def limited():
    import xxlimited
    assert xxlimited.foo(3, 4) == 7
    thing = xxlimited.Xxo()
    thing.a = 1
    assert thing.a == 1 and thing.demo("x") == "x"
    del thing.a
    try:
        thing.a
    except AttributeError:
        pass
    else:
        raise AssertionError("a deleted attribute is still there")
    try:
        raise xxlimited.Error("own")
    except xxlimited.Error as error:
        assert str(error) == "own"


def limited_35():
    import xxlimited_35
    assert xxlimited_35.foo(1, 2) == 3
    thing = xxlimited_35.Xxo()
    thing.x = [1]
    assert thing.x == [1]


def bz2():
    import bz2
    data = b"kingsnake " * 1000
    packed = bz2.compress(data)
    assert len(packed) < len(data) and bz2.decompress(packed) == data
    try:
        bz2.decompress(b"nonsense")
    except OSError as error:
        assert str(error) == "Invalid data stream"
    else:
        raise AssertionError("nonsense was unpacked")


def lzma():
    import lzma
    data = os.urandom(1000) * 20
    for format in (lzma.FORMAT_XZ, lzma.FORMAT_ALONE):
        assert lzma.decompress(lzma.compress(data, format=format)) == data


def memory_map():
    import mmap
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789" * 500)
        file.flush()
        with mmap.mmap(file.fileno(), 0) as area:
            assert len(area) == 5000 and area[10:14] == b"0123" and area.find(b"9") == 9
            area[0:3] = b"abc"
            assert bytes(memoryview(area)[:4]) == b"abc3"
            area.flush()
        file.seek(0)
        assert file.read(4) == b"abc3"


for name, function in (("xxlimited", limited), ("xxlimited_35", limited_35), ("_bz2", bz2), ("_lzma", lzma), ("mmap", memory_map)):
    check(name, function)
failures = failed
