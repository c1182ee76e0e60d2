"""The folder in which every odd input is tried: pictures, boxes, a store, a training run, modules."""

# ruff: noqa: E501

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms, TiffImagePlugin

MODULES = {
    "mixl.py": "from linksim.flowgraphs import bpsk\n\ndef link():\n    return bpsk()\n",
    "bad1.py": "def link(:\n",
    "bad2.py": "x = 1 / 0\n",
    "bad3.py": "import nowhere_to_be_found\n",
    "bad4.py": "raise SystemExit(7)\n",
    "bad5.py": "def link():\n    return {}['gain']\n\ndef needs(gain):\n    pass\n\ndef other():\n    return 5\n",
    "names.py": "from linksim.flowgraphs import bpsk\n\ndef link(coherence='frame'):\n    return bpsk()\n",
    "channels.py": (
        "from linksim import Block\nfrom linksim.flowgraphs import bpsk\n\n"
        "def link(channel: Block | None = None):\n    fg = bpsk()\n    fg.channel = channel\n    return fg\n"
    ),
    "main_factory.py": """
from linksim import Decibels, Flowgraph
from linksim.blocks import AWGN, BitErrors, BitSource, BPSKDemapper, BPSKMapper
from linksim.montecarlo import Sweep
{extra}
def make():
    fg = Flowgraph("bpsk", inputs={{"snr_db": {kind}}})
    fg.bits, fg.mapper, fg.channel = BitSource(length=64), BPSKMapper(), {channel}()
    fg.demapper, fg.errors = BPSKDemapper(), BitErrors()
    fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg

if __name__ == "__main__":
    tables = [Sweep(make, grid={{"snr_db": [0, 4]}}, stop="ber:frames=128").run(workers=n) for n in (1, 2)]
    print(*[len(t) for t in tables], all((tables[0].estimate == tables[1].estimate)))
""",
}


