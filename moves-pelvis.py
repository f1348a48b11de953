"""Applies moves-pelvis.tsv to a folder lexicons/en: python3 moves-pelvis.py moves-pelvis.tsv LEXICONS_EN

A line is (file, from, term, to). term "*": the whole row goes to the concept "to" of the pelvis or breast file, with
its terms and, where the concept is the same, its codes. to "-": the term is dropped. Else the term goes to "to".
"""
import glob, os, re, sys


def cells(line):
    return line.rstrip("\n").split("\t")


def key(term):
    words = re.sub(r"[-\s]+", " ", term).lower().split()
    return " ".join(w[:-1] if len(w) > 3 and w.endswith("s") and not re.search("(ss|us|is)$", w) else w for w in words)


folder = sys.argv[2]
moves = [cells(l) for l in open(sys.argv[1])][1:]
files, heads, names = {}, {}, {}
for path in glob.glob(folder + "/*.tsv"):
    name = os.path.basename(path)
    lines = open(path).read().split("\n")[:-1]
    top = next(i for i, l in enumerate(lines) if l.startswith("id\t")) + 1
    heads[name], files[name] = lines[:top], [cells(l) for l in lines[top:]]
    names[name] = cells(lines[top - 1])


def row(concept, file=None):
    own = ["pelvis-obstetric-findings.tsv", "breast-findings.tsv"]
    for name in [file] if file else own + sorted(files):
        for r in files[name]:
            if r[0] == concept and "terms" in names[name]:
                r += [""] * (len(names[name]) - len(r))
                return name, r
    return None, None


def add(concept, terms):
    name, r = row(concept)
    if r is None:
        print("no concept", concept)
        return
    at = names[name].index("terms")
    have = [t for t in r[at].split(" | ") if t]
    known = {key(t) for t in have}
    for t in terms:
        if key(t) not in known:
            have.append(t)
            known.add(key(t))
    r[at] = " | ".join(have)


for file, source, term, to in moves:
    if file not in files:
        continue
    _, r = row(source, file)
    if r is None:
        print("gone already:", file, source)
        continue
    at = names[file].index("terms")
    terms = [t.strip() for t in r[at].split("|") if t.strip()]
    if term == "*":
        if row(to)[0] == file:
            continue  # the concept has no row of its own in the pelvis or breast file: it stays
        add(to, terms)
        if source == to:
            name, q = row(to)
            for column in ["radlex", "snomed", "icd10", "other"]:
                a, b = names[file].index(column), names[name].index(column)
                if column == "icd10" and q[b]:
                    continue
                q[b] = ",".join(dict.fromkeys(x for x in (q[b] + "," + r[a]).split(",") if x))
        files[file].remove(r)
    else:
        rest = [t for t in terms if key(t) != key(term)]
        if len(rest) == len(terms):
            print("gone already:", file, source, term)
            continue
        r[at] = " | ".join(rest)
        if to != "-":
            add(to, [term])
        if not rest:
            files[file].remove(r)
for name, rows in files.items():
    with open(folder + "/" + name, "w") as out:
        out.write("\n".join(heads[name] + ["\t".join(r) for r in rows]) + "\n")
