"""SA-OOSC beside digital links of the same channel uses: tables and figures.

    .venv/bin/python scripts/show_separation.py --scenes SCENES --kodak KODAK --out docs

Street scenes at CBR 0.0201 and Kodak at 1/16, everything counted; AWGN and slow Rayleigh fading. A digital link's code
blocks cross the channel once per picture, SNR and scheme; what comes through is then decoded by each codec. On slow
fading with the channel known to the receiver a frame sees AWGN at |h|^2 times the SNR, so a digital link's mean is the
sum over its schemes, each weighed by how often the fade asks for it; SA-OOSC is simulated, fade by fade. Rows are kept
in --rows, so that a killed run goes on. Half an hour on two cores.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from linksim import Boxes, Result
from linksim.blocks import (
    AWGN,
    PSNR,
    PatchImportance,
    PatchPSNR,
    PictureDecoder,
    PictureEncoder,
    RateAllocator,
    Rayleigh,
)
from linksim.blocks.picture_codecs.codecs import CODECS
from linksim.blocks.sources import list_pictures, read_picture, street_scenes
from linksim.blocks.transport.mcs import best_scheme, schemes
from linksim.flowgraphs import sa_oosc, separation
from linksim.flowgraphs.parts import Codec, RobustHeader
from linksim.theory import awgn_capacity, constellation_capacity

SNRS_DB = (0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0)
DESIGN_SNR_DB = 10.0
FADES = 4
RATES = {"street": 0.0201, "kodak": 1 / 16}
METRIC = {"street": "nonbackground", "kodak": "psnr"}
TITLES = {
    "street": "street scenes, CBR 0.0201 in all: PSNR of the patches that matter",
    "kodak": "Kodak, CBR 1/16 in all: PSNR",
}
NAMES = {"avif": "AVIF", "heif": "HEIF", "webp": "WebP", "jpeg2000": "JPEG 2000", "jpeg": "JPEG"}
MODES = {"amc": "follows the SNR", "capacity": "follows at capacity", "fixed": "fixed for 10 dB"}

HEAD = """# SA-OOSC beside digital links

Made by `scripts/show_separation.py`. PSNR in dB (street scenes: of the patches that matter), mean over the
pictures, lost ones as mid-grey; everything sent is counted: CBR 0.0201 for street scenes, 1/16 for Kodak. amc:
modulation and code rate follow the SNR, on Rayleigh the fade as the sender knows it; fixed: chosen for 10 dB;
capacity: a code that reaches it.

"""
MODULATIONS = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}

Case = tuple[str, int]
Row = dict[str, Any]


class Rows:
    """What was measured, by key, in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.known: dict[str, Any] = dict(map(json.loads, lines))

    def measure(self, work: Mapping[str, Callable[[], Any]], workers: int) -> None:
        """Run what is not known yet, and keep each result as it comes."""
        todo = {key: job for key, job in work.items() if key not in self.known}
        jobs = (delayed(_one)(key, job) for key, job in todo.items())
        with self._path.open("a") as file:
            for done, (key, value) in enumerate(Parallel(workers, return_as="generator_unordered")(jobs), 1):
                self.known[key] = value
                file.write(json.dumps([key, value]) + "\n")
                file.flush()
                print(f"{done}/{len(todo)} {key}", flush=True)


def _one(key: str, job: Callable[[], Any]) -> tuple[str, Any]:
    torch.set_num_threads(1)
    return key, job()


class Pictures:
    """The pictures of both sets, read when they are needed."""

    def __init__(self, scenes: Path, kodak: Path) -> None:
        self._scenes, self._kodak = list(street_scenes(scenes)), list_pictures(kodak)

    def cases(self) -> list[Case]:
        """Set and number of every picture."""
        return [("street", i) for i in range(len(self._scenes))] + [("kodak", i) for i in range(len(self._kodak))]

    def read(self, case: Case) -> tuple[torch.Tensor, Boxes | None]:
        """The picture [1, 3, height, width] and its boxes."""
        if case[0] == "kodak":
            return read_picture(self._kodak[case[1]])[None], None
        scene = self._scenes[case[1]]
        return read_picture(scene.picture)[None], scene.boxes()


# -- measuring


