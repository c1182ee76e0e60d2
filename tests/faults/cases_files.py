"""Odd inputs about files: what is read, what is written, what is left out."""

# ruff: noqa: E501

import os
import sys
from pathlib import Path

from harness import Case, called, cli, kept, process, raised

TRAIN = ("train", "deepjscc", "--crop", "64", "--batch", "1", "--steps", "2", "--out", "run1")


def send(picture, *more):
    """`transmit` over the link in closed form, without a look at what matters."""
    return cli("transmit", picture, "--link", "klt", "--importance", "none", "--json", "--out", "sent", *more)


def read(path):
    """The mean of a picture as it is read, with the notes."""
    import warnings

    from linksim.blocks.sources import read_picture

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = raised(lambda: f"mean {float(read_picture(Path(path)).mean()):.3f}")
    notes = [str(w.message) for w in caught if w.category is UserWarning]
    return line + (f"; note: {notes[0]}" if notes else "")


def training(*more):
    """Training goes on in run1, which was made from train."""
    return kept("run1/weights.safetensors", lambda: cli(*TRAIN, *more))


def spelt(path):
    """The same pictures by another name of their folder."""
    os.makedirs("deep", exist_ok=True)
    return cli(*TRAIN, "--pictures", path)


def moved_module(flowgraph, where):
    """A sweep's store, replayed from another folder."""
    cli("sweep", flowgraph, "--grid", "snr_db=0", "--stop", "ber:frames=64", "--store", "m.db")
    store = Path("m.db").resolve()
    os.chdir(where)
    return cli("replay", store, "--worst", "ber")


def weights_by_two_names():
    """The seeds of a sweep over weights, by a relative and by an absolute path."""
    from linksim.montecarlo.point import point_seed

    paths = ("run1/weights.safetensors", str(Path("run1/weights.safetensors").resolve()))
    return f"same seeds: {len({point_seed(0, {'weights': path}, 0) for path in paths}) == 1}"


def linked(source, target):
    """A hard link, so that two names are one file."""
    os.link(source, target)
    return target


TABLE = r'^status 0: \[\{"snr_db"'
"""A sweep's table, and nothing after it."""

