"""Odd inputs on the command line: values, names, modules, remotes, figures."""

# ruff: noqa: E501

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import Case, called, cli, command, process

STOP = ("--stop", "ber:frames=64")


def grid(*axes, flowgraph="bpsk"):
    """A sweep over these axes."""
    return cli("sweep", flowgraph, *[word for axis in axes for word in ("--grid", axis)], *STOP, "--json")


def given(*inputs):
    """A sweep whose SNR comes by --input."""
    return cli(
        "sweep", "bpsk", "--grid", "bits.length=64", *[word for i in inputs for word in ("--input", i)], *STOP, "--json"
    )


def script(**parts):
    """The script that sweeps with one worker and with two, with other parts."""
    from samples import MODULES

    text = MODULES["main_factory.py"].replace("{extra}", parts.get("extra", ""))
    text = text.replace("{kind}", parts.get("kind", "Decibels")).replace("{channel}", parts.get("channel", "AWGN"))
    text = text.replace("{{", "{").replace("}}", "}")
    if parts.get("stdin"):
        return process(sys.executable, "-", stdin=text)
    Path("own.py").write_text(text)
    return process(sys.executable, "own.py")


def interrupted(seconds, *words):
    """Ctrl-C so many seconds after Python itself has started."""
    code = "from linksim.cli import main; print('ready', flush=True); main()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    running.stdout.readline()
    time.sleep(seconds)
    if running.poll() is not None:
        return "was done before"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    return f"status {running.returncode}, {len(err.splitlines())} lines"


def plotted(*words, rc=""):
    """A figure with a user's own matplotlibrc."""
    Path("matplotlibrc").write_text(rc)
    return command("plot", "ok.db", "--y", "ber", *words)


def styled(rc):
    """Whether a figure comes out alike with the user's settings and without."""
    pictures = []
    for text in ("", rc):
        Path("matplotlibrc").write_text(text)
        line = command("plot", "ok.db", "--y", "ber", "--out", "f.png")
        if "status 0" not in line:
            return line
        pictures.append(Path("f.png").read_bytes())
    return f"status 0: alike: {pictures[0] == pictures[1]}"


def where(out):
    """What a plot says it wrote, and whether it is there."""
    line = cli("plot", "ok.db", "--y", "ber", "--out", out)
    said = line.rpartition(" ")[2]
    return f"{line}; there: {Path(said).is_file()}"


def export(kind, *axes):
    """A sweep over unlike values, exported."""
    lines = [
        cli(
            "sweep",
            "names:link",
            *[w for a in axes for w in ("--grid", a)],
            "--input",
            "snr_db=0",
            *STOP,
            "--store",
            "s.db",
            "--json",
        )
    ]
    lines.append(cli("results", "s.db", f"--{kind}", f"x.{kind}"))
    return lines[-1] if "status 0" in lines[0] else lines[0]


def titled(name):
    """The first line of what transmit prints of a picture so named."""
    status, out, err = called("transmit", name, "--link", "klt", "--importance", "none", "--out", "sent")
    return f"status {status}: {(out.strip().splitlines() or [err.strip()])[0]}"


def encoded(name, encoding):
    """Transmit in a terminal of another encoding."""
    os.environ["PYTHONIOENCODING"] = encoding
    return command("transmit", name, "--link", "klt", "--importance", "none", "--out", "sent")


def drawn(name, ending):
    """A flowgraph of that name as a file that its format's parser takes."""
    from linksim.flowgraphs import bpsk

    fg = bpsk()
    fg.name = name
    fg.save("odd.yaml")
    line = cli("draw", "odd.yaml", "--out", f"odd.{ending}")
    if ending == "svg" and "status 0" in line:
        import xml.dom.minidom

        try:
            xml.dom.minidom.parse("odd.svg")
        except Exception as error:
            return f"no XML: {error}"
        return "XML"
    return line


