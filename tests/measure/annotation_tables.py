#!/usr/bin/env python3
"""Published tables of annotations, parsed whole, against counts by pandas; masks and polygons against pycocotools.

usage: annotation_tables.py WHEEL FOLDER [--seed N]

WHEEL is torchxrayvision's (PyPI: pip download torchxrayvision --no-deps), which ships the tables of NIH ChestX-ray14,
RSNA stage 2, VinBigData, SIIM-ACR and CheXpert. FOLDER is made. Needs pandas, numpy, pycocotools. Run in the repository:
what radlabel reads is told by the test `annotations::tests::summary`. Exit code 1 where anything differs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from pycocotools import mask as coco_mask

TABLES = {
    "nih-boxes": "BBox_List_2017.csv.gz",
    "nih-labels": "Data_Entry_2017_v2020.csv.gz",
    "nih-google": "google2019_nih-chest-xray-labels.csv.gz",
    "rsna-boxes": "kaggle_stage_2_train_labels.csv.zip",
    "vinbigdata": "vinbigdata-train.csv.gz",
    "siim-masks": "siim-pneumothorax-train-rle.csv.gz",
    "chexpert": "chexpert_train.csv.gz",
}


def unpack(wheel, folder):
    """The tables; what is a zip within the wheel is unpacked."""
    files = {}
    with zipfile.ZipFile(wheel) as archive:
        for name, file in TABLES.items():
            packed = folder / file
            packed.write_bytes(archive.read(f"torchxrayvision/data/{file}"))
            if file.endswith(".zip"):
                with zipfile.ZipFile(packed) as inner:
                    (only,) = inner.namelist()
                    packed = folder / only
                    packed.write_bytes(inner.read(only))
            files[name] = packed
    return files


def counted(name, file):
    """Images, annotations by category and value, sums of x, y, width and height, doubled rows: by pandas alone."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
    by, sums, doubled, spacing = Counter(), np.zeros(4), 0, 0.0
    value = {"1.0": "present", "0.0": "absent", "-1.0": "uncertain", "YES": "present", "NO": "absent"}
    image = {"nih": "Image Index", "rsn": "patientId", "vin": "image_id", "sii": "ImageId", "che": "Path"}[name[:3]]
    if name == "nih-boxes":
        by.update(table["Finding Label"] + "/present")
        sums = table.iloc[:, 2:6].astype(float).sum().to_numpy()
    elif name == "nih-labels":
        by.update(label + "/present" for cell in table["Finding Labels"] for label in cell.split("|"))
    elif name == "nih-google":
        for column in ["Fracture", "Pneumothorax", "Airspace opacity", "Nodule or mass"]:
            by.update(column + "/" + table[column].map(value))
    elif name == "rsna-boxes":
        by.update("Lung Opacity/" + table["Target"].map({"1": "present", "0": "absent"}))
        sums = table[table.Target == "1"][["x", "y", "width", "height"]].astype(float).sum().to_numpy()
    elif name == "vinbigdata":
        # The same finding drawn twice by one reader: told, and read once.
        kept = table.drop_duplicates(["image_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"])
        doubled = len(table) - len(kept)
        by.update(kept["class_name"] + "/present")
        drawn = kept[kept.x_min != ""][["x_min", "y_min", "x_max", "y_max"]].astype(float)
        sums = np.array(
            [drawn.x_min.sum(), drawn.y_min.sum(), (drawn.x_max - drawn.x_min).sum(), (drawn.y_max - drawn.y_min).sum()]
        )
    elif name == "siim-masks":
        # Absent once an image.
        table.columns = [c.strip() for c in table.columns]
        none = table["EncodedPixels"].str.strip() == "-1"
        doubled = len(table[none]) - table[none]["ImageId"].nunique()
        by["Pneumothorax/absent"] = table[none]["ImageId"].nunique()
        by["Pneumothorax/present"] = int((~none).sum())
    else:
        for column in table.columns[5:]:
            by.update(column + "/" + v for v in table[column].map(value).dropna())
    if "OriginalImage[Width" in table:
        unique = table.drop_duplicates(image)
        scaled = unique["OriginalImagePixelSpacing[x"].astype(float) * unique["OriginalImage[Width"].astype(float) / 1024
        spacing = scaled.sum()
    return table[image].nunique(), len(table), {k: v for k, v in by.items() if v}, sums, doubled, spacing