def make_samples(folder: Path) -> Path:
    """Everything, made in a folder; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(1)
    smooth = np.asarray(
        PillowImage.fromarray(chance.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize(
            (64, 64), PillowImage.Resampling.BICUBIC
        )
    )
    picture = PillowImage.fromarray(smooth)
    picture.save(folder / "p64.png")
    _folders(folder, picture, smooth)
    _odd_pictures(folder, picture, smooth)
    _texts(folder)
    for name, text in MODULES.items():
        plain = text.replace("{{", "{").replace("}}", "}")
        for key, value in (("{extra}", ""), ("{kind}", "Decibels"), ("{channel}", "AWGN")):
            plain = plain.replace(key, value)
        (folder / name).write_text(plain)
    return folder


def _folders(folder: Path, picture: PillowImage.Image, smooth: np.ndarray) -> None:
    for name in ("two", "nan", "broken", "train", "mixed", "avif"):
        (folder / name).mkdir()
    for each in ("a", "b"):
        picture.save(folder / "two" / f"{each}.png")
    picture.save(folder / "nan" / "a.png")
    bad = smooth[..., 0].astype(np.float32) / 255
    bad[3, 3] = np.nan
    PillowImage.fromarray(bad).save(folder / "nan" / "b.tif")
    picture.save(folder / "broken" / "a.png")
    picture.save(folder / "whole.jpg")
    (folder / "broken" / "b.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:400])
    for i in range(3):
        picture.resize((96, 96)).save(folder / "train" / f"{i}.png")
        picture.save(folder / "avif" / f"{i}.png")
    picture.save(folder / "avif" / "x.avif")
    picture.save(folder / "mixed" / "a.png")
    (folder / "mixed" / "b.heic").write_bytes(b"\x00\x00\x00\x18ftypheic")


def _odd_pictures(folder: Path, picture: PillowImage.Image, smooth: np.ndarray) -> None:
    grey = smooth[..., 0].astype(np.float32) / 255
    for name, values in {
        "nan.tif": np.where(grey == grey.max(), np.nan, grey), "inf.tif": np.where(grey == grey.max(), np.inf, grey),
        "two.tif": grey * 2, "below.tif": grey - 0.5, "whole.tif": smooth[..., 0].astype(np.float32), "f300.tif": grey * 300,
        "unit.tif": grey,
    }.items():  # fmt: skip
        PillowImage.fromarray(values.astype(np.float32)).save(folder / name)
    PillowImage.fromarray((grey * 1e6).astype(np.int32)).save(folder / "i32.tif")
    black = PillowImage.fromarray(np.zeros((8, 8), dtype=np.uint16))
    black.save(folder / "white.tif", tiffinfo={262: 0})
    picture.save(folder / "pages.tif", save_all=True, append_images=[picture])
    picture.save(folder / "moves.gif", save_all=True, append_images=[picture.rotate(90)])
    picture.save(folder / "moves.webp", save_all=True, append_images=[picture.rotate(90)])
    for name in ("x.avif", "x.webp", "x.jp2", "x.gif"):
        picture.save(folder / name)
        data = bytearray((folder / name).read_bytes())
        for place in range(len(data) // 2, len(data), 7):
            data[place] ^= 0x5A
        (folder / f"broken_{name}").write_bytes(data[:-60] if name == "x.avif" else data)
    (folder / "broken_empty.png").write_bytes(b"")
    (folder / "evil.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n{} loop\n")
    (folder / "mild.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n")
    for name, form in (("x.pcx", "PCX"), ("x.tga", "TGA"), ("x.ico", "ICO"), ("x.sgi", "SGI")):
        picture.save(folder / name, form)
        (folder / name).rename(folder / f"{form.lower()}.png")
    picture.save(folder / "[bold]x.png")
    picture.save(folder / "[link=x].png")
    picture.save(folder / ":bomb:.png")
    picture.save(folder / "a\x1b[31mred.png")
    picture.save(folder / "lat\udce9.png")
    _profiles(folder, picture)


def _profiles(folder: Path, picture: PillowImage.Image) -> None:
    # A text where a number should be, in a tag beside the orientation: as some editors write it.
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[274] = 6
    info.tagtype[256] = 2
    info[256] = "64"
    data = b"Exif\x00\x00" + _tiff(info)
    picture.resize((64, 32)).save(folder / "text_exif.jpg", exif=data)
    (folder / "garbage_exif.jpg").write_bytes((folder / "whole.jpg").read_bytes())
    picture.save(folder / "garbage_exif.jpg", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture.save(folder / "bad_icc.png", icc_profile=b"no profile")
    picture.save(folder / "lab_icc.png", icc_profile=lab)
    picture.save(
        folder / "srgb_icc.png", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )


def _tiff(info: TiffImagePlugin.ImageFileDirectory_v2) -> bytes:
    return info.tobytes(8).join([b"II\x2a\x00\x08\x00\x00\x00", b""])


def _texts(folder: Path) -> None:
    boxes = json.dumps([{"box": {"x1": 0, "y1": 0, "x2": 40, "y2": 40}, "importance": 3}])
    (folder / "boxes.json").write_text(boxes)
    (folder / "bom.json").write_bytes(b"\xef\xbb\xbf" + boxes.encode())
    (folder / "utf16.json").write_bytes(boxes.encode("utf-16"))
    (folder / "twice.json").write_text(boxes.replace('"importance": 3', '"importance": 3, "importance": 0'))
    (folder / "point.json").write_text(boxes.replace("40", "0"))
    (folder / "latin.json").write_bytes(b'[{"name": "caf\xe9"}]')
    (folder / "detections.json").write_text(
        json.dumps([{"box": {"x1": 0, "y1": 0, "x2": 40, "y2": 40}, "track_id": 1}])
    )
    (folder / "labels_bom.json").write_bytes(b"\xef\xbb\xbf" + b'{"1": 3}')


def make_store(folder: Path) -> None:
    """A store of two points, made by the command, and a flowgraph's file."""
    from linksim.flowgraphs import bpsk

    _run(folder, "sweep", "bpsk", "--grid", "snr_db=0,4", "--stop", "ber:frames=64", "--store", "ok.db")
    bpsk().save(folder / "link.yaml")


def make_run(folder: Path) -> None:
    """A training run of one step, by the command."""
    _run(
        folder,
        "train",
        "deepjscc",
        "--pictures",
        "train",
        "--crop",
        "64",
        "--batch",
        "1",
        "--steps",
        "1",
        "--out",
        "run1",
    )


def _run(folder: Path, *words: str) -> None:
    code = "from linksim.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=True, capture_output=True)
