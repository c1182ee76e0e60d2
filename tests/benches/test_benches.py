"""The benches on small data: what their pages say, and what they refuse."""

import math
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PillowImage
from scipy import stats

from linksim.benches.bench import find_bench
from linksim.benches.separation.points import SYSTEMS, Digital
from linksim.benches.tables import paired_gain
from linksim.flowgraphs import klt, semantic_separation, separation


def rows_of(page, section=0):
    """The cells of the rows of one table of a page, by the first cell."""
    tables = re.split(r"^\| ---.*\n", page, flags=re.MULTILINE)[1:]
    lines = [line for line in tables[section].split("\n\n")[0].splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def test_the_closed_forms_pass_and_a_wrong_one_fails(out, monkeypatch):
    place = "linksim.benches.closed_forms"
    monkeypatch.setattr(f"{place}.SYMBOLS", 40_000)
    monkeypatch.setattr(f"{place}.SNRS_DB", (4.0,))
    page, _ = find_bench("closed-forms")(out=out).run()
    assert "30 of 30 rows pass" in page
    right = find_bench("closed_forms").report.__globals__["bit_error_rate"]
    monkeypatch.setattr(f"{place}.bit_error_rate", lambda *given, **more: right(*given, **more) * 1.3)
    page, _ = find_bench("closed_forms")(out=out).run()
    assert "0 of 30 rows pass" in page


def test_the_header_is_lost_less_at_more_snr_and_never_wrong(out, folders, monkeypatch):
    place = "linksim.benches.header"
    for name, value in (
        ("EDGE", 128), ("SMALL_EDGE", 64), ("FRAMES", {-4.0: 40, -3.0: 40, 1.0: 40}), ("SURE_FRAMES", 40),
        ("SMALL_FRAMES", {-3.0: 60}), ("SMOOTHINGS", (0.0, 1.0)),
    ):  # fmt: skip
        monkeypatch.setattr(f"{place}.{name}", value)
    page, _ = find_bench("header")(out=out, scenes=folders[0]).run()
    loss, wrong, cost = (rows_of(page, section) for section in range(3))
    rates = [float(loss[f"{snr:g} dB"][1]) for snr in (-4.0, -3.0, 1.0)]
    assert rates[0] >= rates[1] > rates[2] == 0
    assert all(row[2] == "0" for row in wrong.values())
    assert wrong["128x128 pixels, 10 dB"] == ["40", "0", "0"]
    assert 0 < float(cost["map smoothing 1"][0]) < float(cost["map smoothing 0"][0])


def test_the_limit_is_crossed_between_points():
    crossing = find_bench("header").report.__globals__["crossing"]
    assert crossing([0.0, 1.0, 2.0], [1e-1, 1e-1, 1e-3]) == pytest.approx(1.5)
    assert math.isnan(crossing([0.0, 1.0], [1.0, 0.5]))


def test_the_klt_bench(out, folders, monkeypatch):
    monkeypatch.setattr("linksim.benches.klt.SNRS_DB", (4.0, 13.0))
    monkeypatch.setattr("linksim.benches.klt.FLOOR_DB", {"1/48": (20.0, 21.0), "1/16": (22.0, 23.0)})
    page, _ = find_bench("klt")(out=out, scenes=folders[0], kodak=folders[1]).run()
    kodak, scenes = rows_of(page, 0), rows_of(page, 1)
    assert float(kodak["CBR 1/16, 13 dB"][0]) > float(kodak["CBR 1/16, 4 dB"][0]) > 20
    assert float(kodak["CBR 1/16, 4 dB"][0]) > float(kodak["CBR 1/48, 4 dB"][0])
    assert float(scenes["alpha 0, equal weights, smoothing 1"][-1]) < float(scenes["alpha 0, equal weights"][-1])


def test_the_evaluation_of_weights(cli, out, folders, monkeypatch):
    place = "linksim.benches.evaluation"
    for name, value in (("SNRS_DB", (10.0,)), ("FADING_SNRS_DB", (15.0,)), ("FADES", 2), ("ALPHAS", (0.0, 16.0)),
                        ("RATES", {"1/16": 1 / 16})):  # fmt: skip
        monkeypatch.setattr(f"{place}.{name}", value)
    command = ("bench", "evaluation", "--scenes", folders[0], "--kodak", folders[1], "--weights", "small", "--weights",
               "klt", "--workers", 1, "--out", out)  # fmt: skip
    code, page, _ = cli(*command)
    assert code == 0
    levels, entropy, channels, kodak = (rows_of(page, section) for section in range(4))
    pictures = {name: float(row[5].split()[0]) for name, row in levels.items()}
    assert set(pictures) == {f"{name}, alpha {alpha}" for name in ("small", "klt") for alpha in (0, 16)}
    assert pictures["small, alpha 0"] > pictures["klt, alpha 0"]
    assert set(entropy) == {"small", "klt"}
    assert all(0.5 < float(row[-1]) <= 1 for row in entropy.values())
    assert float(channels["small, awgn, 10 dB"][0]) > float(channels["klt, awgn, 10 dB"][0])
    assert "small, rayleigh, 15 dB" in channels
    assert float(kodak["small, CBR 1/16"][0].split()[0]) > float(kodak["klt, CBR 1/16"][0].split()[0])


@pytest.mark.parametrize("bench", ["evaluation", "klt", "separation"])
def test_a_bench_of_pictures_asks_for_them(cli, tmp_path, bench):
    code, _, error = cli("bench", bench, "--out", tmp_path)
    assert (code, "give --scenes" in error) == (2, True)


def test_unknown_weights_are_said_before_any_work(cli, tmp_path, folders):
    code, _, error = cli("bench", "evaluation", "--kodak", folders[1], "--weights", "smal", "--out", tmp_path / "out")
    assert (code, "no weights 'smal'; did you mean 'small'" in error) == (2, True)
    assert not (tmp_path / "out").exists()


def test_separation_with_and_without_the_same_importance(out, folders, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "scenes", {
        "SA-OOSC": None, "AVIF": Digital(), "AVIF, regions twice": Digital(region_gain=2.0),
        "JPEG": Digital("jpeg"), "AVIF, fixed": Digital(follows="nothing"),
        "AVIF, capacity": Digital(follows="capacity"),
    })  # fmt: skip
    monkeypatch.setitem(SYSTEMS, "kodak", {"SA-OOSC": None, "AVIF": Digital()})
    monkeypatch.setattr("linksim.benches.separation.points.SNRS_DB", (5.0, 10.0))
    monkeypatch.setattr("linksim.benches.separation.points.FADING_SNRS_DB", (10.0,))
    page, figures = find_bench("separation")(out=out, scenes=folders[0], kodak=folders[1]).run()
    levels, gains, awgn, rayleigh, kodak = (rows_of(page, section) for section in range(5))
    assert set(levels) == set(SYSTEMS["scenes"])
    assert float(levels["AVIF, capacity"][3].split()[0]) > float(levels["AVIF"][3].split()[0])
    assert "SA-OOSC" not in gains
    # A link that was made for 10 dB shows nothing at 5 dB, and what it shows at 10 dB is what the follower shows.
    assert "(100% lost)" in awgn["AVIF, fixed"][1]
    assert awgn["AVIF, fixed"][2] == awgn["AVIF"][2]
    assert "lost" not in awgn["AVIF"][1]
    assert "JPEG" not in rayleigh
    assert awgn["JPEG"][1] == "-"
    assert set(kodak) == {"SA-OOSC", "AVIF"}
    assert figures == ["separation_scenes.png", "separation_kodak.png"]
    for figure in figures:
        with PillowImage.open(out / figure) as drawn:
            assert min(drawn.size) > 300


def test_importance_from_people_from_the_model_and_from_nobody(out, folders, monkeypatch):
    monkeypatch.setattr("linksim.benches.importance.SOURCES", ("people", "GPT", "student, picture alone", "none"))
    page, figures = find_bench("importance")(out=out, scenes=folders[0]).run()
    rows = rows_of(page)
    assert len(rows) == 8
    # Here people and the model say the same of every object.
    for system in ("SA-OOSC", "AVIF + LDPC, regions twice"):
        assert rows[f"{system}, people"][0] == rows[f"{system}, GPT"][0]
        assert rows[f"{system}, people"][1] == "+0.00 (+0.00 to +0.00)"
        assert rows[f"{system}, GPT"][1] == "-"
        # Objects touch every tile of these small scenes, so that the regions of AVIF are the whole picture.
        assert float(rows[f"{system}, none"][0]) <= float(rows[f"{system}, people"][0])
    assert float(rows["SA-OOSC, none"][0]) < float(rows["SA-OOSC, people"][0])
    assert figures == ["importance.png"]


def test_a_paired_gain_is_students_interval_of_the_differences():
    chance = np.random.default_rng(1)
    ours, theirs = chance.normal(size=12), chance.normal(size=12)
    theirs[3] = math.nan
    rows = [("a", case, value) for case, value in enumerate(ours)]
    rows += [("b", case, value) for case, value in enumerate(theirs) if not math.isnan(value)]
    table = pd.DataFrame(rows, columns=["system", "case", "mean"]).assign(metric="psnr")
    found = paired_gain(table, "psnr", {"system": "a"}, {"system": "b"})
    kept = ~np.isnan(theirs)
    truth = stats.ttest_rel(ours[kept], theirs[kept]).confidence_interval(0.95)
    assert found.mean == pytest.approx(float((ours - theirs)[kept].mean()))
    assert (found.low, found.high) == pytest.approx((float(truth.low), float(truth.high)))
    assert math.isnan(paired_gain(table, "psnr", {"system": "a"}, {"system": "c"}).mean)


def test_the_layers_bench(out, folders, monkeypatch):
    place, cbr = "linksim.benches.layers", 0.12
    known = find_bench("layers").report.__globals__
    layers, designed, regions, ours = (known[name] for name in ("LAYERS", "DESIGNED", "REGIONS", "SA_OOSC"))
    steps = known["FOR_10_DB"]._replace(base_share=0.1)
    links = {
        layers: (partial(semantic_separation, target_cbr_total=cbr), (10.0,)),
        regions: (partial(separation, target_cbr_total=cbr, region_gain=2.0), (10.0,)),
        designed: (partial(semantic_separation, target_cbr_total=cbr, protection=steps), (0.0, 10.0)),
        known["FIXED"]: (partial(separation, target_cbr_total=cbr, design_snr_db=10.0), (0.0, 10.0)),
        ours: (klt, (0.0, 10.0)),
    }
    monkeypatch.setattr(f"{place}.LINKS", links)
    monkeypatch.setattr(f"{place}.SNRS_DB", (0.0, 10.0))
    monkeypatch.setattr(f"{place}.FADING_SNRS_DB", (30.0,))
    monkeypatch.setattr(f"{place}.FADES", 1)
    page, figures = find_bench("layers")(out=out, scenes=folders[0]).run()
    assert figures == ["layers.png"]
    levels, gains, against_snr, faded = (rows_of(page, section) for section in range(4))
    assert set(levels) == set(links)
    gain = float(gains[regions][1].split()[0])
    means = [float(levels[name][1].split()[0]) for name in (layers, regions)]
    assert gain == pytest.approx(means[0] - means[1], abs=0.011)
    assert float(levels[layers][4]) <= cbr
    low, high = map(float, against_snr[f"high: {designed}"])
    assert low + 2 < high
    fixed_low, fixed_high = map(float, against_snr[f"high: {known['FIXED']}"])
    assert fixed_low + 10 < fixed_high
    # At 30 dB a fade is deep enough for the layers, protected for 6.8 and 7.6 dB, in one of 200 frames.
    assert float(faded[f"high: {designed}"][0]) == pytest.approx(high, abs=0.01)


def test_the_effort_bench(out, folders, monkeypatch):
    monkeypatch.setattr("linksim.benches.effort.EFFORTS", (0, 1))
    page, _ = find_bench("effort")(out=out, scenes=folders[0]).run()
    ((steps, cells),) = rows_of(page, 0).items()
    assert steps == "1"
    assert float(cells[0]) > 0
    assert all(abs(float(cell.split()[0])) < 3 for cell in cells[1:])


def test_the_steering_bench(out, folders, monkeypatch):
    monkeypatch.setattr("linksim.benches.steering.SENTENCES", ("the nearest car", "the pedestrians"))
    page, _ = find_bench("steering")(out=out, scenes=folders[0]).run()
    car, nobody = rows_of(page, 0).values()
    assert float(car[1].split()[0]) > 0
    assert [float(each) for each in car[-1].split(", ")] == pytest.approx([0.0201] * 3, abs=3e-4)
    assert nobody[:3] == ["-", "-", "-"]


def test_the_waveforms_bench(out, folders, monkeypatch):
    place = "linksim.benches.waveforms"
    for name, value in (
        ("SNRS_DB", (0.0, 10.0)), ("BER_SNRS_DB", {4.0: 16}), ("SHORT_SNRS_DB", {-20.0: 16, 5.0: 16}),
        ("LOW_SNRS_DB", (-5.0, -2.5)), ("BITS", 1024),
    ):  # fmt: skip
        monkeypatch.setattr(f"{place}.{name}", value)
    page, _ = find_bench("waveforms")(out=out, kodak=folders[1]).run()
    left, bits, lost, pictures = (rows_of(page, section) for section in range(4))
    assert set(left) == {"0", "10"}
    assert all(abs(float(cell.split()[0])) < 1.5 for row in left.values() for cell in row)
    assert 0.005 < float(bits["4"][1]) < 0.03
    assert lost["-20"][1].startswith("1 (")
    assert lost["5"][1].startswith("0 (")
    assert len(pictures) == 4
    assert all(row[4] == "0.0%" for row in pictures.values())


def test_a_level_is_found_on_a_rising_curve_alone():
    snr_of = find_bench("waveforms").report.__globals__["_snr_of"]
    assert snr_of(25.0, [0.0, 5.0, 10.0], [20.0, 24.0, 26.0]) == pytest.approx(7.5)
    assert snr_of(26.2, [0.0, 5.0, 10.0], [20.0, 24.0, 26.0]) == pytest.approx(10.5)
    assert math.isnan(snr_of(19.0, [0.0, 5.0, 10.0], [20.0, 24.0, 26.0])), "below the curve"
    assert math.isnan(snr_of(26.05, [0.0, 5.0, 10.0], [20.0, 26.0, 26.1])), "where it is flat"