def shapes(folder, seed):
    """A COCO file of 1,000 masks (every second compressed) and 1,000 polygons, with pycocotools' measures of them."""
    draw = random.Random(seed)
    grid = np.random.default_rng(seed)
    images, annotations, expected = [], [], {}
    for number in range(1, 1001):
        height, width = draw.randint(1, 300), draw.randint(1, 300)
        images.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        noise = grid.random((height, width))
        for _ in range(draw.choice([0, 0, 2, 5])):
            noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3
        pixels = np.asfortranarray(noise > draw.choice([0.3, 0.5, np.quantile(noise, 0.9)]), dtype=np.uint8)
        pixels[0, 0] |= not pixels.any()
        packed = coco_mask.encode(pixels)
        text = packed["counts"].decode()
        flat = pixels.flatten(order="F")
        ends = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff(np.concatenate([[0], ends, [len(flat)]])).tolist()
        runs = [0] + runs if flat[0] else runs
        mask = {"size": [height, width], "counts": text if number % 2 else runs}
        annotations.append({"id": number, "image_id": number, "category_id": 1, "segmentation": mask})
        x, y, w, h = coco_mask.toBbox(packed).tolist()
        expected[str(number)] = (float(coco_mask.area(packed)), [x, y, x + w, y + h], text)
        # pycocotools measures a polygon by its pixels: the areas agree as far as the outline is long.
        corners = [[draw.uniform(0, 300), draw.uniform(0, 300)] for _ in range(3)]
        flat = [c for corner in corners for c in corner]
        id = number + 1000
        images.append({"id": id, "file_name": f"{id}.png", "width": 300, "height": 300})
        annotations.append({"id": id, "image_id": id, "category_id": 1, "segmentation": [flat]})
        raster = coco_mask.merge(coco_mask.frPyObjects([flat], 300, 300))
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        around = sum(np.hypot(*np.subtract(corners[i], corners[i - 1])) for i in range(3))
        expected[str(id)] = (float(coco_mask.area(raster)), [min(xs), min(ys), max(xs), max(ys)], around)
    file = folder / "shapes.json"
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]}
    file.write_text(json.dumps(coco))
    return file, expected


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("wheel", type=Path)
    args.add_argument("folder", type=Path)
    args.add_argument("--seed", type=int, default=5)
    args = args.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    files = unpack(args.wheel, args.folder)
    drawn, expected = shapes(args.folder, args.seed)
    summary = args.folder / "summary.jsonl"
    paths = "\n".join(str(f.resolve()) for f in [*files.values(), drawn])
    environment = {**os.environ, "RADLABEL_ANNOTATIONS": paths, "RADLABEL_SUMMARY": str(summary.resolve())}
    test = ["cargo", "test", "--quiet", "--lib", "annotations::tests::summary", "--", "--ignored", "--exact"]
    subprocess.run(test, env=environment, check=True, stdout=subprocess.DEVNULL)
    found = {json.loads(line)["file"]: json.loads(line) for line in summary.read_text().splitlines()}
    wrong = 0
    for name, file in files.items():
        one = found[str(file.resolve())]
        images, rows, by, sums, doubled, spacing = counted(name, file)
        same = (
            images == one["images"]
            and by == one["by"]
            and np.allclose(sums, one["sums"], rtol=1e-9)
            and np.isclose(spacing, one["spacing"])
            and one["problems"] == 0
        )
        wrong += not same
        print(f"{name}: {rows} rows, {doubled} doubled; {one['images']} images, {one['annotations']} annotations: {'same' if same else 'DIFFERS'}")
        if not same:
            print("  pandas:  ", images, dict(sorted(by.items())), sums, spacing)
            print("  radlabel:", one["images"], one["by"], one["sums"], one["spacing"], one["problems"], one["told"][:3])
    masks = polygons = 0
    off = []
    for id, area, bounds, text in found[str(drawn.resolve())]["shapes"]:
        coco_area, coco_bounds, other = expected.pop(id)
        if int(id) <= 1000:
            masks += area == coco_area and bounds == coco_bounds and text == other
        else:
            off.append(abs(area - coco_area) / other)
            polygons += off[-1] <= 1 and np.allclose(bounds, coco_bounds)
    wrong += masks != 1000 or polygons != 1000 or bool(expected)
    print(f"masks: {masks} of 1000 with the area, box and text of pycocotools")
    print(f"polygons: {polygons} of 1000 within its raster; area off by at most {max(off):.2f} pixels a pixel of outline")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
