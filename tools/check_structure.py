#!/usr/bin/env python3
"""Holds the tree to the rules of docs/architecture.md. Prints every violation; exit status 1 when there is one.

    tools/check_structure.py              check the tree
    tools/check_structure.py --self-test  plant one violation of every rule and see it caught
"""
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Which folders a folder's files may include, beside its own; what those may use follows. docs/architecture.md, §1.
USES = {
    "base": [], "tensor": ["base"], "ops": ["tensor"], "grad": ["ops"], "files": ["tensor"],
    "weights": ["files", "ops"], "nn": ["ops", "weights"], "text": ["base"], "models": ["nn", "text"],
    "sampling": ["models"], "media": ["base", "ops"], "pipeline": ["sampling", "media"], "train": ["pipeline", "grad"],
    "mini": ["pipeline"], "nodes": ["pipeline", "train"], "jobs": ["nodes"], "server": ["jobs"], "app": ["server", "mini"],
}
MAX_FILE_LINES, MEDIAN_LINES, P90_LINES, MAX_FUNCTION_LINES = 800, 120, 400, 80

# Family names, compared with the words inside identifiers and texts ("kFluxNames" is k, Flux, Names).
FAMILIES = {"sd1", "sd14", "sd15", "sd2", "sd21", "sdxl", "sd3", "sd35", "flux", "flux1", "flux2", "qwen", "wan", "wan21",
            "wan22", "zimage", "pony", "illustrious", "noobai", "hunyuan", "hidream", "lumina", "pixart", "kolors",
            "auraflow", "ltx", "ltxv", "sana", "cogview", "mochi", "kandinsky", "omnigen"}
FAMILY_PHRASES = re.compile(r"\bsd[ _-]?[123](?:[._]\d)?\b|\bz[ _-]image\b|\bstable[ _-]cascade\b", re.I)

# The words are split here so that this file does not catch itself.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|GTEST_" r"SKIP|DISABLED" r"_\w+)\b|EXPECT_TRUE\(tr" r"ue\)")
PRIVATE_PATH = re.compile(r"(?<![\w.~/-])/(?:work|opt|srv|mnt|root|home(?!/you))/[\w.-]+")
DANGEROUS = [
    (re.compile(r"(?<![\w.>:])(?:std::)?(?:abort|exit|_exit|quick_exit|terminate)\s*\("), "ends the process"),
    (re.compile(r"(?<![\w=])(?<!operator )\bdelete\b(?!\s*[;,)]?\s*$)(?=\s*(?:\[\s*\])?\s*[\w(*])"), "uses delete"),
    (re.compile(r"(?<!operator )\bnew\b\s*(?:\(|[A-Za-z_:])"), "uses new"),
]


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)


def code_only(text):
    """The text with comments, strings and characters blanked; line numbers stay."""
    return TOKENS.sub(blank, text)


def without_directives(code):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code, flags=re.M)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def matching_brace(code, at):
    depth = 0
    for i in range(at, len(code)):
        if code[i] == "{":
            depth += 1
        elif code[i] == "}":
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b(?![^()]*\)\s*(?:const|noexcept|override)?\s*$)")
MEMBER_BRACE = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)(?:.*,)?\s*[\w:<> ]+$", re.S)  # Foo() : a_(a), b_{…}


def functions(text):
    """(name, first line, last line) of every function body. Lambdas count as part of the function around them."""
    code = without_directives(code_only(text))
    found, start, i = [], 0, 0
    while i < len(code):
        c = code[i]
        if c in ";}":
            start = i + 1
        elif c == "{":
            header = code[start:i]
            if "(" in header and MEMBER_BRACE.search(header):
                i = matching_brace(code, i)
            elif "(" in header and not SCOPE.search(header):
                end = matching_brace(code, i)
                name = re.search(r"([\w:~]+)\s*\(", header)
                first = start + len(header) - len(header.lstrip())
                found.append((name.group(1) if name else "?", line_of(code, first), line_of(code, end)))
                start, i = end + 1, end
            elif "=" in header or re.search(r"[\w>]\s*$", header) and not SCOPE.search(header):
                end = matching_brace(code, i)  # a table of values
                start, i = end + 1, end
            else:
                start = i + 1
        i += 1
    return found


