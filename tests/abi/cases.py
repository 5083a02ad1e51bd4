"""Small libraries and modules, each with one fault, and a twin without it. build_* return a path; the table says what must be found."""
import io
import pathlib
import re
import struct
import subprocess
import zipfile

top = pathlib.Path(__file__).resolve().parents[2]
CC = ["clang-19", "-w", "-O1", "-fPIC", "-fcf-protection=none", "-fno-asynchronous-unwind-tables"]
SHARED = ["-shared", "-nostdlib", "-fuse-ld=lld", "-Wl,--undefined-version"]
SONAME = "-Wl,-soname,libpython3.14.so.1.0"


class Builder:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.base = None

    def run(self, command, text=None):
        done = subprocess.run(command, capture_output=True, text=True, input=text)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stderr}")

    def path(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def compile(self, name, text, *flags, target=()):
        source, result = self.path(name + ".c"), self.path(name + ".o")
        source.write_text(text)
        self.run([*CC, *target, *flags, "-c", str(source), "-o", str(result)])
        return result

    # A library with every name, of the right kind and size; functions have a body.
    def library(self, name, change=None, extra="", flags=(), link=(), soname=SONAME, map_change=None):
        text = subprocess.run([str(top / "abi/generate"), "--stub", "all", "/dev/stdout"], capture_output=True, text=True, check=True).stdout
        text = re.sub(r"\(void\) \{\}", '(void) { __asm__ volatile("nop"); }', text)
        if change:
            changed = change(text)
            assert changed != text, name
            text = changed
        result = self.path(name)
        symbols = (top / "symbols.map").read_text()
        if map_change:
            changed = map_change(symbols)
            assert changed != symbols, name
            symbols = changed
        script = self.path(name + ".map")
        script.write_text(symbols)
        objects = [str(self.compile(name, text))]
        if extra:
            objects.append(str(self.compile(name + "-extra", extra, *flags)))
        self.run([*CC, *SHARED, *objects, "-o", str(result), *([soname] if soname else []), f"-Wl,--version-script={script}", *link])
        return result

    def module(self, name, text=None, link=(), flags=(), target=()):
        result = self.path(name)
        object_file = self.compile(name, GOOD_MODULE.replace("spam", pathlib.Path(name).name.split(".")[0]) if text is None else text, *flags, target=target)
        self.run([*CC, *target, *SHARED, str(object_file), "-o", str(result), *link])
        return result

    def wheel(self, name, members, tags=None, record=True):
        path = self.path(name)
        stem = "-".join(path.name.split("-")[:2])
        python, abi, platform = path.stem.split("-")[-3:]
        if tags is None:
            tags = [f"{p}-{a}-{q}" for p in python.split(".") for a in abi.split(".") for q in platform.split(".")]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for inside, content in members.items():
                wheel.writestr(inside, content if isinstance(content, bytes) else pathlib.Path(content).read_bytes())
            if record:
                wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n" + "".join(f"Tag: {tag}\n" for tag in tags))
        return path


GOOD_MODULE = "extern void *PyModule_Create2(void *, int); void *PyInit_spam(void) { return PyModule_Create2(0, 3); }\n"


def using(names, extra=""):
    """A module that calls the functions."""
    return "".join(f"extern void *{name}(void *);\n" for name in names) + extra + \
        "void *PyInit_spam(void) { void *x = 0;" + "".join(f" x = {name}(x);" for name in names) + " return x; }\n"


def drop(name):
    return lambda text: re.sub(rf"^(void|char) {name}\b.*\n", "", text, flags=re.MULTILINE)


ONE_OBJECT = "typedef struct object_ { long count; void *type; } %s;\n"
LAYOUT_GOOD = "typedef struct { long count; void *type; long ob_size_; } Head; typedef struct { Head ob_base; void **ob_item; long allocated; } PyListObject; PyListObject ks_list;\n"
LAYOUT_BAD = "typedef struct { long count; void *type; long ob_size_; } Head; typedef struct { Head ob_base; long allocated; void **ob_item; } PyListObject; PyListObject ks_list;\n"
SIGNATURE = "int PyList_Append(%s) { return 0; }\n"
NOT_IMPLEMENTED = """
extern void *PyErr_SetString_(void *, const char *) __asm__("PyErr_SetString"); extern void *error_ __asm__("PyExc_NotImplementedError");
void *list_new_(long n) __asm__("PyList_New"); void *list_new_(long n) { return PyErr_SetString_(error_, "PyList_New"); }
"""
OTHER_RAISE = NOT_IMPLEMENTED.replace("PyExc_NotImplementedError", "PyExc_MemoryError")
OLD_VERSION = '__asm__(".symver list_old_,PyList_New@PYTHON_ABI3_3.2"); void list_old_(void) { __asm__ volatile("nop"); }\n'
NEW_VERSION = '__asm__(".symver list_old_,PyList_New@@@PYTHON_ABI3_3.2"); void list_old_(void) { __asm__ volatile("nop"); }\n'
POINTER = 'extern char list_[] __asm__("PyList_Type"); void *ks_pointer = list_;\n'


def library_cases(b):
    """(rule, faulty library, its twin, further arguments)"""
    lib = b.library
    good = lib("good/libpython3.14.so.1.0")
    debug = lambda name, extra, what=None: lib(name, what, extra, flags=["-g", "-gdwarf-5"])
    yield "lib/missing-name", lib("missing.so", drop("PyList_New")), good, []
    yield "lib/surplus-name", lib("surplus.so", extra="void unrelated(void) {}\n", map_change=lambda m: m.replace("  local:", "    unrelated;\n  local:", 1)), good, []
    yield "lib/wrong-kind", lib("kind.so", lambda t: drop("PyList_New")(t) + "int PyList_New = 1;\n"), good, []
    yield "lib/wrong-size", lib("size.so", lambda t: t.replace("char PyList_Type[416]", "char PyList_Type[408]")), good, []
    yield "lib/version-node", lib("node.so", map_change=lambda m: m.replace("    PyList_New;\n", "", 1).replace("PYTHON_3.14 {\n  global:\n", "PYTHON_3.14 {\n  global:\n    PyList_New;\n")), good, []
    yield "lib/hidden-version", lib("hidden.so", drop("PyList_New"), OLD_VERSION), lib("default.so", drop("PyList_New"), NEW_VERSION), []
    yield "lib/soname", lib("soname.so", soname="-Wl,-soname,libpython3.14.so"), good, []
    yield "lib/text-relocations", lib("textrel.so", extra='__asm__(".text\\n.quad PyList_New\\n");\n', link=["-Wl,-z,notext"]), \
        lib("datarel.so", extra='__asm__(".data\\n.quad PyList_New\\n.text\\n");\n'), []
    yield "lib/symbolic-data", lib("symbolic.so", extra=POINTER, link=["-Wl,-Bsymbolic"]), lib("symbolic-functions.so", extra=POINTER, link=["-Wl,-Bsymbolic-functions"]), []
    yield "lib/symbolic-data", lib("protected.so", lambda t: t.replace("char PyList_Type[", '__attribute__((visibility("protected"))) char PyList_Type[')), good, []
    yield "lib/executable-stack", lib("stack.so", link=["-Wl,-z,execstack"]), lib("nostack.so", link=["-Wl,-z,noexecstack"]), []
    yield "lib/search-path", lib("rpath.so", link=["-Wl,-rpath,/opt/elsewhere"]), lib("origin.so", link=["-Wl,-rpath,$ORIGIN"]), []
    yield "lib/not-implemented", lib("raises.so", drop("PyList_New"), NOT_IMPLEMENTED), lib("other-raise.so", drop("PyList_New"), OTHER_RAISE), []
    yield "lib/stub", lib("stub.so", lambda t: t.replace('__asm__ volatile("nop");', "")), good, []
    yield "lib/layout", debug("layout.so", LAYOUT_BAD), debug("layout-good.so", LAYOUT_GOOD), []
    yield "lib/signature", debug("signature.so", SIGNATURE % "void *list", drop("PyList_Append")), debug("signature-good.so", SIGNATURE % "void *list, void *item", drop("PyList_Append")), []
    against = ["--against", str(good)]
    same = b.library("same/libpython3.14.so.1.0")
    yield "against/missing", lib("missing.so", drop("PyList_New")), same, against
    yield "against/surplus", lib("surplus.so", extra="void unrelated(void) {}\n", map_change=lambda m: m.replace("  local:", "    unrelated;\n  local:", 1)), same, against
    yield "against/kind", lib("kind.so", lambda t: drop("PyList_New")(t) + "int PyList_New = 1;\n"), same, against
    yield "against/size", lib("size.so", lambda t: t.replace("char PyList_Type[416]", "char PyList_Type[408]")), same, against
    yield "against/version-node", b.folder / "node.so", same, against
    yield "against/soname", b.folder / "soname.so", same, against
    yield "against/layout", b.folder / "layout.so", b.folder / "layout-good.so", ["--against", str(b.folder / "layout-good.so")]
    yield "against/signature", b.folder / "signature.so", b.folder / "signature-good.so", ["--against", str(b.folder / "signature-good.so")]


def wheel_cases(b):
    module, wheel = b.module, b.wheel
    good = module("good/spam.abi3.so")
    def abi3(name, member, inside="spam.abi3.so", tag="cp32-abi3-linux_x86_64"):
        return wheel(f"{name}-1.0-{tag}.whl", {inside: member})
    version = module("v/spam.cpython-314-x86_64-linux-gnu.so")
    good_wheel = abi3("good", good)
    yield "wheel/not-stable", module("outside.abi3.so", using(["PyList_New", "_PyList_Extend"]).replace("PyInit_spam", "PyInit_outside")), good, []
    yield "wheel/not-stable", abi3("outside", module("o/spam.abi3.so", using(["PyUnicode_New"]))), good_wheel, []
    newer = module("n/spam.abi3.so", using(["PyList_GetItemRef"]))
    yield "wheel/newer-than-tag", abi3("newer", newer, tag="cp39-abi3-linux_x86_64"), abi3("newer", newer, tag="cp313-abi3-linux_x86_64"), []
    yield "wheel/newer-than-tag", newer, newer, ["--python", "3.12"], ["--python", "3.13"]
    yield "wheel/unknown-name", module("u/spam.cpython-314-x86_64-linux-gnu.so", using(["PyList_Frobnicate"])), version, []
    yield "wheel/gone", module("m/spam.cpython-314-x86_64-linux-gnu.so", using(["PyList_GET_SIZE"])), version, []
    yield "wheel/private-name", module("p/spam.cpython-314-x86_64-linux-gnu.so", using(["_PyLong_GCD"])), version, []
    v_wheel = wheel("version-1.0-cp314-cp314-linux_x86_64.whl", {"spam.cpython-314-x86_64-linux-gnu.so": version})
    yield "wheel/tag", wheel("version-1.0-cp313-cp313-linux_x86_64.whl", {"spam.cpython-314-x86_64-linux-gnu.so": version}), v_wheel, []
    yield "wheel/tag", wheel("tagged-1.0-cp314-cp314-linux_x86_64.whl", {"spam.cpython-314-x86_64-linux-gnu.so": version}, tags=["cp313-cp313-linux_x86_64"]), v_wheel, []
    yield "wheel/tag", wheel("none-1.0-py3-none-linux_x86_64.whl", {"spam.so": good}), good_wheel, []
    yield "wheel/missing-tag", module("plain/spam.so"), good, []
    libc = module("libc/spam.abi3.so", using(["PyModule_GetDict"], "extern int dlsym(void *, char *); void *ks_user(void *x) { return (void *)(long)dlsym(x, \"x\"); }\n"), link=["-lc"])
    yield "wheel/platform", abi3("libc", libc, tag="cp32-abi3-manylinux2014_x86_64"), abi3("libc", libc, tag="cp32-abi3-manylinux_2_36_x86_64"), []
    yield "wheel/platform", abi3("libc", libc, tag="cp32-abi3-musllinux_1_2_x86_64"), abi3("good", good, tag="cp32-abi3-musllinux_1_2_x86_64"), []
    yield "wheel/platform", wheel("any-1.0-cp32-abi3-any.whl", {"spam.abi3.so": good}), good_wheel, []
    arm = module("arm/spam.abi3.so", target=["--target=aarch64-linux-gnu"])
    yield "wheel/machine", abi3("arm", arm), abi3("arm", arm, tag="cp32-abi3-linux_aarch64"), []
    yield "wheel/minimum", abi3("low", good, tag="cp310-abi3-linux_x86_64"), good_wheel, []
    weak = using(["PyModule_GetDict"], "extern void *PyList_GetItemRef(void *) __attribute__((weak)); void *ks_user(void *x) { return PyList_GetItemRef ? PyList_GetItemRef(x) : x; }\n")
    yield "wheel/weak-reference", module("weak/spam.abi3.so", weak), good, []
    asks = "extern void *dlsym(void *, const char *); void *ks_user(void *x) { return dlsym(x, \"%s\"); }\n"
    yield "wheel/asked-at-run-time", module("dl/spam.abi3.so", using(["PyModule_GetDict"], asks % "_PyList_Extend")), module("dls/spam.abi3.so", using(["PyModule_GetDict"], asks % "PyList_Append")), []
    fake = b.library("linked/libpython3.14.so.1.0")
    yield "wheel/linked-to-libpython", module("linked/spam.cpython-314-x86_64-linux-gnu.so", link=[str(fake)]), version, []
    yield "wheel/no-init-function", module("init/spam.abi3.so", using(["PyList_New"]).replace("PyInit_spam", "spam_init")), good, []
    yield "wheel/init-name", module("other/spam.abi3.so", using(["PyList_New"]).replace("PyInit_spam", "PyInit_eggs")), good, []
    yield "wheel/text-relocations", module("t/spam.abi3.so", GOOD_MODULE + '__asm__(".text\\n.quad PyInit_spam\\n");\n', link=["-Wl,-z,notext"]), good, []
    yield "wheel/executable-stack", module("s/spam.abi3.so", link=["-Wl,-z,execstack"]), good, []
    provider = b.library("provider/libpython3.14.so.1.0", lambda t: drop("PyList_Append")(t.replace("char PyList_Type[416]", "char PyList_Type[400]")))
    whole = b.folder / "good/libpython3.14.so.1.0"
    bound = module("now/spam.abi3.so", using(["PyList_Append"]), link=["-Wl,-z,now"])
    yield "provider/missing-name", bound, bound, ["--provider", str(provider)], ["--provider", str(whole)]
    nodes = module("nodes/spam.abi3.so", using(["PyList_New"]), link=[str(b.folder / "node.so")])
    yield "provider/version-node", module("nodes2/spam.abi3.so", using(["PyList_New"]), link=[str(fake)]), \
        good, ["--provider", str(b.library("plain/libpython3.14.so.1.0", map_change=lambda m: re.sub(r"PYTHON_ABI3_3\.(\d+)", r"OTHER_\1", m)))], ["--provider", str(whole)]
    program = b.path("program")
    main = b.compile("program-main", 'extern char PyList_Type[416]; char *volatile ks; void _start(void) { ks = PyList_Type; }\n', "-fno-pic", "-fno-pie", "-fdirect-access-external-data")
    b.run(["clang-19", "-no-pie", "-nostdlib", "-fuse-ld=lld", str(main), str(whole), "-o", str(program)])
    yield "provider/copy-size", program, program, ["--provider", str(provider)], ["--provider", str(whole)]
    wanted = b.compile("kind-main", "extern void PyList_New(void); void _start(void) { PyList_New(); }\n", "-fno-pic", "-fno-pie")
    caller = b.path("caller")
    b.run(["clang-19", "-no-pie", "-nostdlib", "-fuse-ld=lld", str(wanted), str(whole), "-o", str(caller)])
    kind = b.folder / "kind.so"
    yield "provider/kind", caller, caller, ["--provider", str(kind)], ["--provider", str(whole)]
    fields = "extern void _Py_Dealloc(void *); extern char PyList_Type[]; void ks_drop(int *x) { if (--*x == 0) _Py_Dealloc(x); } int ks_check(char **x) { return x[1] == PyList_Type; }\n"
    yield "abi3t/object-field", module("f/spam.abi3t.so", using(["PyList_New"], fields)), \
        module("g/spam.abi3t.so", using(["PyList_New"], "extern void Py_DecRef(void *); void ks_drop(int *x) { Py_DecRef(x); }\n")), []
    # Other formats.
    mach = b.compile("mach/spam", GOOD_MODULE, target=["--target=x86_64-apple-macos11"])
    bundle, outside = b.path("mach/spam.abi3.so"), b.path("mach/bad/spam.abi3.so")
    link = ["ld64.lld-19", "-bundle", "-arch", "x86_64", "-platform_version", "macos", "11.0", "11.0", "-undefined", "dynamic_lookup"]
    b.run([*link, str(mach), "-o", str(bundle)])
    b.run([*link, str(b.compile("mach/bad/spam", using(["_PyList_Extend"]), target=["--target=x86_64-apple-macos11"])), "-o", str(outside)])
    yield "wheel/not-stable", outside, bundle, []
    yield "wheel/platform", abi3("mac", bundle, tag="cp32-abi3-macosx_10_9_x86_64"), abi3("mac", bundle, tag="cp32-abi3-macosx_11_0_x86_64"), []
    yield "wheel/machine", abi3("mac", bundle, tag="cp32-abi3-macosx_11_0_arm64"), abi3("mac", bundle, tag="cp32-abi3-macosx_11_0_universal2"), []
    windows = lambda names, dll: pe(b, names, dll)
    yield "wheel/not-stable", abi3("win1", windows(["PyUnicode_New"], "python3.dll"), "spam.pyd", "cp32-abi3-win_amd64"), abi3("win", windows(["PyModule_Create2"], "python3.dll"), "spam.pyd", "cp32-abi3-win_amd64"), []
    yield "wheel/linked-to-libpython", abi3("win", windows(["PyModule_Create2"], "python314.dll"), "spam.pyd", "cp32-abi3-win_amd64"), \
        abi3("win2", windows(["PyModule_Create2"], "python3.dll"), "spam.pyd", "cp32-abi3-win_amd64"), []
    yield "wheel/machine", abi3("win3", windows(["PyModule_Create2"], "python3.dll"), "spam.pyd", "cp32-abi3-win_arm64"), \
        abi3("win2", windows(["PyModule_Create2"], "python3.dll"), "spam.pyd", "cp32-abi3-win_amd64"), []


def pe(b, names, dll):
    stem = f"pe/{dll}-{names[0]}"
    definition, library, result = b.path(stem + ".def"), b.path(stem + ".lib"), b.path(stem + "/spam.pyd")
    definition.write_text(f"LIBRARY {dll}\nEXPORTS\n" + "".join(f"  {name}\n" for name in names))
    b.run(["llvm-dlltool-19", "-m", "i386:x86-64", "-d", str(definition), "-l", str(library)])
    text = using(names).replace("void *PyInit_spam", "__declspec(dllexport) void *PyInit_spam").replace("extern void *", "__declspec(dllimport) void *")
    source = b.path(stem + ".c")
    source.write_text(text)
    b.run(["clang-19", "-w", "-O1", "--target=x86_64-windows-msvc", "-c", str(source), "-o", str(b.path(stem + ".obj"))])
    b.run(["lld-link-19", "/dll", "/noentry", "/nodefaultlib", f"/out:{result}", str(b.path(stem + ".obj")), str(library)])
    return result


def broken_inputs(b):
    """(what, path, command): must end with 2 and a reason."""
    good, folder = b.folder / "good/spam.abi3.so", b.folder
    data = good.read_bytes()

    def write(name, content):
        path = b.path("broken/" + name)
        path.write_bytes(content)
        return path

    for length in (3, 10, 63, 64, 200, len(data) // 2):
        yield f"ELF cut off at {length}", write(f"cut{length}.abi3.so", data[:length]), "wheel"
    yield "empty file", write("empty.so", b""), "wheel"
    yield "text", write("text.so", b"hello\n" * 100), "wheel"
    yield "no file", folder / "broken/nothing.so", "wheel"
    yield "a device", pathlib.Path("/dev/zero"), "lib"
    whole = b.wheel("broken/whole-1.0-cp32-abi3-linux_x86_64.whl", {"spam.abi3.so": good}).read_bytes()
    for length in (4, 100, len(whole) // 2, len(whole) - 10):
        yield f"wheel cut off at {length}", write(f"cut{length}-1.0-cp32-abi3-linux_x86_64.whl", whole[:length]), "wheel"
    wrong = bytearray(whole)
    wrong[60] ^= 0xff
    yield "wheel with broken content", write("flip-1.0-cp32-abi3-linux_x86_64.whl", bytes(wrong)), "wheel"
    for number, name in enumerate(("../spam.so", "/tmp/spam.so", "a/../../spam.so", "C:spam.so", "a\\..\\spam.so")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as wheel:
            information = zipfile.ZipInfo("x")
            information.filename = name
            wheel.writestr(information, data)
        yield f"path traversal {name}", write(f"path{number}-1.0-cp32-abi3-linux_x86_64.whl", buffer.getvalue()), "wheel"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        wheel.writestr("spam.abi3.so", bytes(48 << 20))
    yield "zip bomb", write("bomb-1.0-cp32-abi3-linux_x86_64.whl", buffer.getvalue()), "wheel"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("spam.abi3.so", data)
    lying = bytearray(buffer.getvalue())
    central = lying.rfind(b"PK\1\2")
    lying[central + 24:central + 28] = struct.pack("<I", len(data) // 2)
    yield "entry that holds more than it says", write("lie-1.0-cp32-abi3-linux_x86_64.whl", bytes(lying)), "wheel"
    yield "no wheel's name", write("name.whl", whole), "wheel"
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as wheel:
        wheel.writestr("spam.abi3.so", data[:200])
    yield "broken module in a wheel", write("inside-1.0-cp32-abi3-linux_x86_64.whl", inside.getvalue()), "wheel"
    yield "library cut off", write("libpython3.14.so.1.0", (folder / "good/libpython3.14.so.1.0").read_bytes()[:5000]), "lib"
    debug = bytearray((folder / "layout-good.so").read_bytes())
    for section in (".debug_info", ".debug_abbrev"):
        line = next(line for line in subprocess.run(["readelf", "-WS", str(folder / "layout-good.so")], capture_output=True, text=True).stdout.splitlines() if f" {section} " in line)
        offset, size = (int(part, 16) for part in re.search(r"\S+ +PROGBITS +\S+ +(\S+) +(\S+)", line).groups())
        content = debug[:]
        content[offset:offset + size] = b"\xff" * size
        yield f"{section} of ones", write(f"dwarf-{section[1:]}.so", bytes(content)), "lib"