def transport(pictures: Pictures, case: Case) -> list[Row]:
    """Which bits of a digital link come through on AWGN, by SNR and mode."""
    image, _ = pictures.read(case)
    rows: list[Row] = []
    for mode, design in (("amc", None), ("fixed", DESIGN_SNR_DB)):
        link = separation(codec="jpeg", target_cbr_total=RATES[case[0]], design_snr_db=design)
        for snr_db in SNRS_DB:
            if design is not None and beyond_capacity(snr_db):
                budget = int(link.adaptation(image=image, snr_db=torch.tensor([snr_db])).budget)
                rows.append({"mode": mode, "snr_db": snr_db, "budget": budget, "good": 0})
                continue
            probe = ["adaptation.budget", "transport_decoder.good"]
            run = link.run(image=image, snr_db=snr_db, seed=case[1], probe=probe)
            budget, good = (int(run[name][0]) for name in probe)
            rows.append({"mode": mode, "snr_db": snr_db, "budget": budget, "good": good})
    return rows


def beyond_capacity(snr_db: float) -> bool:
    """Whether the scheme for the design SNR asks for more than its modulation's capacity: then long blocks fail."""
    scheme = best_scheme(DESIGN_SNR_DB)
    return scheme.efficiency > float(constellation_capacity(snr_db, modulation=MODULATIONS[scheme.bits_per_symbol]))


def budgets(case: Case, image: torch.Tensor) -> dict[str, int]:
    """Bits by scheme and by SNR at capacity."""
    found: dict[str, int] = {}
    for kind, snrs in (("scheme", [s.snr_db for s in schemes()]), ("capacity", SNRS_DB)):
        link = separation(codec="jpeg", target_cbr_total=RATES[case[0]], ideal=kind == "capacity")
        for snr_db in snrs:
            grant = link.adaptation(image=image, snr_db=torch.tensor([snr_db], dtype=torch.float64))
            found[f"{kind} {best_scheme(snr_db).index if kind == 'scheme' else snr_db}"] = int(grant.budget)
    return found


def quality(pictures: Pictures, case: Case, codec: str) -> Row:
    """PSNR by bits: of all schemes, and at capacity."""
    image, boxes = pictures.read(case)
    given = budgets(case, image)
    return {
        "budgets": given,
        "shown": shown(image, boxes, codec, [(budget, budget) for budget in given.values()]),
        "grey": measured(torch.full_like(image, 0.5), image, boxes),
    }


def cut(pictures: Pictures, case: Case, codec: str, budget: int, good: int) -> Row:
    """PSNR where only the first of the bits came through."""
    return shown(*pictures.read(case), codec, [(budget, good)])[f"{budget} {good}"]


def shown(image: torch.Tensor, boxes: Boxes | None, codec: str, pairs: Sequence[tuple[int, int]]) -> dict[str, Row]:
    """What a codec shows of pairs of bits sent and bits received."""
    encoder, decoder = PictureEncoder(codec=codec), PictureDecoder(codec=codec)
    size = torch.tensor([image.shape[-2:]])
    found: dict[str, Row] = {}
    for budget, good in pairs:
        bits = encoder(image=image, budget=torch.tensor([budget])).bits
        decoded = decoder(bits=bits, good=torch.tensor([good]), size=size)
        found[f"{budget} {good}"] = {**measured(decoded.image, image, boxes), "lost": bool(decoded.lost)}
    return found


def measured(image: torch.Tensor, original: torch.Tensor, boxes: Boxes | None) -> dict[str, float]:
    """PSNR of the picture and of the patches that matter."""
    found = {"psnr": float(PSNR()(image=image, original=original).value)}
    if boxes is not None:
        importance = PatchImportance()(image=original, boxes=boxes)
        patches = PatchPSNR()(image=image, original=original, importance=importance)
        found["nonbackground"] = float(patches.nonbackground.value)
    return found


def learned(pictures: Pictures, case: Case, fading: bool) -> list[Row]:
    """SA-OOSC by SNR; on fading, `FADES` fades each."""
    image, boxes = pictures.read(case)
    link = sa_oosc(
        codec=Codec(importance_gain_db=0.0),
        rate=RateAllocator(target_cbr_total=RATES[case[0]], alpha=0.0),
        header=RobustHeader(code_rate=0.5),
        channel=Rayleigh() if fading else AWGN(),
    )
    rows: list[Row] = []
    for snr_db in SNRS_DB[::2] if fading else SNRS_DB:
        runs = [
            link.run(image=image, boxes=boxes, snr_db=snr_db, seed=1000 * case[1] + fade)
            for fade in range(FADES if fading else 1)
        ]
        rows.append({"snr_db": snr_db, **mean_run(runs, boxes is not None)})
    return rows


