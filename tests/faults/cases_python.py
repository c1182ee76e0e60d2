"""Odd inputs from Python: values, precision, seeds, arguments, threads."""

# ruff: noqa: E501

import threading
from pathlib import Path

from harness import Case, cli, raised


def picture(scale=1.0):
    """A picture [1, 3, 64, 64]."""
    from linksim.blocks.sources import read_picture

    return read_picture(Path("p64.png"))[None] * scale


def psnr(link="klt", **inputs):
    """What a link says of a picture."""
    from linksim.flowgraphs import LINKS

    return raised(
        lambda: f"{float(LINKS[link]().run(**{'snr_db': 10.0, 'seed': 1, **inputs})['psnr'].value[0]):.2f} dB"
    )


def in_precision(link, change):
    """A link and a picture after a change of precision."""
    from linksim.flowgraphs import LINKS

    fg, image = change(LINKS[link](), picture())
    return raised(lambda: f"{float(fg.run(image=image, snr_db=10.0)['psnr'].value[0]):.1f} dB")


def block(name, **inputs):
    """One block by itself."""
    from linksim import blocks

    return raised(lambda: f"{type(getattr(blocks, name)().seed(1)(**inputs)).__name__} came out")


def bad_weights(value):
    """A link on weights with one such number."""
    import torch
    from safetensors.torch import load_file, save_file

    from linksim.blocks import weights

    tensors = load_file(Path(weights.__file__).with_name("deepjscc.safetensors"))
    key = next(k for k in tensors if tensors[k].is_floating_point() and tensors[k].numel() > 10)
    tensors[key].view(-1)[0] = value
    save_file(tensors, "bad.safetensors")
    from linksim.flowgraphs import deepjscc
    from linksim.flowgraphs.parts import DeepJSCCCodec

    torch.manual_seed(0)
    return raised(
        lambda: (
            f"{float(deepjscc(codec=DeepJSCCCodec('bad.safetensors')).run(image=picture(), snr_db=10.0)['psnr'].value[0]):.2f} dB"
        )
    )


def seeded(seed):
    """The errors of a run with such a seed."""
    from linksim.flowgraphs import bpsk

    return raised(lambda: f"{int(bpsk().run(batch=4, snr_db=0.0, seed=seed)['ber'].errors.sum())} errors")


def sweep(**given):
    """A small sweep with an odd argument."""
    from linksim.flowgraphs import bpsk
    from linksim.montecarlo import Sweep

    run = {name: given.pop(name) for name in ("workers", "store", "progress") if name in given}
    settings = {"grid": {"snr_db": [0]}, "stop": "ber:frames=64", **given}
    return raised(lambda: f"{len(Sweep(bpsk, **settings).run(**run))} rows")


def made(name, **settings):
    """A block of odd parameters."""
    from linksim import blocks

    return raised(lambda: f"{type(getattr(blocks, name)(**settings)).__name__} made")


