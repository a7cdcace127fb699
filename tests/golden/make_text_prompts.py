"""Windows of prompts in ComfyUI's and A1111's reading, for make_text.py: the two rules said again in Python, in
another way than src/text does (recursion and regular expressions), from the published behaviour.

A row: [reading, prompt, pad, windows, tokens]; a window lists [token, weight] or [0, weight, word, vector]
without the pads of weight 1 at its end.
"""
import random
import re

BEGIN, END, ROOM = 49406, 49407, 75
WORDS = {"easynegative": 2, "bad hands": 3, "one": 1, "long": 40, "sixty": 60, "bad": 1}


# ComfyUI: SDTokenizer


def comfy_groups(text):
    """Top-level pieces: plain text and bracketed groups."""
    pieces, current, depth = [], "", 0
    for c in text:
        if c == "(" and depth == 0:
            pieces.append(current)
            current = ""
        current += c
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == ")" and depth == 0:
            pieces.append(current)
            current = ""
    return [p for p in [*pieces, current] if p]


def comfy_weights(text, weight):
    for piece in comfy_groups(text):
        if not (len(piece) > 1 and piece[0] == "(" and piece[-1] == ")"):
            yield piece, weight
            continue
        inside, inner = piece[1:-1], weight * 1.1
        head, colon, tail = inside.rpartition(":")
        if colon and head:
            try:
                inner, inside = float(tail), head
            except ValueError:
                pass
        yield from comfy_weights(inside, inner)


def comfy(prompt, encode, pad, words):
    escaped = prompt.replace("\\)", "\ue001").replace("\\(", "\ue000")
    groups = []

    def add_text(text, weight):
        groups.append([[t, weight] for t in encode(text)])

    def add_word(name, weight):
        if name in words:
            groups.append([[0, weight, name, i] for i in range(words[name])])
        return name in words

    for text, weight in comfy_weights(escaped, 1.0):
        text = text.replace("\ue001", ")").replace("\ue000", "(")
        for piece in re.split(r"(?<=\s)(?=embedding:)", text):
            if not piece.startswith("embedding:"):
                add_text(piece, weight)
                continue
            name, *rest = piece[len("embedding:"):].split()
            rest = " ".join(rest)
            if cut := re.search(r"[<\[]", name):
                rest = name[cut.start():] + " " + rest
                name = name[: cut.start()]
            if not add_word(name, weight) and name != name.rstrip(","):
                bare = name.rstrip(",")
                add_word(bare, weight)
                rest = name[len(bare):] + " " + rest
            add_text(rest, weight)

    windows = [[]]
    for group in groups:
        splits = len(group) >= 8
        while len(windows[-1]) + len(group) > ROOM:
            here = ROOM - len(windows[-1]) if splits else 0
            windows[-1] += group[:here]
            group = group[here:]
            windows.append([])
        windows[-1] += group
    return [finish(w, pad) for w in windows], sum(map(len, windows))


def finish(slots, pad, cut_at_end=False):
    full = [[BEGIN, 1.0], *slots, [END, 1.0]]
    full += [[pad, 1.0] for _ in range(77 - len(full))]
    if cut_at_end:
        first = next(i for i, s in enumerate(full) if s[0] == END and len(s) == 2)
        for s in full[first + 1:]:
            if len(s) == 2:
                s[0] = pad
    while full[-1] == [pad, 1.0]:
        full.pop()
    return full


# A1111: modules/prompt_parser.py

PIECE = re.compile(r"\\[()\[\]\\]?|:\s*([+-]?[.0-9]+)\s*\)|[()\[\]:]|[^\\()\[\]:]+")


def a1111_weights(text):
    """[text, weight]; a break is ["BREAK", None]."""
    out, stacks = [], {"(": [], "[": []}

    def scale(kind, factor):
        for item in out[stacks[kind].pop():]:
            if item[1] is not None:
                item[1] *= factor

    for m in PIECE.finditer(text):
        piece = m[0]
        if piece[0] == "\\":
            out.append([piece[1:], 1.0])
        elif piece in "([":
            stacks[piece].append(len(out))
        elif m[1] and stacks["("]:
            scale("(", float(m[1]))
        elif piece == ")" and stacks["("]:
            scale("(", 1.1)
        elif piece == "]" and stacks["["]:
            scale("[", 1 / 1.1)
        else:
            for i, part in enumerate(re.split(r"\s*\bBREAK\b\s*", piece)):
                if i:
                    out.append(["BREAK", None])
                out.append([part, 1.0])
    for kind, factor in (("(", 1.1), ("[", 1 / 1.1)):
        for start in list(stacks[kind]):
            for item in out[start:]:
                if item[1] is not None:
                    item[1] *= factor
    joined = []
    for text, weight in out:
        if joined and weight is not None and joined[-1][1] == weight:
            joined[-1][0] += text
        else:
            joined.append([text, weight])
    return joined