def mean_run(runs: Sequence[Result], street: bool) -> dict[str, float]:
    """Means over the runs of one picture."""
    names = {"psnr": "psnr", "cbr_total": "cbr_total"} | (
        {"nonbackground": "patch_psnr.nonbackground"} if street else {}
    )
    found = {name: float(np.mean([float(run[port].value) for run in runs])) for name, port in names.items()}
    return {**found, "lost": float(np.mean([float(run["erased"]) for run in runs]))}


def measure(rows: Rows, pictures: Pictures, workers: int) -> None:
    """Everything, in an order in which each part has what it needs."""
    cases = pictures.cases()
    rows.measure({f"transport {case}": _bind(transport, pictures, case) for case in cases}, workers)
    work: dict[str, Callable[[], Any]] = {}
    for case in cases:
        for fading in (False, True):
            work[f"learned {case} {fading}"] = _bind(learned, pictures, case, fading)
        through = rows.known[f"transport {case}"]
        partial = {(row["budget"], row["good"]) for row in through if 0 < row["good"] < row["budget"]}
        for codec in CODECS:
            work[f"quality {case} {codec}"] = _bind(quality, pictures, case, codec)
            for pair in partial:
                work[f"cut {case} {codec} {pair}"] = _bind(cut, pictures, case, codec, *pair)
    rows.measure(work, workers)


