"""What is drawn is what the table says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from linksim.errors import ParameterError
from linksim.plot import curves, quality, reconstructions, stacked_cbr, waterfall


def table(rows, names):
    columns = [*names, "metric", "estimate", "low", "high", "interval"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(trials=100, errors=3, seconds=0.1, stopped_by="targets", labels="csi: perfect")


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def ber():
    rows = [("A", 4, "ber", 1e-3, 8e-4, 1.2e-3, "by frame"), ("A", 0, "ber", 1e-1, 9e-2, 1.1e-1, "by frame"),
            ("A", 8, "ber", 0.0, 0.0, 1e-4, "upper bound"), ("B", 0, "ber", 2e-1, 0.1, 0.4, "unreliable")]  # fmt: skip
    return table(rows, ["channel", "snr_db"])


def test_curves_are_grouped_and_in_order(ber):
    first, second = curves(ber, "snr_db", "ber")
    assert (first.name, second.name) == ("channel A", "channel B")
    assert list(first.x) == [0, 4, 8]
    assert list(first.estimate) == [1e-1, 1e-3, 0.0]
    assert first.kind == ["by frame", "by frame", "upper bound"]


def test_a_waterfall_draws_intervals_and_upper_bounds(ax, ber):
    assert waterfall(ax, ber, theory={"theory": lambda x: 10.0 ** (-x)}) is ax
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "Es/N0 per complex channel use, dB"
    assert ax.get_ylabel() == "bit error rate"
    measured, bound, doubtful = ax.containers
    np.testing.assert_allclose(measured.lines[0].get_ydata(), [1e-1, 1e-3])
    ends = measured.lines[2][0].get_segments()
    np.testing.assert_allclose([segment[:, 1] for segment in ends], [[9e-2, 1.1e-1], [8e-4, 1.2e-3]])
    # The bound stands at its upper end with an arrow; an open marker says that an interval is not to be trusted.
    assert list(bound.lines[0].get_ydata()) == [1e-4]
    assert doubtful.lines[0].get_markerfacecolor() == "white"
    line = next(line for line in ax.lines if line.get_label() == "theory")
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (0, 8)


def test_quality_over_another_metric_and_over_an_axis(ax):
    rows = [(rate, "psnr", 30 + 100 * rate, 29.0, 33.0, "over pictures") for rate in (0.04, 0.02)]
    rows += [(rate, "cbr_total", rate + 0.004, rate, rate, "over pictures") for rate in (0.04, 0.02)]
    found = table(rows, ["target_cbr"])
    quality(ax, found, x="cbr_total", y="psnr")
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.024, 0.044])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [32.0, 34.0])
    assert "everything" in ax.get_xlabel()
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (29.0, 33.0)


def test_stacked_parts_add_up(ax):
    rows = [(snr, f"ledger.{part}", height, 0, 1, "over pictures")
            for snr in (0, 5) for part, height in (("payload", 0.02), ("header", 0.003), ("pilots", 0.0))]  # fmt: skip
    stacked_cbr(ax, table(rows, ["snr_db"]))
    tops = [bar.get_y() + bar.get_height() for container in ax.containers for bar in container]
    np.testing.assert_allclose(tops, [0.02, 0.02, 0.023, 0.023])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["payload", "header"]


def test_what_is_not_there_is_named(ax, ber):
    with pytest.raises(ParameterError, match="no metric 'bler'; did you mean 'ber'"):
        waterfall(ax, ber, y="bler")
    with pytest.raises(ParameterError, match="no axis or metric 'snr'; did you mean 'snr_db'"):
        quality(ax, ber, x="snr", y="ber")
    with pytest.raises(ParameterError, match="no ledger"):
        stacked_cbr(ax, ber)


def test_reconstructions_side_by_side(photograph):
    axes = Figure().subplots(1, 2)
    assert reconstructions(axes, {"sent": photograph[0], "received": photograph[0]}) is axes
    assert [ax.get_title() for ax in axes] == ["sent", "received"]


@pytest.mark.parametrize(("draw", "metric"), [(waterfall, "ber"), (quality, "psnr")])
def test_no_two_of_many_curves_look_alike(ax, draw, metric):
    systems = [f"system {number:02}" for number in range(13)]
    rows = [(name, snr_db, metric, 0.1, 0.09, 0.11, "by frame") for name in systems for snr_db in (0.0, 5.0)]
    draw(ax, table(rows, ["system", "snr_db"]))
    marked = [line for line in ax.lines if line.get_marker() in set("osD^vPX")]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in marked}
    assert len(looks) == len(marked) == len(systems)
