"""Rules alone against rules and model, on gold: a status each, paired bootstrap, every threshold, and speed.

    python3 tests/measure/refine.py PROGRAM GOLD.jsonl [GOLD.jsonl ...] [--labels LABELS.jsonl REPORTS.jsonl]
            [--archive REPORTS.jsonl] [--program-flags "..."] [--ablation OUT.md] [--plot OUT.svg]

GOLD: a line a report, {"set", "id", "text", "mentions": [{"start", "end", "status"}]}, offsets in code points; statuses
present, absent, uncertain, historical, hypothetical. A gold mention is found where one of the program's overlaps it (the
longest does). LABELS: {"id", "labels": {name: value}} of the reports of REPORTS ({"id", "text"}). ARCHIVE: reports to time.
F1 counts a gold mention that was not found as missed; rules and model find the same mentions.
"""

import argparse
import collections
import csv
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STATUSES = ("present", "absent", "uncertain", "historical", "hypothetical")
THREE = STATUSES[:3]
ROUNDS = 2000


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def run(program, command, source, out, flags):
    done = subprocess.run([program, command, str(source), "-o", str(out), *flags], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"{program} {command}: exit {done.returncode}: {done.stderr[-400:]}")
    return done.stderr


def verdict(mention):
    if mention.get("subject", "patient") != "patient":
        return "family"
    when = mention.get("time", "current")
    return when if when in ("historical", "hypothetical") else mention["status"]


def matched(gold, reports):
    """For every gold mention (report, gold status, found status or None, asked)."""
    found = {r["id"]: r["mentions"] for r in reports}
    out = []
    for report in gold:
        for mention in report["mentions"]:
            best, size = None, 0
            for other in found.get(report["id"], []):
                shared = min(mention["end"], other["end"]) - max(mention["start"], other["start"])
                if shared > size:
                    best, size = other, shared
            asked = best is not None and any("model" in e for e in best["evidence"])
            out.append((report["id"], mention["status"], verdict(best) if best else None, asked))
    return out


def f1(pairs):
    """F1 of each status, the mean of the three, and the share of found ones that are right."""
    count = collections.Counter()
    for gold, got in pairs:
        count["gold", gold] += 1
        count["got", got] += 1
        count["both", gold] += gold == got
    out = {}
    for status in STATUSES:
        either = count["gold", status] + count["got", status]
        out[status] = 2 * count["both", status] / either if either else float("nan")
    out["macro"] = sum(out[s] for s in THREE) / 3
    found = [(gold, got) for gold, got in pairs if got is not None]
    out["right"] = sum(gold == got for gold, got in found) / max(1, len(found))
    return out


def bootstrap(rows, seed=1):
    """Differences of F1 (refined less rules), resampled by report: 95 % interval and the share of rounds above 0."""
    by = collections.defaultdict(list)
    for row in rows:
        by[row[0]].append(row[1:])
    ids = sorted(by)
    rng = random.Random(seed)
    seen = collections.defaultdict(list)
    for _ in range(ROUNDS):
        drawn = [pair for _ in ids for pair in by[rng.choice(ids)]]
        before = f1([(gold, rules) for gold, rules, _ in drawn])
        after = f1([(gold, both) for gold, _, both in drawn])
        for name in before:
            if before[name] == before[name]:
                seen[name].append(after[name] - before[name])
    out = {}
    for name, values in seen.items():
        values.sort()
        low, high = values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]
        better = (sum(v > 0 for v in values) + sum(v == 0 for v in values) / 2) / len(values)
        out[name] = (low, high, better)
    return out


def compare(name, rows):
    before, after = f1([(g, r) for _, g, r, _ in rows]), f1([(g, b) for _, g, _, b in rows])
    spread = bootstrap(rows)
    print(f"\n{name}: {len(rows)} mentions")
    print("| | rules | rules + model | difference (points) | 95 % interval | rounds better |\n|---|---|---|---|---|---|")
    for key in (*STATUSES, "macro", "right"):
        if before[key] != before[key]:
            continue
        low, high, better = spread.get(key, (float("nan"),) * 3)
        told = {"macro": "macro-F1 of three", "right": "status right of found"}.get(key, key)
        change = 100 * (after[key] - before[key])
        print(f"| {told} | {before[key]:.4f} | {after[key]:.4f} | {change:+.2f} | {100 * low:+.2f} to {100 * high:+.2f} | {100 * better:.0f} % |")
    return before, after


