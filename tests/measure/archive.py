#!/usr/bin/env python3
"""Archives: reports per second and peak memory of every way in and out, and runs that are killed and resumed.

usage: archive.py RADLABEL REPORTS.jsonl FOLDER [--count N] [--kills N] [--threads N]

REPORTS.jsonl has an object {"id", "text"} a line; its reports are repeated with other ids up to N (1,000,000). FOLDER
is made, and holds some GB at the end. RADLABEL is a release build with --features full.
"""

import argparse
import csv
import filecmp
import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import time
from pathlib import Path


def make(source, folder, count):
    """The archive as JSON lines, gzip and CSV."""
    reports = [json.loads(line) for line in open(source, encoding="utf-8")]
    with (
        open(folder / "a.jsonl", "w", encoding="utf-8") as lines,
        gzip.open(folder / "a.jsonl.gz", "wt", compresslevel=5, encoding="utf-8") as packed,
        open(folder / "a.csv", "w", encoding="utf-8", newline="") as table,
    ):
        rows = csv.writer(table)
        rows.writerow(["id", "text"])
        for i in range(count):
            report = reports[i % len(reports)]
            one = {"id": f"{report['id']}-{i // len(reports)}", "text": report["text"]}
            line = json.dumps(one, ensure_ascii=False) + "\n"
            lines.write(line)
            packed.write(line)
            rows.writerow([one["id"], one["text"]])


def run(arguments):
    """Seconds and peak memory in MB."""
    start = time.monotonic()
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, arguments
    return time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def same(one, other):
    """Two folders hold the same files with the same bytes."""
    names = sorted(p.name for p in one.iterdir())
    if names != sorted(p.name for p in other.iterdir()):
        return False
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


def kills(radlabel, folder, count, threads):
    """How many of the killed and resumed runs ended with the bytes of one that was left alone."""
    random.seed(4)
    base = [radlabel, "label", str(folder / "a.parquet"), "-q", "-j", threads, "--format", "parquet"]
    base += ["--table", "mentions", "--partition", "20000", "--resume"]
    whole = folder / "whole"
    for left in [whole, folder / "broken"]:
        shutil.rmtree(left, ignore_errors=True)
    took, *_ = run([*base, "-o", str(whole)])
    good = 0
    for number in range(count):
        broken = folder / "broken"
        process = subprocess.Popen([*base, "-o", str(broken)], stderr=subprocess.DEVNULL)
        moment = random.uniform(0.02, took * 0.98)
        time.sleep(moment)
        process.kill()
        process.wait()
        left = len(list(broken.glob("part-*"))) if broken.exists() else 0
        run([*base, "-o", str(broken)])
        equal = same(whole, broken)
        good += equal
        print(f"  kill {number + 1:>2} after {moment:6.2f} s, {left:>2} parts whole: {'same' if equal else 'OTHER'}")
        shutil.rmtree(broken)
    print(f"kills: {good} of {count} ended with the same bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("radlabel")
    parser.add_argument("reports")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--threads", default="2")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not (asked.folder / "a.csv").exists():
        make(asked.reports, asked.folder, asked.count)
    ways = [
        ("a.jsonl", "a.parquet", ["--add", "text"]),
        ("a.parquet", "o.parquet", []),
        ("a.jsonl.gz", "o2.parquet", []),
        ("a.csv", "o3.parquet", []),
        ("a.jsonl", "o.csv", []),
        ("a.jsonl", "o.jsonl", []),
        ("a.parquet", "m.parquet", ["--table", "mentions"]),
        ("a.parquet", "o.arrows", []),
        ("a.parquet", "c.parquet", ["--confidence"]),
    ]
    for source, target, more in ways:
        out = str(asked.folder / target)
        call = [asked.radlabel, "label", str(asked.folder / source), "-o", out, "-q", "-j", asked.threads, *more]
        took, memory, cpu = run(call)
        rate = asked.count / took
        told = " ".join(more)
        print(f"{source:<11} -> {target:<11} {told:<17} {rate:>9,.0f} reports/s  {memory:>5.0f} MB  {cpu:6.2f} s of CPU")
    if asked.kills:
        kills(asked.radlabel, asked.folder, asked.kills, asked.threads)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