CASES = [
    Case("C", "results x.csv.partial --csv x.csv", lambda: (os.rename("ok.db", "x.csv.partial"), kept("x.csv.partial", lambda: cli("results", "x.csv.partial", "--csv", "x.csv")))[1], r"^kept; status 0"),
    Case("I", "16-bit TIFF whose zero is white", lambda: read("white.tif"), r"^mean 1\.000$"),
    Case("K", "a pipe named .png", lambda: (os.mkfifo("pipe.png"), read("pipe.png"))[1], r"FileError.*is no file"),
    Case("AE", "sweep klt --pictures with a link that leads nowhere", lambda: (os.symlink("nowhere.png", "two/z.png"), trials("two"))[1], r"\[2\]"),
    Case("A", "train again with --learning-rate 0.001", lambda: training("--pictures", "train", "--learning-rate", "0.001"), r"^kept; status 2"),
    Case("A", "train again with --seed 9", lambda: training("--pictures", "train", "--seed", "9"), r"^kept; status 2"),
    Case("A", "train again on other pictures", lambda: training("--pictures", "two"), r"^kept; status 2"),
    Case("A", "sweep bpsk --grid nothing=1 --store new.db (refused)", lambda: kept("new.db", lambda: cli("sweep", "bpsk", "--grid", "nothing=1", "--stop", "frames=1", "--store", "new.db")), r"^kept; status 2"),
    Case("A", "replay --out old.npz --probe nowhere.out", lambda: (Path("old.npz").write_bytes(b"old"), kept("old.npz", lambda: cli("replay", "ok.db", "--worst", "ber", "--probe", "nowhere.out", "--out", "old.npz")))[1], r"^kept; status 2"),
    Case("A", "draw broken.yaml --out old.svg", lambda: (Path("old.svg").write_bytes(b"old"), Path("broken.yaml").write_text("linksim: 1"), kept("old.svg", lambda: cli("draw", "broken.yaml", "--out", "old.svg")))[2], r"^kept; status 2"),
    Case("B", "train again, --pictures ./train/", lambda: spelt("./train/"), r"^status 0"),
    Case("B", "train again, --pictures by an absolute path", lambda: spelt(Path("train").resolve()), r"^status 0"),
    Case("B", "train again, --pictures deep/../train", lambda: spelt("deep/../train"), r"^status 0"),
    Case("B", "train again, the folder renamed", lambda: (os.rename("train", "moved"), spelt("moved"))[1], r"^status 0"),
    Case("B", "sweep mixl:link, then replay from another folder", lambda: moved_module("mixl:link", "two"), r"same as stored: yes"),
    Case("B", "sweep ./link.yaml, then replay from another folder", lambda: moved_module("./link.yaml", "two"), r"same as stored: yes"),
    Case("B", "seeds of weights=run1/w.safetensors and of the same file's absolute path", weights_by_two_names, r"same seeds: True"),
    Case("C", "results ok.db --csv ok.db", lambda: kept("ok.db", lambda: cli("results", "ok.db", "--csv", "ok.db")), r"^kept; status 2"),
    Case("C", "results ok.db --json hard link to it", lambda: kept("ok.db", lambda: cli("results", "ok.db", "--json", linked("ok.db", "twin.json"))), r"^kept; status 2"),
    Case("C", "plot ok.db --y ber --out ok.db.png -> ok.db", lambda: (os.symlink("ok.db", "fig.png"), kept("ok.db", lambda: cli("plot", "ok.db", "--y", "ber", "--out", "fig.png")))[1], r"^kept; status 2"),
    Case("C", "replay ok.db --probe channel.out --out ok.db", lambda: kept("ok.db", lambda: cli("replay", "ok.db", "--worst", "ber", "--probe", "channel.out", "--out", "ok.db")), r"^kept; status 2"),
    Case("C", "draw link.yaml --out link.yaml", lambda: kept("link.yaml", lambda: (Path("link.yaml").write_text(Path("link.yaml").read_text() + "# mine\n"), cli("draw", "link.yaml", "--out", "link.yaml"))[1]) , r"status 2"),
    Case("C", "transmit d/reconstruction.png --out d", lambda: (os.mkdir("d"), os.rename("p64.png", "d/reconstruction.png"), kept("d/reconstruction.png", lambda: cli("transmit", "d/reconstruction.png", "--link", "klt", "--importance", "none", "--out", "d")))[2], r"^kept; status 2"),
    Case("C", "transmit --boxes d/result.json --out d", lambda: (os.mkdir("d"), os.rename("boxes.json", "d/result.json"), kept("d/result.json", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "d/result.json", "--out", "d")))[2], r"^kept; status 2"),
    Case("C", "results ok.db --csv x --json x", lambda: cli("results", "ok.db", "--csv", "x", "--json", "x"), r"^status 2"),
    Case("C", "results x.csv.partial --csv x.csv", lambda: (os.rename("ok.db", "x.csv.partial"), kept("x.csv.partial", lambda: cli("results", "x.csv.partial", "--csv", "x.csv")))[1], r"^kept; status 0"),
    Case("H", "transmit nan.tif", lambda: send("nan.tif"), r"status 2: .*no numbers"),
    Case("H", "transmit inf.tif", lambda: send("inf.tif"), r"status 2: .*no numbers"),
    Case("H", "sweep klt --pictures of two, one with a NaN", lambda: cli("sweep", "klt", "--pictures", "nan", "--grid", "snr_db=10"), r"chunks failed|b\.tif"),
    Case("I", "float TIFF up to 2.0", lambda: read("two.tif"), r"FileError.*\[0, 1\]"),
    Case("I", "float TIFF from -0.5", lambda: read("below.tif"), r"FileError.*\[0, 1\]"),
    Case("I", "float TIFF up to 300", lambda: read("f300.tif"), r"FileError.*\[0, 1\]"),
    Case("I", "float TIFF of whole numbers to 255", lambda: read("whole.tif"), r"mean 0\.\d+; note: .*8-bit"),
    Case("I", "TIFF of 32-bit whole numbers", lambda: read("i32.tif"), r"FileError.*full scale"),
    Case("I", "float TIFF in [0, 1]", lambda: read("unit.tif"), r"^mean 0\.\d+$"),
    Case("J", "orientation 6 beside a number stored as text", lambda: read("text_exif.jpg"), r"^mean 0"),
    Case("J", "EXIF that points nowhere", lambda: read("garbage_exif.jpg"), r"^mean 0"),
    Case("J", "broken AVIF", lambda: send("broken_x.avif"), r"status 2: error"),
    Case("J", "broken WebP", lambda: send("broken_x.webp"), r"status (2: error|0)"),
    Case("J", "broken JPEG 2000", lambda: send("broken_x.jp2"), r"status (2: error|0)"),
    Case("J", "broken GIF", lambda: send("broken_x.gif"), r"status (2: error|0)"),
    Case("J", "colour profile that is none", lambda: read("bad_icc.png"), r"mean 0.*note: .*colour profile"),
    Case("K", "PostScript with an endless loop named .png", lambda: send("evil.png"), r"status 2: .*known format"),
    Case("K", "harmless PostScript named .jpg", lambda: send("mild.jpg"), r"status 2: .*known format"),
    Case("K", "PCX named .png", lambda: send("pcx.png"), r"status 2: .*known format"),
    Case("K", "TGA named .png", lambda: send("tga.png"), r"status 2: .*known format"),
    Case("K", "ICO named .png", lambda: send("ico.png"), r"status 2: .*known format"),
    Case("K", "SGI named .png", lambda: send("sgi.png"), r"status 2: .*known format"),
    Case("AB", "--boxes in UTF-8 with a byte order mark", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "bom.json", "--json", "--out", "sent"), r"status 0"),
    Case("AB", "--boxes in UTF-16, as PowerShell writes it", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "utf16.json", "--json", "--out", "sent"), r"status 0"),
    Case("AB", "--labels with a byte order mark", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "detections.json", "--labels", "labels_bom.json", "--json", "--out", "sent"), r"status 0"),
    Case("AB", "flowgraph file with a byte order mark", lambda: (Path("b.yaml").write_bytes(b"\xef\xbb\xbf" + Path("link.yaml").read_bytes()), cli("draw", "b.yaml"))[1], r"status 0"),
    Case("AB", "flowgraph file in UTF-16", lambda: (Path("b.yaml").write_bytes(Path("link.yaml").read_text().encode("utf-16")), cli("draw", "b.yaml"))[1], r"status 0"),
    Case("AB", "--boxes in Latin-1", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "latin.json", "--out", "sent"), r"status 2: .*no valid JSON"),
    Case("AC", "transmit --out an existing file", lambda: cli("transmit", "p64.png", "--link", "klt", "--importance", "none", "--out", "whole.jpg"), r"status 2: error: --out"),
    Case("AC", "transmit --out below a file", lambda: cli("transmit", "p64.png", "--link", "klt", "--importance", "none", "--out", "whole.jpg/x"), r"status 2: error: --out"),
    Case("AC", "results --csv into a folder that is not there", lambda: cli("results", "ok.db", "--csv", "none/x.csv"), r"status 2: error: --csv"),
    Case("AC", "plot --out a folder", lambda: cli("plot", "ok.db", "--y", "ber", "--out", "two"), r"status 2: error: --out"),
    Case("AC", "train --out an existing file", lambda: cli(*TRAIN[:-1], "whole.jpg", "--pictures", "train"), r"status 2: error: --out"),
    Case("AC", "demo --out an existing file", lambda: cli("demo", "--out", "whole.jpg"), r"status 2: error: --out"),
    Case("AD", "sweep --pictures of three PNG and an AVIF", lambda: raised(lambda: len(__import__("linksim.blocks.sources", fromlist=["x"]).PictureCases("avif"))), r"^4$"),
    Case("AD", "folder with a HEIC", lambda: notes_of_folder("mixed"), r"b\.heic"),
    Case("AD", "TIFF of two pages", lambda: read("pages.tif"), r"note: .*2 pictures"),
    Case("AD", "animated GIF", lambda: read("moves.gif"), r"note: .*2 pictures"),
    Case("AD", "animated WebP", lambda: read("moves.webp"), r"note: .*2 pictures"),
    Case("AD", "PNG with sRGB's profile", lambda: read("srgb_icc.png"), r"^mean 0\.\d+$"),
    Case("AD", "folder whose pictures lie one folder deeper", lambda: (os.makedirs("outer/inner"), os.rename("p64.png", "outer/inner/p64.png"), cli("sweep", "klt", "--pictures", "outer", "--grid", "snr_db=10"))[2], r"status 2: .*inner"),
    Case("AE", "sweep klt --pictures of a PNG and a truncated JPEG", lambda: trials("broken"), r"\[1\].*(chunks failed)"),
    Case("AE", "sweep klt --pictures, the first one truncated", lambda: (os.rename("broken/b.jpg", "broken/0.jpg"), trials("broken"))[1], r"\[1\].*(chunks failed)"),
    Case("AE", "train on a folder with an empty PNG", lambda: (Path("train/e.png").write_bytes(b""), cli(*TRAIN[:-1], "run2", "--pictures", "train"))[1], r"status 0"),
    Case("AE", "bench evaluation --kodak with a truncated JPEG", lambda: few(lambda: cli("bench", "evaluation", "--kodak", "broken", "--weights", "klt", "--out", "b", "--workers", 1)), r"status 0"),
    Case("AE", "bench evaluation --kodak with broken ones alone", lambda: (os.remove("broken/a.png"), cli("bench", "evaluation", "--kodak", "broken", "--weights", "klt", "--out", "b"))[1], r"status 2"),
    Case("P", "sweep --workers 2 beside a signal.py", lambda: safe_workers("signal.py"), TABLE),
    Case("P", "sweep --workers 2 beside a random.py", lambda: safe_workers("random.py"), TABLE),
    Case("P", "sweep --workers 2 beside a logging.py", lambda: safe_workers("logging.py"), TABLE),
    Case("P", "sweep --workers 2 beside a threading.py", lambda: safe_workers("threading.py"), TABLE),
    Case("P", "sweep mixl:link --workers 2 beside a queue.py", lambda: (Path("queue.py").write_text("raise RuntimeError('mine')"), command_installed("sweep", "mixl:link", "--grid", "snr_db=0", "--stop", "ber:frames=128", "--workers", 2, "--json"))[1], TABLE),
    Case("P", "doctor beside a matplotlib.py", lambda: (Path("matplotlib.py").write_text("raise RuntimeError('mine')"), command_installed("doctor"))[1], r"^status 0: .*All that linksim needs works"),
]  # fmt: skip


