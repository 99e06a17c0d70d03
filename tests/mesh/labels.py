"""Reads the labels in a folder as a scanner would: draws each, and writes down what it says."""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree

import numpy
import zxingcpp

SCALE = 2


def svg(text):
    """The dots of a picture; the symbol is one path of rectangles."""
    root = xml.etree.ElementTree.fromstring(text)
    _, _, width, height = map(int, root.get("viewBox").split())
    dots = numpy.full((height, width), 255, numpy.uint8)
    path = root.find("{http://www.w3.org/2000/svg}path").get("d")
    rectangles = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z", path)
    assert "".join(f"M{x} {y}h{w}v{h}h-{back}z" for x, y, w, h, back in rectangles) == path, path
    for x, y, wide, high, back in (map(int, rectangle) for rectangle in rectangles):
        assert wide == back
        dots[y : y + high, x : x + wide] = 0
    return dots


def zpl(text):
    """The dots of what a printer prints of the symbol."""
    width, height = (int(re.search(rf"\^{name}(\d+)", text)[1]) for name in ("PW", "LL"))
    dots = numpy.full((height, width), 255, numpy.uint8)
    x, y, total, again, wide, data = re.search(r"\^FO(\d+),(\d+)\^GFA,(\d+),(\d+),(\d+),([0-9A-F:]+)\^FS", text).groups()
    x, y, total, wide = int(x), int(y), int(total), int(wide)
    assert total == int(again)
    rows, row = [], ""
    for piece in re.findall(rf":|[0-9A-F]{{{2 * wide}}}", data):
        row = row if piece == ":" else piece
        rows.append(bytes.fromhex(row))
    assert len(rows) * wide == total
    bits = numpy.unpackbits(numpy.array([list(row) for row in rows], numpy.uint8), axis=1)
    room = dots[y : y + bits.shape[0], x : x + bits.shape[1]]
    room[:] = numpy.where(bits[:, : room.shape[1]], 0, 255)
    return dots


def main():
    folder = pathlib.Path(sys.argv[1])
    read = []
    for label in sorted([*folder.glob("*.svg"), *folder.glob("*.zpl")], key=lambda label: label.stem):
        dots = (svg if label.suffix == ".svg" else zpl)(label.read_text(encoding="utf-8"))
        picture = numpy.pad(dots.repeat(SCALE, 0).repeat(SCALE, 1), 40, constant_values=255)
        codes = zxingcpp.read_barcodes(picture)
        assert len(codes) == 1, f"{label.name}: {len(codes)} codes"
        read.append((codes[0].format.name, codes[0].text))
    (folder / "read.json").write_text(json.dumps(read))


main()
