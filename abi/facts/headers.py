"""What the reference's public headers declare, asked from the compiler: functions, data, structs, enumerators, macros, and which
of them a Py_LIMITED_API of each release shows."""
import json
import pathlib
import re
import subprocess

RELEASES = [f"3.{minor}" for minor in range(2, 15)]
EXTRA = ("structmember.h", "datetime.h", "marshal.h", "frameobject.h", "pyexpat.h", "opcode.h", "osdefs.h", "errcode.h", "osmodule.h", "py_curses.h")
PROGRAM = "#include <Python.h>\n#include <expat.h>\n" + "".join(f"#include <{name}>\n" for name in EXTRA)
STUBS = pathlib.Path(__file__).parent / "stubs"
NOT_API = {"pyconfig.h", "pyatomic_gcc.h", "pyatomic_std.h", "pyatomic_msc.h", "dynamic_annotations.h", "pydtrace.h", "pystats.h"}


def command(root, release, *arguments):
    limited = [f"-DPy_LIMITED_API=0x03{int(release[2:]):02x}0000"] if release else []
    return ["clang-19", "-w", "-xc", "-std=c11", "-D_GNU_SOURCE", "-isystem", str(STUBS), "-isystem", str(root), "-idirafter", str(pathlib.Path(root).parent), *limited, *arguments, "-"]