def a1111(prompt, encode, pad, words):
    names = sorted(((encode(n), n) for n in words), key=lambda p: -len(p[0]))
    comma = encode(",")[0]
    windows, chunk, last_comma, count = [], [], None, 0

    def close():
        nonlocal chunk, last_comma, count
        count += len(chunk)
        windows.append(finish(chunk, pad, cut_at_end=True))
        chunk, last_comma = [], None

    for text, weight in a1111_weights(prompt):
        if weight is None:
            close()
            continue
        ids = encode(text)
        i = 0
        while i < len(ids):
            if ids[i] == comma:
                last_comma = len(chunk)
            elif len(chunk) == ROOM and last_comma is not None and ROOM - last_comma <= 20:
                kept, moved = chunk[: last_comma + 1], chunk[last_comma + 1:]
                chunk = kept
                close()
                chunk = moved
            if len(chunk) == ROOM:
                close()
            match = next(((k, n) for k, n in names if ids[i : i + len(k)] == k), None)
            if match is None:
                chunk.append([ids[i], weight])
                i += 1
                continue
            if len(chunk) + words[match[1]] > ROOM:
                close()
            chunk += [[0, weight, match[1], v] for v in range(words[match[1]])]
            i += len(match[0])
    if chunk or not windows:
        close()
    return windows, count


PROMPTS = r"""
|a photo of a cat|(cat)|((cat))|(((cat)))|(cat:1.4)|(cat:0.5) dog|((cat:1.2) dog:0.8)|((a):1.1)|((a:1.1))|(a (b (c)))
(a:1.5|a)|(a|a) b (c:1.5) d (e:1.3)|((a) b|)(a)(|((((a)|(a (b)|(a (b) c|())|()|(:1.2)|(a:)|(a:b)|(a:b:1.3)|(a:1.3:b)
\(literal\)|(\(a\):1.2)|a \\(b\\) c|\\(a:1.2)|(a\:1.2)|\[x\] [y]|[a]|[[a]]|([a])|[(a)]|[a:1.2]|(a]b)|[a)b]|(un)(even)
(a: 1.2)|(a:1.2 )|(a:+1.2)|(a:-0.5)|(a:.5)|(a:1.)|(a:1e-1)|(a:1_0)|(a:0)|(a:0.0)|a:1.2)|a : b|(a:1.2)b(c:0.9)
embedding:easynegative|embedding:easynegative, bad|(embedding:easynegative:1.3)|a embedding:one b embedding:one c
xembedding:one|,embedding:one|a,embedding:one|embedding:one,,, x|embedding:missing, x|embedding:one[a] b|embedding:one<b> c
a embedding:long b|embedding:long embedding:long x|word embedding:sixty, embedding:sixty, tail|(a embedding:one:1.2)
easynegative|bad hands|bad  hands, Bad Hands, badhands|a bad handsome|EasyNegative (bad hands:1.3) bad|long long sixty one
one BREAK two|BREAK|BREAK BREAK|a BREAK|BREAK a|breaking BREAKING xBREAK BREAKx|a,BREAK,b|(a:1.2) BREAK (b:0.8)|a\BREAK
a <|endoftext|> b (c:1.2)|(a:1.2)\(b\)|红苹果，(蓝色:1.3)背景|(夕焼け:0.7)、桜|😀 (😀:1.5)|it's (don't:1.1)|\|\\|\\\\|a\
(masterpiece, best quality:1.2), 1girl, solo, [simple background], (looking at viewer:0.9), \(series\)
""".strip("\n").split("\n")
VOCABULARY = """cat dog castle river, night, day red blue (glow:1.2) (mist) [haze] masterpiece, 4k it's extraordinarily
antidisestablishmentarianism supercalifragilistic 12345 日本 \\( \\) ( ) [ ] : , , , embedding:one embedding:easynegative,
bad hands one easynegative BREAK :1.3) :0.7) ((deep:1.1) nest) <|endoftext|>""".split()


def make(encode):
    rng = random.Random(77)
    prompts = [p for line in PROMPTS for p in line.replace("<|endoftext|>", "\ue002").split("|")]
    prompts = [p.replace("\ue002", "<|endoftext|>") for p in prompts]
    for length in [*range(5, 60, 2), 90, 120, 150, 200, 260, 400]:
        prompts.append(rng.choice([" ", ", ", " ", ""]).join(rng.choice(VOCABULARY) for _ in range(length)))
    # Around the edges of a window, with commas far and near.
    for n in (73, 74, 75, 76, 77, 149, 150, 151):
        prompts.append(" ".join(["cat"] * n))
        prompts.append(" ".join(["cat"] * (n - 10) + [","] + ["dog"] * 15))
        prompts.append(" ".join(["cat"] * (n - 25) + [","] + ["dog"] * 30))
        prompts.append("(" + " ".join(["cat"] * (n - 3)) + ":1.2) (a b c d:0.8) (e f g h i j k l:1.1)")
        prompts.append(" ".join(["cat"] * (n - 1)) + " embedding:easynegative easynegative tail")
    # A comma as far back as it may be, and one further.
    prompts += [" ".join(["cat"] * n + [","] + ["dog"] * 30) for n in (53, 54, 55, 56)]
    rows = []
    for i, prompt in enumerate(prompts):
        pad = 0 if i % 3 == 2 else END
        rows.append(["comfy", prompt, pad, *comfy(prompt, encode, pad, WORDS)])
        rows.append(["a1111", prompt, pad, *a1111(prompt, encode, pad, WORDS)])
    rounded = [[r, p, pad, [[[round(x, 9) if isinstance(x, float) else x for x in s] for s in w] for w in ws], n]
               for r, p, pad, ws, n in rows]
    return {"words": [[k, v] for k, v in WORDS.items()], "prompts": rounded}
