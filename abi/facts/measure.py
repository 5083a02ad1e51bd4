"""Layouts and values, measured: a program compiled against the headers prints them."""
import re
import subprocess
import tempfile

from headers import PROGRAM, STUBS


def compiler(root, *arguments):
    import pathlib
    return ["clang-19", "-w", "-std=gnu11", "-D_GNU_SOURCE", "-isystem", str(STUBS), "-isystem", str(root), "-idirafter", str(pathlib.Path(root).parent), "-ferror-limit=0", *arguments]


def run_program(root, text):
    with tempfile.TemporaryDirectory() as folder:
        source = folder + "/measure.c"
        with open(source, "w") as file:
            file.write(text)
        done = subprocess.run(compiler(root, source, "-o", folder + "/measure", "-Wl,--unresolved-symbols=ignore-all", "-fno-pie", "-no-pie"),
                              capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr[:3000])
        return subprocess.run([folder + "/measure"], check=True, capture_output=True, text=True).stdout


def layouts(root, structs):
    """(struct, size, alignment, [(field, bit offset, bits, type)])"""
    lines = [PROGRAM, "#include <stdio.h>\n#include <stddef.h>\n#include <string.h>\n",
             "static void bits(const char *s, const char *f, const void *p, size_t n) { const unsigned char *b = p; long first = -1, count = 0;\n"
             "  for (size_t i = 0; i < n * 8; ++i) if (b[i / 8] >> (i % 8) & 1) { if (first < 0) first = (long)i; ++count; }\n"
             '  printf("F\\t%s\\t%s\\t%ld\\t%ld\\n", s, f, first, count); }\n', "int main(void) {\n"]
    for name, row in sorted(structs.items()):
        spelling = ("union " if row["union"] else "struct ") + name if row.get("bare") else name
        lines.append(f'  printf("S\\t{name}\\t%zu\\t%zu\\n", sizeof({spelling}), _Alignof({spelling}));\n')
        for field, type_text, bitfield in row["fields"]:
            if not field:
                continue
            if bitfield:
                lines.append(f'  {{ {spelling} x; memset(&x, 0, sizeof x); x.{field} = -1; bits("{name}", "{field}", &x, sizeof x); }}\n')
            else:
                size = "0" if re.search(r"\[\]$", type_text) else f"sizeof((({spelling} *)0)->{field})"
                lines.append(f'  printf("F\\t{name}\\t{field}\\t%zu\\t%zu\\n", offsetof({spelling}, {field}) * 8, (size_t){size} * 8);\n')
    lines.append("  return 0;\n}\n")
    result = {}
    for line in run_program(root, "".join(lines)).splitlines():
        part = line.split("\t")
        if part[0] == "S":
            result[part[1]] = (int(part[2]), int(part[3]), [])
        else:
            result[part[1]][2].append((part[2], int(part[3]), int(part[4])))
    return result


def constants(root, names):
    """name -> (type, value) of those names that are constant expressions."""
    def program(chosen):
        lines = [PROGRAM, "#include <stdio.h>\n"]
        for index, name in enumerate(chosen):
            lines.append(f"#line {index + 1} \"constants\"\nstatic int k{index}(void) {{ return __builtin_constant_p({name}); }}\n")
        return "".join(lines)

    chosen = sorted(names)
    for _ in range(6):
        done = subprocess.run(compiler(root, "-xc", "-fsyntax-only", "-"), input=program(chosen), capture_output=True, text=True)
        bad = {int(number) - 1 for number in re.findall(r"^constants:(\d+):\d+: error", done.stderr, re.MULTILINE)}
        if not bad:
            break
        chosen = [name for index, name in enumerate(chosen) if index not in bad]
    lines = [PROGRAM, "#include <stdio.h>\n",
             'static void text(const char *n, const char *v) { printf("%s\\tstring\\t", n); for (; *v; ++v) if (*v == 9) printf("\\\\t"); else if (*v == 10) '
             'printf("\\\\n"); else if (*v == 92) printf("\\\\\\\\"); else putchar(*v); putchar(10); }\n'
             'static void number(const char *n, long long v) { printf("%s\\tint\\t%lld\\n", n, v); }\n'
             'static void wide(const char *n, unsigned long long v) { printf("%s\\tint\\t%llu\\n", n, v); }\n'
             'static void real(const char *n, double v) { printf("%s\\tdouble\\t%.17g\\n", n, v); }\n'
             "static void skip(const char *n, ...) {}\n"
             "#define SHOW(n, x) if (__builtin_constant_p(x)) _Generic((x), int: number, long: number, long long: number, unsigned: wide, unsigned long: wide, "
             "char: number, unsigned char: number, short: number, unsigned short: number, "
             "unsigned long long: wide, double: real, char *: text, const char *: text, default: skip)(n, (x));\n",
             "int main(void) {\n"]
    lines += [f'  SHOW("{name}", {name})\n' for name in chosen] + ["  return 0;\n}\n"]
    text = "".join(lines)
    # An expression of another type (a struct, a type's name) has no row.
    for _ in range(6):
        done = subprocess.run(compiler(root, "-xc", "-fsyntax-only", "-"), input=text, capture_output=True, text=True)
        bad = {int(number) for number in re.findall(r"^<stdin>:(\d+):\d+: error", done.stderr, re.MULTILINE)}
        if not bad:
            break
        text = "\n".join(line for index, line in enumerate(text.split("\n"), 1) if index not in bad)
    result = {}
    for line in run_program(root, text).splitlines():
        name, kind, value = line.split("\t", 2)
        result[name] = (kind, value)
    return result