def compile_text(root, release, text, *arguments):
    done = subprocess.run(command(root, release, *arguments), input=text, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the headers do not compile for {release or 'the full API'}:\n{done.stderr[:2000]}")
    return done.stdout


def fields_of(record):
    """(path, type, is a bit-field): those of unnamed structs within stand as a.b, or as their own name where C finds them so."""
    rows, unnamed = [], {}
    for part in record.get("inner") or ():
        if not part:
            continue
        if part["kind"] == "RecordDecl" and not part.get("name"):
            unnamed[part["id"]] = last = part
        elif part["kind"] == "FieldDecl":
            name, text = part.get("name", ""), part["type"]["qualType"]
            within = last if unnamed and ("unnamed" in text or "anonymous" in text) and "[" not in text and "*" not in text else None
            if name and not within:
                # Where an unnamed type stands is no fact: it depends on the installation.
                text = re.sub(r"\((unnamed|anonymous) (\w+) at [^)]*\)", r"(\1 \2)", text)
                rows.append((name, text, part.get("isBitfield", False)))
            elif within:
                if name:
                    rows.append((name, "struct", False))
                rows += [(f"{name}.{inner}" if name else inner, *rest) for inner, *rest in fields_of(within)]
    return rows


class Walker:
    """Clang names a file only where it differs from the one before."""

    def __init__(self, root):
        self.root, self.file = str(root) + "/", ""

    def place(self, location):
        for part in (location.get("spellingLoc"), location.get("expansionLoc"), location):
            if part and "file" in part:
                self.file = part["file"]
        return self.file

    def walk(self, node, visit, depth=0):
        file = self.place(node.get("loc") or {})
        if depth == 1 and file.startswith(self.root) and "/internal/" not in file:
            visit(node, file[len(self.root):])
        span = node.get("range") or {}
        self.place(span.get("begin") or {})
        self.place(span.get("end") or {})
        for child in node.get("inner") or ():
            if child:
                self.walk(child, visit, depth + 1)


def named(type_text, name):
    """A declaration of NAME with the type that clang prints."""
    if "(*" in type_text:
        return re.sub(r"\(\*(?=\w*\W*\))", "(*" + name, type_text, count=1)
    if "[" in type_text:
        return type_text.replace("[", name + "[", 1)
    type_text = type_text.replace("struct __va_list_tag *", "va_list")
    return type_text + ("" if type_text.endswith("*") else " ") + name if name else type_text


def tree(root, release):
    text = compile_text(root, release, PROGRAM, "-fsyntax-only", "-Xclang", "-ast-dump=json")
    functions, data, records, enumerators, typedefs, anonymous = {}, {}, {}, {}, {}, {}

    def visit(node, header):
        kind, name = node["kind"], node.get("name", "")
        if kind == "FunctionDecl":
            parts = [p for p in node.get("inner") or () if p and p["kind"] == "ParmVarDecl"]
            result = re.sub(r" __attribute__\(\(.*$", "", node["type"]["qualType"])
            depth = 0
            for position in range(len(result) - 1, -1, -1):   # the parameter list is the last pair of parentheses
                depth += (result[position] == ")") - (result[position] == "(")
                if depth == 0:
                    result = result[:position].strip()
                    break
            attributes = [p["kind"] for p in node.get("inner") or () if p]
            functions[name] = dict(header=header, inline=node.get("inline", False) or node.get("storageClass") == "static", result=result,
                                   parameters=[(p.get("name", ""), p["type"]["qualType"]) for p in parts], variadic=node.get("variadic", False),
                                   deprecated="DeprecatedAttr" in attributes)
        elif kind == "VarDecl":
            data[name] = dict(header=header, type=node["type"]["qualType"])
        elif kind == "TypedefDecl":
            typedefs[name] = (header, node["type"]["qualType"], node)
        elif kind == "RecordDecl":
            if node.get("completeDefinition"):
                row = dict(header=header, union=node.get("tagUsed") == "union", fields=fields_of(node))
                records[name or "@" + node["id"]] = row
        elif kind == "EnumDecl":
            for part in node.get("inner") or ():
                if part and part["kind"] == "EnumConstantDecl":
                    enumerators[part["name"]] = header

    Walker(root).walk(json.loads(text), visit)
    # A typedef that names an anonymous struct, and one that names a struct with a tag.
    structs = {}
    for name, (header, target, node) in typedefs.items():
        tag = re.match(r"(?:struct|union) (\w+)$", target)
        if tag and tag.group(1) in records:
            structs[name] = records[tag.group(1)] | {"tag": tag.group(1)}
        elif tag and "@" not in tag.group(1):
            for inner in node.get("inner") or ():
                owned = ((inner or {}).get("ownedTagDecl") or (inner or {}).get("decl") or {}).get("id")
                if "@" + str(owned) in records:
                    structs[name] = records["@" + owned] | {"tag": ""}
    tags = {row.get("tag") for row in structs.values()}
    for name, row in records.items():
        if name[0] != "@" and name not in tags and name not in structs:
            structs[name] = row | {"tag": name, "bare": True}
    return dict(functions=functions, data=data, structs=structs, enumerators=enumerators,
                typedefs={name: (header, target) for name, (header, target, node) in typedefs.items()})


def macros(root, release):
    """name -> (header, parameters or None, body), as they stand at the end."""
    text = compile_text(root, release, PROGRAM, "-E", "-dD")
    found, header = {}, None
    for line in text.splitlines():
        if match := re.match(r'# \d+ "([^"]*)"', line):
            path = match.group(1)
            header = path[len(str(root)) + 1:] if path.startswith(str(root) + "/") and "/internal/" not in path else None
        elif match := re.match(r"#define (\w+)(\([^)]*\))?\s*(.*)", line):
            if header and pathlib.PurePath(header).name not in NOT_API:
                found[match.group(1)] = (header, match.group(2), match.group(3))
        elif match := re.match(r"#undef (\w+)", line):
            found.pop(match.group(1), None)
    return found


BUILTIN = {"char": "i8", "signed char": "i8", "unsigned char": "u8", "short": "i16", "unsigned short": "u16", "int": "i32", "unsigned int": "u32",
           "long": "i64", "unsigned long": "u64", "long long": "i64", "unsigned long long": "u64", "double": "f64", "float": "f32", "void": "v",
           "_Bool": "u8", "wchar_t": "i32"}
SYSTEM = {"size_t": "u64", "ssize_t": "i64", "uint32_t": "u32", "uint64_t": "u64", "int32_t": "i32", "int64_t": "i64", "uint16_t": "u16", "uint8_t": "u8",
          "intptr_t": "i64", "uintptr_t": "u64", "time_t": "i64", "FILE": "v", "va_list": "p", "mode_t": "u32", "wchar_t": "i32", "int8_t": "i8",
          "int16_t": "i16"}


def machine_type(type_text, typedefs, structs):
    """How a value of the type travels: p pointer, i/u/f with bits, v void, s struct by value."""
    text = re.sub(r"\b(const|volatile|restrict)\b", "", type_text).strip()
    text = re.sub(r"\s+", " ", text)
    if text.endswith("*") or "(*" in text or "[" in text or "*" in text:
        return "p"
    if text.startswith("enum "):
        return "u32"
    if text in BUILTIN:
        return BUILTIN[text]
    if text in SYSTEM:
        return SYSTEM[text]
    if text.startswith(("struct ", "union ")) or text in structs:
        return "s"
    if text in typedefs:
        return machine_type(typedefs[text][1], typedefs, structs)
    return "?"