def reachable(folder):
    out, todo = set(), [folder]
    while todo:
        for used in USES[todo.pop()]:
            if used not in out:
                out.add(used)
                todo.append(used)
    return out


def check_includes(path, text):
    parts = path.split("/")
    if parts[0] != "src" or len(parts) < 3:
        return
    folder = parts[1]
    if folder not in USES:
        yield 1, f"folder src/{folder} is not in the table of docs/architecture.md"
        return
    allowed = reachable(folder) | {folder}
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
        target = m.group(1).split("/")[0]
        if target not in USES:
            yield line_of(text, m.start()), f'include "{m.group(1)}" does not start with a folder of src/'
        elif target not in allowed:
            yield line_of(text, m.start()), f"src/{folder} may not include src/{target}"


def is_generated(path, text):
    return path.endswith(".inc") or "Generated by" in text[:400]


def check_size(path, text):
    lines = text.count("\n")
    if lines > MAX_FILE_LINES and path.endswith((".cpp", ".h", ".py", ".sh")) and not is_generated(path, text):
        yield lines, f"{lines} lines; {MAX_FILE_LINES} are the most"
    if path.endswith((".cpp", ".h")):
        for name, first, last in functions(text):
            if last - first + 1 > MAX_FUNCTION_LINES and not is_generated(path, text):
                yield first, f"function {name} has {last - first + 1} lines; {MAX_FUNCTION_LINES} are the most"


