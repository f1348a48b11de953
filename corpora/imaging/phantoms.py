"""Makes the images and annotations.json of this folder: grey shapes that stand for chest radiographs, and what is drawn on
them. Run without arguments, with Python 3 alone; the same files each time."""
import json
import struct
import zlib
from pathlib import Path

SIZE = 160
HERE = Path(__file__).parent
CATEGORIES = ["Effusion", "Pneumothorax", "Pneumonia", "Nodule", "Enlarged heart", "Artefact"]


def inside(x, y, cx, cy, rx, ry):
    return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1


def frontal(extra):
    """Two dark lungs, a heart that reaches to the patient's left (the right of the image), and what is drawn on it."""
    rows = []
    for y in range(SIZE):
        row = bytearray()
        for x in range(SIZE):
            grey = 150 if inside(x, y, 80, 90, 74, 90) else 20
            if inside(x, y, 46, 78, 26, 52) or inside(x, y, 114, 78, 26, 52):
                grey = 60
            if inside(x, y, 86, 100, 24, 24) or 72 <= x < 88 and y > 10:
                grey = 190
            for shape, brightness in extra:
                if shape(x, y):
                    grey = brightness
            row.append(grey)
        rows.append(bytes(row))
    return rows


def lateral():
    """One lung from the side."""
    grey = lambda x, y: 60 if inside(x, y, 84, 76, 34, 54) else 150 if inside(x, y, 80, 90, 52, 90) else 20
    return [bytes(grey(x, y) for x in range(SIZE)) for y in range(SIZE)]


def png(rows):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", SIZE, len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def box(x, y, w, h):
    return lambda px, py: x <= px < x + w and y <= py < y + h


def disc(cx, cy, r):
    return lambda px, py: inside(px + 0.5, py + 0.5, cx, cy, r, r)


def runs(shape):
    """COCO's uncompressed runs: column by column, background first."""
    out, now, length = [], False, 0
    for x in range(SIZE):
        for y in range(SIZE):
            if shape(x, y) != now:
                out.append(length)
                now, length = not now, 0
            length += 1
    return out + [length]


# image: (what is seen, ((category, box or disc), ...))
IMAGES = {
    "s1-pa": [("Effusion", (104, 108, 34, 20)), ("Nodule", (44, 50, 6))],
    "s2-ap": [("Pneumothorax", (108, 30, 28, 18)), ("Effusion", (24, 110, 30, 18))],
    "s3-pa": [("Pneumonia", (104, 92, 26, 24)), ("Enlarged heart", (58, 74, 70, 50))],
    "s4-ap": [("Enlarged heart", (56, 74, 72, 50))],
    "s6-pa": [("Effusion", (22, 108, 34, 20)), ("Artefact", (70, 20, 10, 10))],
    "s7-pa": [],
}


def main():
    images, annotations = [], []
    for name, drawn in IMAGES.items():
        images.append({"id": len(images) + 1, "file_name": f"images/{name}.png", "width": SIZE, "height": SIZE})
        seen = []
        for category, place in drawn:
            one = {"id": len(annotations) + 1, "image_id": len(images), "category_id": CATEGORIES.index(category) + 1,
                   "iscrowd": 0}
            if len(place) == 3:
                cx, cy, r = place
                shape = disc(*place)
                one["segmentation"] = {"size": [SIZE, SIZE], "counts": runs(shape)}
                one["bbox"] = [cx - r, cy - r, 2 * r, 2 * r]
                one["area"] = sum(shape(x, y) for x in range(SIZE) for y in range(SIZE))
            else:
                shape = box(*place)
                one["segmentation"], one["bbox"], one["area"] = [], list(place), place[2] * place[3]
            seen.append((shape, 215 if category != "Pneumothorax" else 25))
            annotations.append(one)
        (HERE / "images" / f"{name}.png").write_bytes(png(frontal(seen)))
    (HERE / "images" / "s3-lateral.png").write_bytes(png(lateral()))
    (HERE / "images" / "s5-pa.png").write_bytes(png(frontal([])))
    lists = {"images": images, "categories": [{"id": i + 1, "name": c} for i, c in enumerate(CATEGORIES)],
             "annotations": annotations}
    lines = [f'"{key}": [\n' + ",\n".join(json.dumps(one) for one in rows) + "\n]" for key, rows in lists.items()]
    (HERE / "annotations.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