def threads(make, inputs, calls=12, count=8):
    """How many runs in threads differ from the run alone."""
    shared = make()

    def number(fg, seed):
        run = fg.run(seed=seed, **inputs)
        value = run["ber"].errors if "ber" in run else run["psnr"].value
        return float(value.double().sum())

    alone = [number(shared, seed) for seed in range(calls)]
    wrong = []

    def work():
        for seed in range(calls):
            try:
                if number(shared, seed) != alone[seed]:
                    wrong.append(seed)
            except Exception as error:
                wrong.append(error)

    several = [threading.Thread(target=work) for _ in range(count)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    return f"{len(wrong)} of {calls * count} runs differ"


def sweeps_in_threads():
    """Two sweeps side by side, and torch's threads afterwards."""
    import torch

    torch.set_num_threads(2)
    several = [threading.Thread(target=sweep, kwargs={"seed": i}) for i in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    return f"threads afterwards: {torch.get_num_threads()}"


def nested():
    """A flowgraph in a flowgraph."""
    from linksim import Decibels, Flowgraph
    from linksim.flowgraphs import bpsk

    outer = Flowgraph("outer", inputs={"snr_db": Decibels})
    outer.link = bpsk()
    outer.connect(outer["snr_db"], outer.link["snr_db"])
    outer.connect(outer.link["ber"], outer["ber"])
    return outer


def patches(*corners, width=64):
    """Which patches of a picture a box of importance 3 makes important."""
    import torch

    from linksim import Boxes
    from linksim.blocks import PatchImportance

    boxes = Boxes(torch.tensor([[list(map(float, corners))]]), torch.tensor([[3]]))
    found = PatchImportance()(image=torch.zeros(1, 3, 32, width), boxes=boxes)
    return f"{int((found > 0).sum())} patches"


def symbols(samples, length):
    """Symbols of one frame."""
    import torch

    from linksim import Symbols

    return Symbols(torch.full((1, samples), 1 + 0j), torch.tensor([length]))


def _torch():
    import torch

    return torch


def odd_class():
    """An object of a class that COCO has not."""
    import torch

    from linksim import Detections

    return block(
        "ClassImportance", detections=Detections(torch.zeros(1, 1, 4), torch.tensor([[999]]), torch.ones(1, 1))
    )


def halves():
    """PSNR in half precision of a picture beside itself."""
    from linksim.blocks import PSNR

    return raised(lambda: float(PSNR()(image=picture().half(), original=picture().half()).value[0]))


CASES = [
    Case("H", "PSNR()(a reconstruction with an infinity)", lambda: block("PSNR", image=picture() + float("inf"), original=picture()), r"RangeError"),
    Case("H", "ClassImportance()(class 999)", odd_class, r"RangeError"),
    Case("X", "PSNR()(halves that are alike)", halves, r"^100"),
    Case("Z", "bpsk().run(probe=5)", lambda: raised(lambda: _link("bpsk").run(batch=2, snr_db=0.0, probe=5)), r"^RunError"),
    Case("Z", "DeepJSCCCodec(weights=Path(...))", lambda: raised(lambda: __import__("linksim.flowgraphs.parts", fromlist=["x"]).DeepJSCCCodec(weights=Path("w.safetensors"))), r"^ParameterError.*'weights'"),
    Case("H", "klt().run(image=x*255)", lambda: psnr(image=picture(255)), r"RangeError.*\[0, 1\]"),
    Case("H", "PSNR()(image=x*255, original=x*255)", lambda: block("PSNR", image=picture(255), original=picture(255)), r"RangeError"),
    Case("H", "klt().run(image with a NaN)", lambda: psnr(image=picture() * float("nan")), r"RangeError.*NaN"),
    Case("H", "BPSKMapper()(bits of 7)", lambda: block("BPSKMapper", bits=_torch().full((1, 8), 7, dtype=_torch().uint8)), r"RangeError.*0 or 1"),
    Case("H", "AWGN()(symbols longer than their samples)", lambda: block("AWGN", symbols=symbols(4, 9), snr_db=_torch().zeros(1)), r"RangeError.*length"),
    Case("H", "deepjscc on weights with a NaN", lambda: bad_weights(float("nan")), r"WeightsError|FileError"),
    Case("H", "deepjscc on weights with an infinity", lambda: bad_weights(float("inf")), r"WeightsError|FileError"),
    Case("H", "bpsk().run(snr_db=NaN)", lambda: raised(lambda: __import__("linksim.flowgraphs", fromlist=["x"]).bpsk().run(batch=2, snr_db=float("nan"))), r"Error.*NaN"),
    Case("L", "PNG of 10000x9500", lambda: large(10000, 9500), r"^10000x9500"),
    Case("L", "PNG of 12000x11100 (133 million)", lambda: large(12000, 11100), r"^12000x11100"),
    Case("L", "PNG of 12000x11200 (134.4 million)", lambda: large(12000, 11200), r"FileError.*134217728"),
    Case("L", "PNG of 20000x20000", lambda: large(20000, 20000), r"FileError.*134217728"),
    Case("L", "size of a PNG of 20000x20000", lambda: large(20000, 20000, read=False), r"FileError.*134217728"),
    *[Case("W", f"eight threads on one {name}", lambda make=make, inputs=inputs: threads(make, inputs()), r"^0 of 96") for name, make, inputs in (
        ("bpsk", lambda: _link("bpsk"), lambda: {"batch": 8, "snr_db": 0.0}),
        ("coded_qam", lambda: _link("coded_qam"), lambda: {"batch": 2, "snr_db": 3.0}),
        ("klt", lambda: _link("klt"), lambda: {"image": picture(), "snr_db": 5.0}),
        ("nested flowgraph", nested, lambda: {"batch": 8, "snr_db": 0.0}),
    )],
    Case("W", "four sweeps in threads", sweeps_in_threads, r"afterwards: 2"),
    Case("X", "sa_oosc().run(image=x.double())", lambda: in_precision("sa_oosc", lambda fg, x: (fg, x.double())), r"dB$"),
    Case("X", "sa_oosc().double()", lambda: in_precision("sa_oosc", lambda fg, x: (fg.double(), x)), r"DTypeError: transmitter\.vectorizer\.tokens"),
    Case("X", "ntscc().run(image=x.half())", lambda: in_precision("ntscc", lambda fg, x: (fg, x.half())), r"dB$"),
    Case("X", "deepjscc().run(image=x.bfloat16())", lambda: in_precision("deepjscc", lambda fg, x: (fg, x.bfloat16())), r"dB$"),
    Case("X", "swinjscc().half()", lambda: in_precision("swinjscc", lambda fg, x: (fg.half(), x.half())), r"DTypeError: transmitter\.jscc_encoder\.tokens"),
    Case("X", "klt().run(image=x.double())", lambda: in_precision("klt", lambda fg, x: (fg, x.double())), r"dB$"),
    *[Case("Y", f"run(seed={seed!r})", lambda seed=seed: seeded(seed), r"ParameterError: 'seed'") for seed in (1.0, True, None, "1", 1.5, [1])],
    Case("Y", "Sweep(seed=1.0)", lambda: sweep(seed=1.0), r"ParameterError: 'seed'"),
    Case("Y", "run(seed=numpy.int64(1))", lambda: seeded(__import__("numpy").int64(1)), r"errors$"),
    *[Case("Z", f"Sweep.run(workers={value!r})", lambda value=value: sweep(workers=value), r"ParameterError: 'workers'") for value in ("2", 1.5, None, True)],
    Case("Z", "Sweep.run(store=5)", lambda: sweep(store=5), r"ParameterError: 'store'"),
    Case("Z", "Sweep(grid=5)", lambda: sweep(grid=5), r"ParameterError: 'grid'"),
    Case("Z", "Sweep(stop=5)", lambda: sweep(stop=5), r"ParameterError: 'stop'"),
    Case("Z", "Sweep(confidence='high')", lambda: sweep(confidence="high"), r"ParameterError: 'confidence'"),
    Case("Z", "RateAllocator(eta='much')", lambda: made("RateAllocator", eta="much"), r"ParameterError: .*'eta'"),
    Case("Z", "AWGN(gain=2)", lambda: made("AWGN", gain=2), r"ParameterError: .*no parameter 'gain'"),
    Case("AA", "box (10,10)-(10,10)", lambda: patches(10, 10, 10, 10), r"^0 patches"),
    Case("AA", "box of no width", lambda: patches(10, 0, 10, 30), r"^0 patches"),
    Case("AA", "box that touches a patch's edge from outside", lambda: patches(0, 0, 16, 16), r"^1 patches"),
    Case("AA", "box right of the picture, within its last patch", lambda: patches(60, 0, 63, 10, width=59), r"^0 patches"),
    Case("AA", "box of a thousandth of a pixel", lambda: patches(10, 10, 10.001, 10.001), r"^1 patches"),
    Case("AA", "--boxes with a point", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "point.json", "--out", "sent"), r"no box .*touches"),
]  # fmt: skip


def _link(name):
    from linksim import flowgraphs

    return getattr(flowgraphs, name)()


def large(width, height, read=True):
    """A large picture of one bit."""
    from PIL import Image as PillowImage

    from linksim.blocks.sources import read_picture

    try:
        from linksim.blocks.sources.picture_file import picture_size
    except ImportError:
        # An earlier linksim, which this is tried on too.
        from linksim.blocks.sources.picture_source import picture_size

    PillowImage.new("1", (width, height)).save("large.png")
    if not read:
        return raised(lambda: picture_size(Path("large.png")))
    # Of one that is allowed the header is enough: its pixels as floats take gigabytes.
    with_size = raised(lambda: "x".join(map(str, reversed(picture_size(Path("large.png"))))))
    return with_size if width * height <= 1 << 27 else raised(lambda: read_picture(Path("large.png")))