def check_families(path, text):
    if not path.startswith("src/") or path.startswith("src/models/"):
        return
    for number, line in enumerate(text.split("\n"), 1):
        words = {w.lower() for token in re.findall(r"[A-Za-z0-9]+", line)
                 for w in re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*(?![a-z])|\d+", token)}
        named = sorted(words & FAMILIES) or FAMILY_PHRASES.findall(line)
        if named:
            yield number, f"names a model family ({named[0]}); only src/models/ may"


def check_words(path, text):
    for pattern, what in ((UNFINISHED, "is unfinished or skips a test"), (PRIVATE_PATH, "names a path of one machine")):
        for m in pattern.finditer(text):
            yield line_of(text, m.start()), f"“{m.group(0)}” {what}"
    if path.startswith("src/") and path.endswith((".cpp", ".h")):
        code = code_only(text)
        for pattern, what in DANGEROUS:
            for m in pattern.finditer(code):
                if what != "ends the process" or not path.startswith("src/app/"):
                    yield line_of(code, m.start()), f"{what}: {m.group(0).strip()}"


CHECKS = (check_includes, check_size, check_families, check_words)


def violations(path, text):
    for check in CHECKS:
        for line, message in check(path, text):
            yield f"{path}:{line}: {message}"


def source_files():
    """Everything that is or may be committed, as text."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [
        str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and "build" not in p.parts and ".git" not in p.parts]
    suffixes = {".cpp", ".h", ".inc", ".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".yml", ".json", ""}
    for name in sorted(filter(None, names)):
        path = ROOT / name
        if path.suffix in suffixes and path.is_file() and path.stat().st_size < 4 << 20:
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                if path.suffix in {".cpp", ".h"}:
                    yield name, ""


def report(files):
    """Figures that are targets, not limits; and sources that no test names."""
    sizes = sorted(t.count("\n") for p, t in files.items() if p.startswith("src/") and not is_generated(p, t))
    if not sizes:
        return
    p90 = sizes[min(len(sizes) - 1, len(sizes) * 9 // 10)]
    code = comments = 0
    for p, t in files.items():
        if p.startswith("src/") and p.endswith((".cpp", ".h")) and not is_generated(p, t):
            lines = [line.strip() for line in t.split("\n") if line.strip()]
            code += len(lines)
            comments += sum(line.startswith("//") or "  // " in line for line in lines)
    print(f"src: {len(sizes)} files, median {statistics.median(sizes):g} lines (target ≤ {MEDIAN_LINES}), "
          f"90 % ≤ {p90} (target ≤ {P90_LINES}), longest {sizes[-1]}, comments {100 * comments / max(code, 1):.0f} %")
    tests = "\n".join(t for p, t in files.items() if p.startswith("tests/") and p.endswith(".cpp"))
    untested = []
    for p in files:
        m = re.fullmatch(r"src/([\w/]+)\.cpp", p)
        if m and not m.group(1).startswith("app/"):
            headers = [f"{m.group(1)}.h", re.sub(r"_(?:avx2|avx512|avx512bf16|amx|ref|cpu)$", "", m.group(1)) + ".h",
                       re.sub(r"^ops/(?:cpu|ref)/", "ops/", m.group(1)) + ".h"]
            if not any(f'"{h}"' in tests for h in headers):
                untested.append(p)
    print(f"no test includes the header of {len(untested)} sources (they may be tested through another)")
    for p in untested if "--untested" in sys.argv else ():
        print("  " + p)


def self_test():
    long_body = "\n".join("  x += 1;" for _ in range(MAX_FUNCTION_LINES))
    planted = [
        ("src/base/a.h", '#include "tensor/tensor.h"\n', "may not include"),
        ("src/files/a.cpp", '#include "ops/linear.h"\n', "may not include"),
        ("src/kitchen/a.cpp", "int x;\n", "not in the table"),
        ("src/base/a.cpp", "int x;\n" * (MAX_FILE_LINES + 1), "lines;"),
        ("src/base/a.cpp", f"namespace dq {{\nint f(int x) {{\n{long_body}\n  return x;\n}}\n}}\n", "function f has 83"),
        ("src/base/a.cpp", f"A::A(int x) : a_(x), b_{{x}} {{\n{long_body}\n}}\n", "function A::A has"),
        ("src/base/a.cpp", f"struct S {{\n  int f(int x) const {{\n{long_body}\n  }}\n}};\n", "function f has"),
        ("src/base/a.cpp", f'auto f(const char* s = "{{") -> int {{\n  // {{\n{long_body}\n}}\n', "function f has"),
        ("src/ops/a.cpp", "bool is_sd" "xl = true;\n", "family"), ("src/ops/a.cpp", "int kFlu" "xNames;\n", "family"),
        ("src/app/a.cpp", 'auto s = "SD 1' '.5";\n', "family"), ("src/app/a.cpp", "int wa" "n_x;\n", "family"),
        ("src/base/a.cpp", "// TO" "DO: later\n", "unfinished"), ("tests/a.cpp", "GTEST_" "SKIP();\n", "unfinished"),
        ("docs/a.md", "see /wo" "rk/main\n", "path of one machine"), ("src/base/a.cpp", "std::abo" "rt();\n", "ends the process"),
        ("src/base/a.cpp", "int* p = new int(3);\n", "uses new"), ("src/base/a.cpp", "delete p;\n", "uses delete"),
    ]
    clean = [
        ("src/ops/a.cpp", '#include "ops/a.h"\n#include "base/error.h"\n#include <vector>\n'),
        ("src/base/a.cpp", "// I want influx and a swan; a new friend.\nint f() {\n  return 1;\n}\n"),
        ("src/base/a.h", "struct S {\n  S(const S&) = delete;\n  int a{3};\n  int f() const { return a; }\n" + "  int b;\n" * 90 + "};\n"),
        ("src/models/sd1/a.cpp", "int sdxl;\n"), ("src/app/a.cpp", "int main() { std::exit(1); }\n"),
        ("src/base/a.cpp", "const int kTable[] = {\n" + "  1,\n" * 200 + "};\n"),
        ("src/base/a.cpp", "enum class E : int {\n" + "  kA,\n" * 100 + "};\nconst int k = 10'000;\nchar c = '{';\n"),
    ]
    failed = 0
    for path, text, expected in planted:
        if not any(expected in v for v in violations(path, text)):
            failed += 1
            print(f"self-test: not caught in {path}: {expected}\n{text[:200]}")
    for path, text in clean:
        for v in violations(path, text):
            failed += 1
            print(f"self-test: falsely caught: {v}")
    print(f"self-test: {len(planted)} planted violations, {len(clean)} clean files, {failed} wrong")
    return failed


def main():
    if "--self-test" in sys.argv:
        return 1 if self_test() else 0
    files = dict(source_files())
    found = [v for path, text in files.items() for v in violations(path, text)]
    print("\n".join(found + [f"structure: {len(files)} files, {len(found)} violations"]))
    report(files)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
