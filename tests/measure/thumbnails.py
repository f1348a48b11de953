#!/usr/bin/env python3
"""Holds the pictures of `src/pixels.rs` against pydicom, on every file with pixels that pydicom ships.

    pip install pydicom numpy pillow pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle pyjpegls
    python tests/measure/thumbnails.py [more folders of DICOM files]

Each file's first frame is drawn by radlabel in full size (an ignored test, `pictures_of_a_folder`) and by pydicom with
the rules of PS3.3: modality, the first window or the VOI table, else darkest to brightest; MONOCHROME1 inverted; colour
spaces and palettes to RGB. Printed: files, how far the two are apart, and what is not shown and why.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels import apply_color_lut, apply_modality_lut, convert_color_space, pixel_array

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def first(value):
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)


def group(ds, name):
    """An item of the frame's own functional group, of the shared one, or the data set itself."""
    for key in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        if key in ds and len(ds[key].value) and name in ds[key][0] and len(ds[key][0][name].value):
            return ds[key][0][name][0]
    return ds


def expected(path):
    """What a viewer shows at first, as 8 bits, by pydicom."""
    ds = pydicom.dcmread(path, force=True)
    ds.file_meta = getattr(ds, "file_meta", pydicom.dataset.FileMetaDataset())
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    raw = pixel_array(ds, index=0, raw=True)
    kind = ds.PhotometricInterpretation
    if ds.SamplesPerPixel == 3:
        compressed = str(ds.file_meta.TransferSyntaxUID).startswith("1.2.840.10008.1.2.4")
        if kind.startswith("YBR") and not (compressed and kind in ("YBR_ICT", "YBR_RCT")):
            raw = convert_color_space(raw, kind, "RGB") if ds.BitsStored == 8 else raw
        full = 2**ds.BitsStored - 1
        return np.round(raw.astype(float) * 255 / full)
    if kind == "PALETTE COLOR":
        colours = apply_color_lut(raw, ds).astype(float)
        return np.round(colours * 255 / (255 if colours.max() < 256 else 65535))
    holder = group(ds, "PixelValueTransformationSequence")
    source = ds if "ModalityLUTSequence" in ds else holder
    values = apply_modality_lut(raw, source).astype(float)
    window = group(ds, "FrameVOILUTSequence")
    if "VOILUTSequence" in ds:
        item = ds.VOILUTSequence[0]
        count, low, bits = item.LUTDescriptor
        table = np.asarray(item["LUTData"].value, dtype=float)
        light = table[np.clip(values - low, 0, len(table) - 1).astype(int)] / (2**bits - 1)
    elif window.get("WindowCenter") not in (None, "") and first(window.WindowWidth) >= 1:
        centre, width = first(window.WindowCenter), first(window.WindowWidth)
        light = (values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5
    else:
        shown = values
        if ds.get("PixelPaddingValue") is not None:
            shown = values[raw != int(ds.PixelPaddingValue)]
        low, high = shown.min(), shown.max()
        light = (values - low) / (high - low) if high > low else values * 0
    light = np.clip(light, 0, 1)
    return np.round(255 * (1 - light if kind == "MONOCHROME1" else light))


def main():
    folders = [pathlib.Path(pydicom.__file__).parent / "data", *map(pathlib.Path, sys.argv[1:])]
    files = {}
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and p.suffix != ".py"):
        try:
            ds = pydicom.dcmread(path, force=True)
            if any(key in ds for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
                files.setdefault(path.name, (path, ds))
        except Exception:  # no DICOM, or broken on purpose
            continue
    with tempfile.TemporaryDirectory() as images, tempfile.TemporaryDirectory() as pictures:
        for name, (path, _) in files.items():
            (pathlib.Path(images) / name).symlink_to(path)
        command = ["cargo", "test", "--quiet", "--features", "pixels", "--lib", "pictures_of_a_folder", "--", "--ignored"]
        environment = {**os.environ, "RADLABEL_IMAGES": images, "RADLABEL_PICTURES": pictures}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        same, close, apart, hidden, alone = [], [], [], [], []
        for name, (path, ds) in files.items():
            syntax = pydicom.uid.UID(getattr(ds, "file_meta", {}).get("TransferSyntaxUID", "1.2.840.10008.1.2")).name
            try:
                theirs, error = expected(path), ""
            except Exception as fault:  # pydicom cannot decode it either
                theirs, error = None, f"{type(fault).__name__}: {str(fault).splitlines()[0][:90]}"
            picture = pathlib.Path(pictures) / f"{name}.png"
            if not picture.exists():
                reason = (pathlib.Path(pictures) / f"{name}.txt").read_text()
                also = f"; pydicom neither ({error})" if theirs is None else ""
                hidden.append(f"{name} ({syntax}): {reason}{also}")
                continue
            if theirs is None:
                alone.append(f"{name} ({syntax}): pydicom says {error}")
                continue
            ours = np.asarray(Image.open(picture)).astype(float)
            if ours.shape != theirs.shape:
                apart.append(f"{name} ({syntax}): {ours.shape} beside {theirs.shape}")
                continue
            far = np.abs(ours - theirs)
            told = f"{name} ({syntax}): at most {far.max():.0f}, mean {far.mean():.3f}"
            (same if far.max() <= 1 else close if far.mean() <= 1 else apart).append(told)
    print(f"{len(files)} files with pixels")
    print(f"{len(same)} the same, to 1 of 255")
    for title, rows in [
        ("a mean of at most 1 apart", close),
        ("further apart", apart),
        ("shown by radlabel alone", alone),
        ("not shown", hidden),
    ]:
        print(f"{len(rows)} {title}")
        print("".join(f"  {row}\n" for row in rows), end="")


main()