def command_installed(*arguments):
    """As a console script is started: the current folder is not on Python's path."""
    return process(sys.executable, "-P", "-c", "from linksim.cli import main; main()", *arguments)


def safe_workers(name):
    """A sweep on two workers, with a file here that is called like a module of Python's."""
    Path(name).write_text("raise RuntimeError('this is mine')\n")
    return command_installed(
        "sweep", "bpsk", "--grid", "snr_db=0", "--stop", "ber:frames=128", "--workers", 2, "--json"
    )


def notes_of_folder(folder):
    """What is said of a folder."""
    import warnings

    from linksim.blocks.sources import list_pictures

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names = [path.name for path in list_pictures(Path(folder))]
    return f"{names}; " + "; ".join(str(w.message) for w in caught)


def trials(folder):
    """How many pictures counted, and what is said beside them."""
    import json

    status, out, err = called("sweep", "klt", "--pictures", folder, "--grid", "snr_db=10", "--json")
    if status:
        return f"status {status}: {err.strip()}"
    rows = json.loads(out)
    return f"trials {sorted({row['trials'] for row in rows if row['metric'] == 'psnr'})}, {rows[0]['labels'] if rows else ''}"


def few(run):
    """With one rate, for speed."""
    from linksim.benches import evaluation

    evaluation.RATES = {"1/16": 1 / 16}
    return run()