def _bind(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


# -- putting together


def digital_awgn(rows: Rows, case: Case, codec: str, mode: str) -> list[Row]:
    """One picture's quality by SNR on AWGN, with what came through."""
    found = rows.known[f"quality {case} {codec}"]
    if mode == "capacity":
        bits = [found["budgets"][f"capacity {snr}"] for snr in SNRS_DB]
        return [{"snr_db": snr, **found["shown"][f"{b} {b}"]} for snr, b in zip(SNRS_DB, bits, strict=True)]
    through = [row for row in rows.known[f"transport {case}"] if row["mode"] == mode]
    return [{"snr_db": row["snr_db"], **arrived(rows, case, codec, row)} for row in through]


def arrived(rows: Rows, case: Case, codec: str, row: Row) -> Row:
    """What a transmission shows: all that its scheme carries, or the part that came through."""
    found = rows.known[f"quality {case} {codec}"]
    if row["good"] == 0:
        return {**found["grey"], "lost": True}
    if row["good"] < row["budget"]:
        return rows.known[f"cut {case} {codec} {(row['budget'], row['good'])}"]
    scheme = best_scheme(row["snr_db"] if row["mode"] == "amc" else DESIGN_SNR_DB)
    budget = found["budgets"][f"scheme {scheme.index}"]
    return found["shown"][f"{budget} {budget}"]


def digital_rayleigh(rows: Rows, case: Case, codec: str, mode: str) -> list[Row]:
    """One picture's mean quality over slow fading by mean SNR."""
    found, metric = rows.known[f"quality {case} {codec}"], METRIC[case[0]]
    table = sorted(schemes(), key=lambda scheme: scheme.snr_db)
    by_scheme = [found["shown"]["{0} {0}".format(found["budgets"][f"scheme {s.index}"])] for s in table]
    if mode == "fixed":
        chosen = table.index(best_scheme(DESIGN_SNR_DB))
        table, by_scheme = [table[chosen]], [by_scheme[chosen]]
    grey = found["grey"][metric]
    rows_found: list[Row] = []
    for snr_db in SNRS_DB:
        if mode == "capacity":
            value, lost = capacity_mean(found, metric, snr_db)
            rows_found.append({"snr_db": snr_db, "lost": lost, metric: value})
            continue
        edges = np.exp(-(10 ** ((np.array([s.snr_db for s in table]) - snr_db) / 10)))
        shares = edges - np.append(edges[1:], 0.0)
        values = np.array([grey if shown["lost"] else shown[metric] for shown in by_scheme])
        lost = 1 - shares.sum() + shares @ np.array([shown["lost"] for shown in by_scheme])
        rows_found.append(
            {"snr_db": snr_db, "lost": float(lost), metric: float(shares @ values + (1 - shares.sum()) * grey)}
        )
    return rows_found


def capacity_mean(found: Row, metric: str, snr_db: float) -> tuple[float, float]:
    """Mean over the fade of the quality at its capacity, between the budgets that were measured, and the share lost:
    fades under the smallest budget at which the codec has anything to show."""
    shown = {b: found["shown"][f"{b} {b}"] for b in found["budgets"].values()}
    points = sorted((b, row[metric]) for b, row in shown.items() if not row["lost"])
    bits, values = (np.array(column) for column in zip(*points, strict=True))
    uses = found["budgets"]["capacity 10.0"] / float(awgn_capacity(10.0))
    # Midpoints of equal shares of the exponential distribution of |h|^2.
    strength = -np.log1p(-(np.arange(400) + 0.5) / 400)
    carried = uses * np.log2(1 + strength * 10 ** (snr_db / 10))
    grey = found["grey"][metric]
    return float(np.interp(np.log(carried), np.log(bits), values, left=grey).mean()), float((carried < bits[0]).mean())


def curve(per_picture: Iterable[Sequence[Row]], metric: str) -> list[Row]:
    """Mean over the pictures, by SNR."""
    columns = zip(*per_picture, strict=True)
    return [
        {"snr_db": column[0]["snr_db"], "value": float(np.mean([row[metric] for row in column])),
         "lost": float(np.mean([row["lost"] for row in column]))}
        for column in columns
    ]  # fmt: skip


def curves(rows: Rows, cases: Sequence[Case], channel: str, mode: str) -> dict[str, list[Row]]:
    """SA-OOSC and every codec in one mode, over one channel, of one set."""
    metric = METRIC[cases[0][0]]
    digital = digital_awgn if channel == "awgn" else digital_rayleigh
    fading = channel == "rayleigh"
    found = {"SA-OOSC": curve((rows.known[f"learned {case} {fading}"] for case in cases), metric)}
    for codec, name in NAMES.items():
        found[name] = curve((digital(rows, case, codec, mode) for case in cases), metric)
    return found


def figure(rows: Rows, cases: Sequence[Case], path: Path) -> None:
    """Channels down, modes across."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from linksim.plot.style import COLOURS, STYLE

    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(13, 7.4), layout="constrained")
        drawn.suptitle(TITLES[cases[0][0]])
        axes = drawn.subplots(2, 3, sharex=True, sharey=True)
        for row, channel in zip(axes, ("awgn", "rayleigh"), strict=True):
            for ax, (mode, title) in zip(row, MODES.items(), strict=True):
                for i, (name, points) in enumerate(curves(rows, cases, channel, mode).items()):
                    line = (
                        {"color": "black", "lw": 2.4, "zorder": 5} if i == 0 else {"color": COLOURS[i - 1], "lw": 1.3}
                    )
                    ax.plot(
                        [p["snr_db"] for p in points],
                        [p["value"] for p in points],
                        marker="o",
                        ms=3,
                        label=name,
                        **line,
                    )
                words = "AWGN" if channel == "awgn" else "slow Rayleigh"
                known = "" if mode == "fixed" or channel == "awgn" else " (sender knows the fade)"
                ax.set_title(f"{words}; digital {title}{known}", fontsize=9)
                ax.grid(alpha=0.3)
        for ax in axes[-1]:
            ax.set_xlabel("mean Es/N0, dB")
        for ax in axes[:, 0]:
            ax.set_ylabel("PSNR, dB; lost pictures count as mid-grey")
        axes[0, 0].legend(fontsize=8)
        drawn.savefig(path)


def table(rows: Rows, cases: Sequence[Case]) -> str:
    """Markdown: mean PSNR, and the share of lost pictures where there are any."""
    lines: list[str] = []
    for channel in ("awgn", "rayleigh"):
        shown = (0.0, 5.0, 10.0, 15.0, 20.0)
        lines += [f"{cases[0][0]}, {channel}", "", "| | " + " | ".join(f"{s:g} dB" for s in shown) + " |",
                  "| --- |" + " ---: |" * len(shown)]  # fmt: skip
        for mode in MODES:
            for name, points in curves(rows, cases, channel, mode).items():
                if name == "SA-OOSC" and mode != "amc":
                    continue
                cells = [
                    f"{p['value']:.2f}" + (f" ({p['lost']:.0%} lost)" if p["lost"] > 0.004 else "")
                    for p in points
                    if p["snr_db"] in shown
                ]
                label = name if name == "SA-OOSC" else f"{name}, {mode}"
                lines.append(f"| {label} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Measure, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--scenes", "--kodak"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--rows", type=Path, default=Path("separation.jsonl"))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    rows, pictures = Rows(asked.rows), Pictures(asked.scenes, asked.kodak)
    measure(rows, pictures, asked.workers)
    asked.out.mkdir(parents=True, exist_ok=True)
    tables: list[str] = []
    for name in RATES:
        cases = [case for case in pictures.cases() if case[0] == name]
        figure(rows, cases, asked.out / f"separation_{name}.png")
        tables.append(table(rows, cases))
    (asked.out / "separation.md").write_text(HEAD + "\n".join(tables), "utf-8")
    print("\n".join(tables))


if __name__ == "__main__":
    main()