CASES = [
    Case("E", "sweep sys:exit", lambda: cli("sweep", "sys:exit", "--grid", "snr_db=0", *STOP), r"^status 2: "),
    Case("F", "transmit --snr 1_0", lambda: cli("transmit", "p64.png", "--link", "klt", "--snr", "1_0", "--out", "sent"), r"^status 2: .*decimal"),
    Case("AG", "sweep mixl.py:link", lambda: cli("sweep", "mixl.py:link", "--grid", "snr_db=0", *STOP), r"^status 2: .*'mixl:link'"),
    Case("T", "MPLBACKEND=nonsense", lambda: (os.environ.update(MPLBACKEND="nonsense"), plotted())[1], r"^status 0"),
    Case("D", "script's factory, workers 1 and 2", lambda: script(), r"^status 0: [1-9] [1-9] True"),
    Case("D", "the same from standard input", lambda: script(stdin=True), r"^status 0: [1-9] [1-9] True"),
    Case("D", "input of the type Power", lambda: script(kind="Power", extra="from linksim import Power\n"), r"^status 0: [1-9] [1-9] True"),
    Case("D", "input of a type of one's own", lambda: script(kind="Own", extra="from jaxtyping import Float\nfrom torch import Tensor\nOwn = Float[Tensor, 'batch']\n"), r"^status 0: [1-9] [1-9] True"),
    Case("D", "channel class of the script's own", lambda: script(channel="Mine", extra="class Mine(AWGN):\n    pass\n"), r"^status 0: [1-9] [1-9] True"),
    Case("D", "types by another name", lambda: script(kind="dB", extra="dB = Decibels\n"), r"^status 0: [1-9] [1-9] True"),
    *[Case("E", f"sweep bpsk --grid snr_db={text}", lambda text=text: grid(f"snr_db={text}"), r"^status 2: ") for text in ("0:4", "0;2", "0..4", "0 1 2", "nan", "inf", "~", "[1,2]", "true", "abc")],
    Case("E", "sweep bad5:link (fails every time)", lambda: cli("sweep", "bad5:link", "--grid", "snr_db=0", *STOP, "--json"), r"^status 2: "),
    Case("E", "sweep klt --pictures of broken ones alone", lambda: (os.remove("broken/a.png"), cli("sweep", "klt", "--pictures", "broken", "--grid", "snr_db=0"))[1], r"^status 2"),
    *[Case("F", f"sweep bpsk --grid snr_db={text}", lambda text=text: grid(f"snr_db={text}"), right) for text, right in (("5:10", "^status 2"), ("1:10", "^status 2"), ("010", '"snr_db":10,'), ("1_0", "^status 2"), ("0x10", "^status 2"), ("1e1", '"snr_db":10,'), ("１０", "^status 2"))],
    Case("F", "--stop ber:frames=6_4", lambda: cli("sweep", "bpsk", "--grid", "snr_db=0", "--stop", "ber:frames=6_4", "--json"), r"^status 2"),
    Case("F", "flowgraph file with length: 0100", lambda: (Path("o.yaml").write_text(Path("link.yaml").read_text().replace("bits: {block: BitSource}", "bits: {block: BitSource, parameters: {length: 0100}}").replace("block: BitSource\n", "block: BitSource\n    parameters: {length: 0100}\n")), length_in("o.yaml"))[1], r"^100$"),
    Case("G", "--input snr_db=0,5", lambda: given("snr_db=0,5"), r"^status 2"),
    Case("G", "--input snr_db=0:8:1", lambda: given("snr_db=0:8:1"), r"^status 2"),
    Case("G", "--input snr_db=0 --input snr_db=8", lambda: given("snr_db=0", "snr_db=8"), r"^status 2"),
    Case("G", "--grid snr_db=0,4 --input snr_db=8", lambda: cli("sweep", "bpsk", "--grid", "snr_db=0,4", "--input", "snr_db=8", *STOP, "--json"), r"^status 2"),
    Case("G", "transmit --snr 5 --snr 20", lambda: cli("transmit", "p64.png", "--link", "klt", "--snr", 5, "--snr", 20, "--out", "sent"), r"^status 2"),
    Case("G", "--stop ber:rel=0.5,rel=0.1", lambda: cli("sweep", "bpsk", "--grid", "snr_db=0", "--stop", "ber:rel=0.5,rel=0.1"), r"^status 2"),
    Case("G", "channel=Rayleigh(coherence=2,coherence=16)", lambda: grid("channel=Rayleigh(coherence=2,coherence=16)", "snr_db=0", flowgraph="channels:link"), r"^status 2"),
    Case("G", "transmit --importance none --boxes b.json", lambda: cli("transmit", "p64.png", "--link", "klt", "--importance", "none", "--boxes", "boxes.json", "--out", "sent"), r"makes no use of --boxes"),
    Case("G", "annotate --by rules --model gpt", lambda: cli("annotate", "two", "--out", "x", "--by", "rules", "--model", "gpt"), r"^status 2"),
    Case("G", "replay --point snr_db=0,4", lambda: cli("replay", "ok.db", "--point", "snr_db=0,4", "--chunk", 0), r"^status 2"),
    Case("G", "--boxes with 'importance' twice", lambda: cli("transmit", "p64.png", "--link", "klt", "--boxes", "twice.json", "--out", "sent"), r"^status 2"),
    Case("M", "picture called [bold]x.png", lambda: titled("[bold]x.png"), r"\[bold\]x\.png"),
    Case("M", "picture called [link=x].png", lambda: titled("[link=x].png"), r"\[link=x\]\.png"),
    Case("M", "picture called :bomb:.png", lambda: titled(":bomb:.png"), r":bomb:\.png"),
    Case("M", "picture with an escape code in its name", lambda: titled("a\x1b[31mred.png"), r"a\\x1b\[31mred\.png"),
    Case("M", "plot --out [red]o.png", lambda: cli("plot", "ok.db", "--y", "ber", "--out", "[red]o.png"), r"\[red\]o"),
    Case("N", "picture called lat\\xe9.png", lambda: titled("lat\udce9.png"), r"^status 0"),
    Case("N", "in a terminal of ASCII", lambda: encoded("p64.png", "ascii"), r"^status 0"),
    Case("N", "lat\\xe9.png in a terminal of ASCII", lambda: encoded("lat\udce9.png", "ascii"), r"^status 0"),
    Case("N", "in a terminal of Latin-1", lambda: encoded("lat\udce9.png", "latin-1"), r"^status 0"),
    Case("N", "sweep --grid with bytes that are no text", lambda: cli("sweep", "names:link", "--grid", "coherence=\udce9", "--input", "snr_db=0", *STOP), r"^status 2"),
    *[Case("O", f"Ctrl-C after {s} s of {words[0]}", lambda s=s, words=words: interrupted(s, *words), r"^(status 130, 1 lines|was done before)") for s, words in ((0.15, ("blocks",)), (0.4, ("blocks",)), (1.0, ("transmit", "p64.png")), (2.0, ("transmit", "p64.png")), (0.6, ("doctor",)), (9.0, ("doctor",)))],
    Case("O", "import linksim loads torch", lambda: process(sys.executable, "-c", "import linksim, sys; print('torch' in sys.modules)"), r"False"),
    Case("O", "linksim --help loads torch", lambda: process(sys.executable, "-c", "import sys, atexit; atexit.register(lambda: print('torch' in sys.modules)); sys.argv = ['linksim', '--help']; from linksim.cli import main; main()"), r"False"),
    *[Case("Q", f"sweep {name}", lambda name=name: cli("sweep", name, "--grid", "snr_db=0", *STOP), right) for name, right in (("bad1:link", "^status 2: error: .*your module raised SyntaxError"), ("bad2:link", "^status 2: error: .*your module raised ZeroDivisionError"), ("bad3:link", "^status 2: error: .*your module needs another"), ("bad4:link", "^status 2: error: .*your module raised SystemExit"), ("bad5:link", "^status 2: error: the function 'link' raised KeyError"), ("bad5:needs", "^status 2: error: the function 'needs' needs gain"), ("bad5:other", "^status 2: error: .*must return a Flowgraph"), ("bad5:nothing", "^status 2: error: .*has no 'nothing'"))],
    *[Case("R", f"sweep --ray {address}", lambda address=address: cli("sweep", "bpsk", "--grid", "snr_db=0", *STOP, "--ray", address), r"^status 2: error") for address in ("127.0.0.1:9999", "127.0.0.1:1", "nowhere.invalid:6379", "ray://127.0.0.1:9999", "nonsense")],
    Case("S", "--grid coherence=frame,16, results --parquet", lambda: export("parquet", "coherence=frame,16"), r"^status 0"),
    Case("S", "--grid coherence=frame,16, results --csv", lambda: export("csv", "coherence=frame,16"), r"^status 0"),
    Case("S", "--grid coherence=none,16, results --parquet", lambda: export("parquet", "coherence=none,16"), r"^status 0"),
    Case("S", "--grid coherence=true,16,x, results --parquet", lambda: export("parquet", "coherence=true,16,x"), r"^status 0"),
    Case("S", "--grid coherence=10^20, results --parquet", lambda: export("parquet", "coherence=100000000000000000000,1"), r"^status 0"),
    Case("S", "--grid coherence=10^20, results --json", lambda: export("json", "coherence=100000000000000000000,1"), r"^status 0"),
    Case("T", "text.usetex: True", lambda: plotted(rc="text.usetex: True\n"), r"^status 0"),
    Case("T", "savefig.dpi: 13", lambda: styled("savefig.dpi: 13\n"), r"alike: True"),
    Case("T", "lines.linewidth: 20", lambda: styled("lines.linewidth: 20\n"), r"alike: True"),
    Case("T", "axes.facecolor: black", lambda: styled("axes.facecolor: black\n"), r"alike: True"),
    Case("T", "savefig.transparent: True", lambda: styled("savefig.transparent: True\n"), r"alike: True"),
    Case("U", "plot --out noext", lambda: where("noext"), r"noext\.png; there: True"),
    Case("U", "plot --out a.b", lambda: where("a.b"), r"^status 2"),
    Case("U", "plot --out x.PNG", lambda: where("x.PNG"), r"x\.PNG; there: True"),
    Case("U", "plot --out x.svg", lambda: where("x.svg"), r"x\.svg; there: True"),
    Case("U", "plot --out .png", lambda: where("two/.png"), r"there: True|^status 2"),
    *[Case("V", f"transmit {' '.join(map(str, words))}", lambda words=words: cli("transmit", "p64.png", *words), r"^status 2: ") for words in (("--snr", "nan"), ("--snr", "inf"), ("--snr", "-200"), ("--seed", "-1"), ("--snr", "nan", "--json"), ("--cbr", "nan"), ("--nonsense",))],
    Case("AF", "name with a control character, draw --out x.svg", lambda: drawn("a\x01b", "svg"), r"^XML"),
    Case("AF", "name with an escape, draw --out x.svg", lambda: drawn("a\x1b[31mb", "svg"), r"^XML"),
    Case("AF", "name with < and &, draw --out x.svg", lambda: drawn("a<b>&c", "svg"), r"^XML"),
    Case("AF", "name with half a surrogate pair", lambda: drawn("a\ud800b", "svg"), r"^XML|^FlowgraphFileError"),
    Case("AF", "name with a zero byte", lambda: drawn("a\x00b", "svg"), r"^XML"),
    Case("AF", "name with dollars, plot", lambda: plot_named("a $\\frac b$"), r"^status 0"),
    *[Case("AG", f"--grid channel={text}", lambda text=text: grid(f"channel={text}", "snr_db=0", flowgraph="channels:link"), right) for text, right in (("Raleigh", "did you mean 'Rayleigh'"), ("AWGN(", "bracket"), ("rayleigh", "did you mean 'Rayleigh'"), ("Rayleigh(coherense=2)", "did you mean 'coherence'"), ("Rayleigh(2)", "name=value"), ("Raleigh()", "did you mean 'Rayleigh'"))],
]  # fmt: skip


def length_in(path):
    """The bits of a file's source."""
    from linksim import Flowgraph

    return str(Flowgraph.load(path).bits.length)


def plot_named(name):
    """A figure of a sweep whose flowgraph has such a name."""
    from linksim.flowgraphs import bpsk
    from linksim.montecarlo import Sweep

    fg = bpsk()
    fg.name = name
    Sweep(fg, grid={"snr_db": [0, 4]}, stop="ber:frames=64").run(store="n.db")
    return cli("plot", "n.db", "--y", "ber")
