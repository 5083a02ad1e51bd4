"""Building strings: joins, f-strings, formats, slices, translation, encoding, and a growing +=."""
import io

SIZE, QUICK = 50_000, 300


def table(count):
    lines = []
    for number in range(count):
        lines.append(f"{number:>8d} | {number * 0.5:10.3f} | {'x' * (number % 5):<6} | {number:#06x}")
    return "\n".join(lines)


def page(count):
    out = io.StringIO()
    write = out.write
    for number in range(count):
        write("<li id='")
        write(str(number))
        write("'>")
        write("{} of {name!r}".format(number, name="list"))
        write("</li>\n")
    return out.getvalue()


def growing(count):
    text = ""
    for number in range(count):
        text += chr(97 + number % 26)
        if number % 10 == 9:
            text += " "
    return text


def caesar(text, shift):
    return "".join([chr((ord(c) - 97 + shift) % 26 + 97) if "a" <= c <= "z" else c for c in text])


def palindromes(text):
    found = 0
    for start in range(len(text) - 5):
        piece = text[start:start + 5]
        if piece == piece[::-1]:
            found += 1
    return found


def run(size):
    total = []
    text = table(size)
    total.append(len(text))
    total.append(hash_of(page(size)))
    grown = growing(size * 3)
    total.append(hash_of(caesar(grown, 3)))
    total.append(palindromes(grown + "abcba" + grown[:100]))
    total.append(grown.translate(str.maketrans("abc", "xyz")).count("xyz"))
    words = grown.split()
    total.append(hash_of(" ".join(w.capitalize() if i % 2 else w.upper() for i, w in enumerate(words))))
    data = "\u00e4\u20ac\U0001f600".join(words[:size // 10]).encode()
    total.append((len(data), len(data.decode()), data[7:20].hex(), len(data.replace(b"a", b"bb"))))
    total.append(sum(1 for w in words if w.startswith("ab") or w.endswith("z") or "mno" in w))
    total.append("%s-%05d-%.2f-%r" % ("end", len(words), 2.5, words[0]))
    total.append(sum(len("%d:%s" % (i, w)) for i, w in enumerate(words)))
    total.append(len("".join(reversed(grown))) + grown.find("xyz") + grown.rfind("abc"))
    buffer = bytearray()
    for number in range(size):
        buffer.append(number & 127)
        buffer += b"ab"
    total.append((len(buffer), buffer.count(b"ab")))
    return repr(total)


def hash_of(text):
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) & 0xFFFFFFFF
    return value