def labels(path, gold, names):
    """(report, gold value, value) of every cell where one of them has a value."""
    out = {}
    values = {"1": "present", "0": "absent", "-1": "uncertain", "1.0": "present", "0.0": "absent", "-1.0": "uncertain", "": None}
    rows = {r["id"]: r for r in csv.DictReader(open(path, encoding="utf-8"))}
    for report in gold:
        row = rows[report["id"]]
        for name in names:
            if name in row and (report["labels"].get(name) or values[row[name]]):
                out[report["id"], name] = (report["labels"].get(name), values[row[name]])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("gold", nargs="*")
    parser.add_argument("--labels", nargs=2, metavar=("LABELS", "REPORTS"))
    parser.add_argument("--archive")
    parser.add_argument("--program-flags", default="", help="for both runs, as --rules DIR")
    parser.add_argument("--refine-flags", default="--refine", help="for the second run")
    parser.add_argument("--ablation", help="write a table of thresholds here (Markdown)")
    parser.add_argument("--plot", help="and a plot of it here (SVG)")
    options = parser.parse_args()
    both = options.program_flags.split()
    folder = Path(tempfile.mkdtemp())

    def mentions(source, flags):
        out = folder / "out.jsonl"
        run(options.program, "label", source, out, ["--format", "jsonl", "--quiet", *both, *flags])
        return lines(out)

    everything = []
    for path in options.gold:
        gold = lines(path)
        source = folder / "in.jsonl"
        source.write_text("".join(json.dumps({"id": g["id"], "text": g["text"]}) + "\n" for g in gold), encoding="utf-8")
        rules = matched(gold, mentions(source, []))
        refined = matched(gold, mentions(source, options.refine_flags.split()))
        sets = {g["id"]: g.get("set", "") for g in gold}
        rows = [(a[0], a[1], a[2], b[2]) for a, b in zip(rules, refined)]
        asked = sum(r[3] for r in refined)
        for one in sorted(set(sets.values())):
            if len(set(sets.values())) > 1:
                compare(f"{Path(path).name}, {one}", [r for r in rows if sets[r[0]] == one])
        compare(f"{Path(path).name}, all (asked about {asked} of {sum(r[2] is not None for r in rules)} found)", rows)
        everything += [(f"{path}/{r[0]}", *r[1:]) for r in rows]
    if len(options.gold) > 1:
        compare("all files", everything)
    if options.labels:
        gold = lines(options.labels[0])
        wanted = {g["id"] for g in gold}
        source = folder / "labels-in.jsonl"
        source.write_text("".join(json.dumps(r) + "\n" for r in lines(options.labels[1]) if r["id"] in wanted), encoding="utf-8")
        names = sorted({name for g in gold for name in g["labels"]})
        cells = []
        for flags in ([], options.refine_flags.split()):
            run(options.program, "label", source, folder / "l.csv", ["--quiet", *both, *flags])
            cells.append(labels(folder / "l.csv", gold, names))
        keys = sorted(set(cells[0]) | set(cells[1]))
        golden = {(g["id"], n): g["labels"].get(n) for g in gold for n in names}
        rows = [(k[0], golden[k], cells[0].get(k, (0, None))[1], cells[1].get(k, (0, None))[1]) for k in keys]
        # A label that the gold leaves out is an error of what was given, as for score_labels.py.
        compare(f"{Path(options.labels[0]).name}, labels", rows)
    if options.archive:
        speed(options, both, folder)
    if options.ablation:
        ablation(options, both, folder)


def rate(program, source, flags, folder, turns=3):
    """Reports per second of the fastest of some turns, and what the program told."""
    count = sum(1 for _ in open(source, encoding="utf-8"))
    best, told = 0.0, ""
    for _ in range(turns):
        began = time.time()
        said = run(program, "label", source, folder / "speed.csv", flags)
        if count / (time.time() - began) > best:
            best, told = count / (time.time() - began), said
    return best, told


def speed(options, both, folder):
    alone, _ = rate(options.program, options.archive, both, folder)
    refined, told = rate(options.program, options.archive, [*both, *options.refine_flags.split()], folder)
    print(f"\nspeed: rules {alone:,.0f} reports/s, with {options.refine_flags} {refined:,.0f} ({100 * refined / alone:.0f} %)")
    print("\n".join(line for line in told.splitlines() if "refined" in line))


def ablation(options, both, folder):
    model = [f for f in options.refine_flags.split() if f != "--refine"]
    table = [("rules alone", [])]
    table += [(f"{b:g}", [*model, "--refine-below", f"{b:g}"]) for b in (0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)]
    table += [("all", [*model, "--refine-all"])]
    out = ["| asked below | mentions asked | right of found | present | absent | uncertain | macro-F1 | reports/s |", "|---|---|---|---|---|---|---|---|"]
    points = []
    source = folder / "in.jsonl"
    gold = [g for path in options.gold for g in lines(path)]
    source.write_text("".join(json.dumps({"id": g["id"], "text": g["text"]}) + "\n" for g in gold), encoding="utf-8")
    for name, flags in table:
        rows = matched(gold, mentions_of(options.program, source, folder, [*both, *flags]))
        marks = f1([(r[1], r[2]) for r in rows])
        found = sum(r[2] is not None for r in rows)
        share = 100 * sum(r[3] for r in rows) / found
        told = rate(options.program, options.archive, [*both, *flags], folder, 2)[0] if options.archive else float("nan")
        out.append(
            f"| {name} | {share:.1f} % | {marks['right']:.4f} | {marks['present']:.4f} | {marks['absent']:.4f} | "
            f"{marks['uncertain']:.4f} | {marks['macro']:.4f} | {told:,.0f} |"
        )
        print(out[-1], flush=True)
        points.append((share, marks["macro"], marks["uncertain"], told))
    Path(options.ablation).write_text("\n".join(out) + "\n", encoding="utf-8")
    if options.plot:
        plot(points, options.plot)


def mentions_of(program, source, folder, flags):
    out = folder / "ablation.jsonl"
    run(program, "label", source, out, ["--format", "jsonl", "--quiet", *flags])
    return lines(out)


def plot(points, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "radlabel"
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    shares = [p[0] for p in points]
    left.plot(shares, [p[1] for p in points], "o-", label="macro-F1 of three")
    left.plot(shares, [p[2] for p in points], "s--", label="uncertain F1")
    left.set(xlabel="mentions asked (%)", ylabel="F1", xscale="symlog")
    left.legend(frameon=False)
    right.plot(shares, [p[3] / 1000 for p in points], "o-", color="tab:green")
    right.set(xlabel="mentions asked (%)", ylabel="thousand reports a second", xscale="symlog", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


main()
