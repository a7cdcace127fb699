#!/usr/bin/env python3
"""Writes tests/golden/text/: what transformers' CLIPTokenizer makes of 10,000 texts, and the windows of prompts.

Usage: make_text.py MERGES.txt   ("#version: 0.2", then the 48,894 merges)

clip_tokens.json   "known": texts with their ids; "hashed": texts with the count of their ids and the FNV-1a hash of
                   the ids as little-endian 32-bit numbers; "long": [unit, repeats, count, hash] of unit·repeats;
                   "small": texts with their ids under the vocabulary of the first 1,000 merges.
prompts.json       prompts with their windows in both readings, by make_text_prompts.py.
"""
import json
import pathlib
import random
import sys

from transformers import CLIPTokenizer

import make_text_prompts

OUT = pathlib.Path(__file__).parent / "text"
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def load_tokenizer(merges):
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    vocab = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + [BEGIN, END]
    return CLIPTokenizer(vocab={s: i for i, s in enumerate(vocab)}, merges=merges)


def encode(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def fnv(ids):
    value = 0xCBF29CE484222325
    for i in ids:
        for byte in i.to_bytes(4, "little"):
            value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


KNOWN = """
a photo of a cat|masterpiece, best quality, 1girl, solo, (looking at viewer:1.2)|it's, don't, we're, I've, I'm, he'll, she'd
IT'S DON'T WE'RE I'VE I'M HE'LL SHE'D|'s't're've'm'll'd|''s ''' 's'' rock 'n' roll|y'all'd've|o'clock 'tis
HELLO World|ÀÉÎÕÜ àéîõü|straße STRASSE ẞ|İstanbul ISTANBUL ıI|ΣΊΣΥΦΟΣ σίσυφος ς|ǅ ǆ Ǆ|Ω Å K
一只红苹果在蓝色背景上|夕暮れの東京タワー、雨上がり|ｶﾀｶﾅ カタカナ ガ ガ|한국어 문장|ᄒᆞᆫ글|漢字かな交じり文。|，。！？《》「」
Привет, мир!|γειά σου Κόσμε|مرحبا بالعالم|שָׁלוֹם עוֹלָם|नमस्ते दुनिया|สวัสดีชาวโลก|Xin chào thế giới|ខ្មែរ|ქართული|Հայերեն
😀|👩‍👩‍👧‍👦 family|🏳️‍🌈🏴‍☠️|🇩🇪🇯🇵🇨🇳|👍🏽👍🏿|❤️ ❤|☺︎☺️|#️⃣ 1️⃣ *️⃣|🏴󠁧󠁢󠁥󠁮󠁧󠁿|🤷🏻‍♀️
1234567890|3.14159 1,000,000 ½ ² Ⅳ ٣ ४|2girls 4k 8K f/1.8 50mm|1️⃣2️⃣|x²+y²=z²|10²³
...!!!???|!?!?…—–-_|((()))[[[]]]{{{}}}|a.b,c;d:e|$100 €50 ¥30 £20|<>|\\/|~`@#^&*+=|"quoted" “quoted” ‘quoted’ «q»
<|endoftext|>|a <|startoftext|> b <|endoftext|> c|<|ENDOFTEXT|>|!<|EndOfText|>!!|<|endoftext|>é|<|endoftext|<|endoftext|>|<|<|endoftext|>|>|<|startoftext|
e\u0301 é|A\u030a Å|\u1112\u1161\u11ab 한|a\u0323\u0307 a\u0307\u0323 ạ̇|\u0301 alone|q\u0307\u0323|\u0958 \u0915\u093c|\u0344 \u0340|ﬁ ﬂ ﬀ
tab\there|line\x0bbreak\rhere|nul\x00char|bell\x07 esc\x1b[0m|\x1c\x1d\x1e\x1f|\x7f\x80\x85\x9f|a\u00a0b\u2003c\u3000d|zero\u200bwidth\u200cnon\u200djoin|\ufeffbom \ufffd \ufffe|\u2028\u2029|soft\u00adhyphen|\u202ertl\u202c
supercalifragilisticexpialidocious|Donaudampfschifffahrtsgesellschaftskapitän|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|thethethethethethethethethethethethethe|abababababababababababababababab
|   | leading|trailing |two  spaces|embedding:easynegative, (text:1.3)|<lora:name:0.8>|https://example.org/a?b=c&d=e#f|user@example.org|C:\\Users\\name|score_9, score_8_up
""".strip("\n").split("\n")
WORDS = """a an the of in on with and photo portrait painting cat dog girl boy woman man castle forest river mountain night
day light dark red blue green golden hour highly detailed masterpiece best quality 4k 8k uhd hdr cinematic lighting
trending artstation greg rutkowski unreal engine bokeh depth field soft focus watercolor ink sketch anime style it's
don't I'm we'll they've he'd café naïve façade über Zürich piñata Dvořák smörgåsbord cliché déjà-vu co-operate x-ray
苹果 蓝色 背景 红 猫 少女 风景 山水画 夜景 高清 東京 夕焼け 桜 かわいい ネコ イラスト 고양이 바다 кошка город ночь γάτα قطة बिल्ली
😀 😍 🔥 ✨ 🌸 👩‍🚀 🏳️‍🌈 🇫🇷 ❤️ 👨‍👩‍👧 1.5 100% 35mm f/1.4 #1 @home -- ... !! ?! (:) [x] {y} \\(z\\) ~ & + = _ | / :: ;""".split()
SCRIPTS = [(0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x5FF),
           (0x600, 0x77F), (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x11FF), (0x1200, 0x18AF), (0x1AB0, 0x1AFF),
           (0x1C80, 0x1CFF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x20A0, 0x214F), (0x2150, 0x23FF), (0x2460, 0x27BF),
           (0x2C00, 0x2DFF), (0x3000, 0x30FF), (0x3100, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xABFF),
           (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF),
           (0x16A00, 0x16FFF), (0x1D100, 0x1D7FF), (0x1E000, 0x1EFFF), (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F),
           (0xE0000, 0xE01EF)]
MARKS = [*range(0x300, 0x370), *range(0x591, 0x5C8), *range(0x64B, 0x660), 0x93C, 0x94D, 0x9BE, 0xDCF, 0x3099, 0x309A,
         0x1161, 0x1175, 0x11A8, 0x11C2, 0x200D, 0xFE0F, 0x1F3FB, *range(0x1AB0, 0x1ACF), *range(0x1DC0, 0x1E00),
         0x8CE, 0xC3C, 0x1133B, 0x11930, 0x110BA, 0x11127, 0x1E4EC, 0x16FF0]


def random_char(rng, low, high):
    while True:
        c = rng.randint(low, high)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def from_words(rng):
    words = [rng.choice(WORDS) for _ in range(rng.randint(2, 12))]
    joiner = rng.choice([" ", ", ", " ", ",", "", "\n", "  "])
    text = joiner.join(words)
    return rng.choice([text, text, text.upper(), text.title()])


def from_script(rng):
    low, high = rng.choice(SCRIPTS)
    parts = [random_char(rng, low, high) for _ in range(rng.randint(1, 16))]
    if rng.random() < 0.4:
        parts.insert(rng.randrange(len(parts)), rng.choice([" ", "'s", "a", "1", "!", END, ","]))
    return "".join(parts)


def from_marks(rng):
    low, high = rng.choice(SCRIPTS)
    return "".join(
        chr(rng.choice(MARKS)) if rng.random() < 0.6 else random_char(rng, low, high) for _ in range(rng.randint(2, 10)))


def from_anything(rng):
    return "".join(random_char(rng, 0, rng.choice([0x7F, 0x2FF, 0xFFFF, 0x10FFFF])) for _ in range(rng.randint(1, 14)))


def from_ascii(rng):
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzESTMLDV0123456789''''  ..,,!?-_()[]<|>:\t\n\x01\x1f")
                   for _ in range(rng.randint(1, 40)))


def make_tokens(merges):
    rng = random.Random(20260728)
    big, small = load_tokenizer(merges), load_tokenizer(merges[:1000])
    known = []
    for line in KNOWN:
        # Escapes are written out above; "|" separates texts unless it is part of a special token.
        line = line.replace("<|", "\ue000").replace("|>", "\ue001")
        for text in line.split("|"):
            known.append(text.replace("\ue000", "<|").replace("\ue001", "|>"))
    kinds = [from_words] * 4 + [from_script] * 3 + [from_marks, from_anything, from_ascii]
    texts, seen = [], set(known)
    while len(texts) + len(known) < 9990:
        text = rng.choice(kinds)(rng)
        if text not in seen:
            seen.add(text)
            texts.append(text)
    units = ["a", "ab", "the quick brown fox ", "Donaudampfschiff", "猫", "👩‍🚀", "!", "1", "e\u0301", "it's<|endoftext|>"]
    long = [[u, 100_000 // len(u.encode())] for u in units]
    golden = {
        "known": [[t, encode(big, t)] for t in known],
        "hashed": [[t, len(ids := encode(big, t)), fnv(ids)] for t in texts],
        "long": [[u, n, len(ids := encode(big, u * n)), fnv(ids)] for u, n in long],
        "small": [[t, encode(small, t)] for t in known[:60]],
    }
    count = len(known) + len(texts) + len(long)
    assert count == 10_000, count
    write("clip_tokens.json", golden)


def write(name, golden):
    """One entry a line, so that a change shows as one."""
    parts = []
    for key, rows in golden.items():
        body = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
        parts.append(f"{json.dumps(key)}: [\n{body}\n]")
    text = "{" + ",\n".join(parts) + "}\n"
    (OUT / name).write_text(text, encoding="utf-8")
    print(name, len(text.encode()), {k: len(v) for k, v in golden.items()})


def main():
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")[1:]
    merges = [tuple(line.split(" ")) for line in lines if line]
    OUT.mkdir(exist_ok=True)
    make_tokens(merges)
    big = load_tokenizer(merges)
    write("prompts.json", make_text_prompts.make(lambda text: encode(big, text)))


main()
