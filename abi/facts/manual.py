"""What the manual says about the C API: a record for each name that has an entry of its own, and the stable ABI's list.

Only facts are kept (ownership, releases, error values); no sentence of the manual is.
"""
import html
import pathlib
import re


def plain(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", markup))).strip()


def balanced(text, start, tag):
    """The end of the element TAG that opens at START."""
    depth = 0
    for match in re.compile(rf"<(/?){tag}\b[^>]*>").finditer(text, start):
        depth += -1 if match.group(1) else 1
        if depth == 0:
            return match.end()
    return len(text)


RELEASE = re.compile(r"version (\d+\.\d+)")


def conditions(text):
    if "on Windows" in text:
        return "windows"
    if "fork()" in text:
        return "fork"
    if "USE_STACKCHECK" in text:
        return "stackcheck"
    if "native thread IDs" in text:
        return "native-thread-id"
    return ""


def stable_mark(body):
    """(stable, limited only, since, condition) from the entry's own mark."""
    match = re.search(r'<em class="stableabi">(.*?)</em>', body, re.DOTALL)
    if not match:
        return False, False, "", ""
    text = plain(match.group(1))
    since = RELEASE.search(text)
    return "Stable ABI" in text, "Limited API" in text, since.group(1) if since else "3.2", conditions(text)


ERROR_PHRASES = (
    (r"always succeeds|cannot fail|never fails|no error checking|without error checking|Always succeeds", "none"),
    (r"[Rr]eturns? .{0,80}?-1 (?:and sets?|with) an? .{0,60}?exception", "-1"),
    (r"-1 (?:on|if|upon) (?:error|failure|an error|unsuccessful|exception)", "-1"),
    (r"-1 (?:and|with) (?:set |sets |raises? )?(?:an? |the )?(?:\w+ )?(?:exception|error)", "-1"),
    (r"[Oo]n (?:error|failure),?.{0,60}?returns? -1", "-1"),
    (r"return 0 on success.{0,60}?-1", "-1"),
    (r"-1 (?:is returned )?(?:on|in case of) (?:error|failure)", "-1"),
    (r"NULL (?:on|if|upon|in case of) (?:error|failure|an error|an exception)", "NULL"),
    (r"[Oo]n (?:error|failure),?.{0,60}?returns? NULL", "NULL"),
    (r"[Rr]eturns? NULL (?:and|with)", "NULL"),
)


def entry(kind, name, signature, body, page):
    text = plain(body)
    stable, limited, since, condition = stable_mark(body)
    ownership = re.search(r'class="refcount return_(\w+)"', body)
    # Notes within inner lists are about their items.
    outer = body
    while (inner := re.search(r"<(dl|table|ul)\b", outer)):
        outer = outer[:inner.start()] + outer[balanced(outer, inner.start(), inner.group(1)):]
    added = re.search(r'class="versionmodified added">Added in version (\d+\.\d+)', outer)
    deprecated = re.search(r'class="versionmodified deprecated">Deprecated since version (\d+\.\d+)(?:, will be removed in version (\d+\.\d+))?', outer)
    soft = re.search(r'class="versionmodified soft-deprecated">[^<]*?(\d+\.\d+)', body)
    parameters = set(re.findall(r"\b(\w+)(?=\)|, |\[)", signature)) if kind == "function" else set()
    emphasised = [plain(x) for x in re.findall(r"<em>(\w+)</em>", body)]
    stolen, nullable = [], []
    for sentence in re.split(r"(?<=[.;]) (?=[A-Z“])", text):
        if re.search(r"\bsteals?\b|”? ?a reference to .{0,30} is stolen|stolen", sentence) and not re.search(r"(?:not|n’t) \W?steal|unlike|Unlike", sentence):
            stolen += [p for p in emphasised if p in parameters and re.search(rf"\b{p}\b", sentence)]
        if re.search(r"(?:may|can|could|is allowed to) (?:also )?be NULL|is NULL[,.]|NULL is (?:allowed|valid)|or NULL\b", sentence) and "must not be NULL" not in sentence:
            nullable += [p for p in emphasised if p in parameters
                         and re.search(rf"\b{p}\b(?: argument| parameter| pointer)? (?:may|can|could|is allowed to) (?:also )?be NULL|[Ii]f {p} is NULL", sentence)]
    errors = {value for pattern, value in ERROR_PHRASES if re.search(pattern, text)}
    return dict(kind=kind, name=name, page=page, signature=signature, stable=stable, limited=limited, since=since if stable or limited else "",
                condition=condition, result={"new_ref": "new", "borrowed_ref": "borrowed", "null": "NULL"}.get(ownership.group(1), "") if ownership else "",
                added=added.group(1) if added else "", deprecated=deprecated.group(1) if deprecated else "", soft=soft.group(1) if soft else "",
                removal=(deprecated.group(2) or "") if deprecated else "", unstable="unstable-c-api" in body,
                stolen=sorted(set(stolen)), nullable=sorted(set(nullable)), errors=errors)


def read(folder):
    """name -> entry; and page -> (title, names in order)."""
    entries, pages = {}, {}
    for path in sorted(pathlib.Path(folder).glob("*.html")):
        text, page = path.read_text(), path.stem
        title = re.search(r"<h1>(.*?)<a", text, re.DOTALL)
        pages[page] = (plain(title.group(1)) if title else page, [])
        for match in re.finditer(r'<dl class="c (function|macro|var|type|struct|member|enumerator|enum|union)">', text):
            end = balanced(text, match.start(), "dl")
            block = text[match.start():end]
            head = re.search(r"<dd>", block)
            titles, body = (block[:head.start()], block[head.start():]) if head else (block, "")
            # What nested entries say is theirs.
            own = body
            while (inner := re.search(r'<dl class="c \w+">', own)):
                own = own[:inner.start()] + own[balanced(own, inner.start(), "dl"):]
            for term in re.finditer(r'<dt class="sig[^"]*" id="c\.([\w.]+)">(.*?)</dt>', titles, re.DOTALL):
                name = term.group(1)
                signature = plain(re.sub(r'<a class="headerlink".*?</a>', "", term.group(2), flags=re.DOTALL))
                if name in entries:
                    continue
                entries[name] = entry(match.group(1), name, signature, own, page)
                pages[page][1].append(name)
    return entries, pages


def stable_list(folder):
    text = (pathlib.Path(folder) / "stable.html").read_text()
    text = text[text.find('id="contents-of-limited-api"'):]
    return {plain(item).removesuffix("()") for item in re.findall(r"<li><p>(.*?)</p></li>", text, re.DOTALL)}
