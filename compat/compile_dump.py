"""What an interpreter's compiler makes of files: a line "path<TAB>level<TAB>digest" a file, or the whole text with --text.

usage: python compile_dump.py [--ast] [--text] LEVELS < list of paths
"""
import ast
import hashlib
import sys
import types
import warnings

FIELDS = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags", "co_code", "co_names",
          "co_varnames", "co_freevars", "co_cellvars", "co_name", "co_qualname", "co_firstlineno", "co_linetable",
          "co_exceptiontable")


def describe_constant(value):
    if isinstance(value, types.CodeType):
        return describe(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(describe_constant, value)) + ")"
    if isinstance(value, frozenset):
        return "frozenset(" + ", ".join(sorted(map(describe_constant, value))) + ")"
    return f"{type(value).__name__} {value!r}"


def describe(code):
    rows = [f"{field} = {getattr(code, field)!r}" for field in FIELDS]
    rows += ["consts = " + "; ".join(describe_constant(value) for value in code.co_consts if not isinstance(value, types.CodeType))]
    rows += [describe(value) for value in code.co_consts if isinstance(value, types.CodeType)]
    rows += ["order = " + " ".join("code" if isinstance(value, types.CodeType) else "value" for value in code.co_consts)]
    return "\n".join(rows)


def result(source, path, level, as_tree):
    try:
        if as_tree:
            return ast.dump(ast.parse(source, path), include_attributes=True)
        return describe(compile(source, path, "exec", dont_inherit=True, optimize=level))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__} {error.args!r}"


def main():
    as_tree, as_text = "--ast" in sys.argv, "--text" in sys.argv
    levels = [int(level) for level in sys.argv[-1].split(",")]
    warnings.simplefilter("ignore")
    sys.set_int_max_str_digits(0)
    for path in sys.stdin.read().splitlines():
        with open(path, "rb") as file:
            source = file.read()
        for level in levels:
            text = result(source, path, level, as_tree)
            if as_text:
                print(text)
            else:
                print(f"{path}\t{level}\t{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()}", flush=True)


main()
