from typing import Any

import pytest
import torch
from first_cases import First

from linksim import Boxes
from linksim.blocks import AWGN, RateAllocator, Rayleigh, Rician
from linksim.blocks.sources import PictureCases
from linksim.faces.yaml_file import describe
from linksim.flowgraphs import FLOWGRAPHS, klt
from linksim.flowgraphs.parts import IdealHeader, KLTCodec, RobustHeader
from linksim.montecarlo import Sweep

# A fixed-length KLT and LMMSE codec in closed form on Kodak at CBR 1/48 and 1/16; SNR 1, 4, 7, 10, 13 dB.
FLOOR_DB = {1 / 48: (20.99, 22.31, 23.66, 24.82, 25.67), 1 / 16: (23.12, 24.67, 26.42, 28.06, 29.40)}
SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)


def box(*corners, importance):
    return Boxes(torch.tensor([[list(map(float, corners))]]), torch.tensor([[importance]]))


@pytest.mark.parametrize("channel", [AWGN(), Rayleigh(), Rician()])
def test_quality_rises_with_snr_on_every_channel(photograph, channel):
    link = klt(rate=RateAllocator(target_cbr=1 / 24), channel=type(channel)())
    qualities = [link.run(image=photograph, snr_db=snr, seed=3)["psnr"].value.item() for snr in (4.0, 8.0, 12.0, 16.0)]
    assert qualities == sorted(qualities)
    assert qualities[-1] > 25


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (17, 33), (100, 50), (5, 300)])
def test_odd_sizes_are_padded_billed_and_cropped(photograph, height, width):
    image = photograph[:, :, 100 : 100 + height, 100 : 100 + width]
    run = klt(rate=RateAllocator(eta=1.0)).run(image=image, snr_db=15.0)
    assert run["image"].shape == image.shape
    patches = -(-height // 16) * -(-width // 16)
    ledger = run["ledger"]
    assert ledger.source_dimensions.item() == 3 * height * width
    assert ledger.payload.item() >= 2 * patches
    assert run["cbr"].value.item() == pytest.approx(ledger.payload.item() / (3 * height * width))
    assert not run["erased"].item()


def test_a_batch_with_one_snr_each(photograph):
    image = photograph[:, :, :128, :128].expand(4, -1, -1, -1)
    snrs = torch.tensor([-10.0, 0.0, 10.0, 20.0])
    run = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image, snr_db=snrs, seed=2)
    assert run["erased"].tolist() == [True, False, False, False]
    assert run["image"][0].unique().tolist() == [0.5]
    qualities = run["psnr"].value.tolist()
    assert qualities == sorted(qualities)


def test_everything_lost_is_grey_and_counted(photograph):
    run = klt(rate=RateAllocator(target_cbr=0.05)).run(image=photograph[:, :, :50, :70], snr_db=-30.0)
    assert run["erased"].tolist() == [True]
    assert run["image"].shape == (1, 3, 50, 70)
    assert run["image"].unique().tolist() == [0.5]
    assert run["psnr"].value.item() < 15
    assert run["header_errors.erasures"].errors.tolist() == [1]
    assert run["header_errors.undetected"].errors.tolist() == [0]


def test_power_is_one_and_the_bill_is_what_was_sent(photograph):
    link = klt(rate=RateAllocator(target_cbr=0.04))
    run = link.run(image=photograph, snr_db=10.0, probe=["serializer.out", "frame.out", "header.out"])
    payload, frame, ledger = run["serializer.out"], run["frame.out"], run["ledger"]
    assert payload.samples.abs().square().mean().item() == pytest.approx(1.0, rel=1e-4)
    assert frame.length.item() == ledger.payload.item() + ledger.header.item()
    assert run["header.out"].samples.abs().unique().tolist() == [1.0]
    assert run["cbr_total"].value.item() == pytest.approx(frame.length.item() / photograph.numel())


def test_ideal_and_robust_headers_agree_where_nothing_is_lost(photograph):
    robust, ideal = (
        klt(rate=RateAllocator(target_cbr=0.04), header=h).run(image=photograph, snr_db=10.0, seed=5)
        for h in (RobustHeader(), IdealHeader())
    )
    assert ideal["cbr_total"].value.item() == robust["cbr_total"].value.item()
    assert ideal["psnr"].value.item() == pytest.approx(robust["psnr"].value.item(), abs=0.02)
    assert not klt(header=IdealHeader()).run(image=photograph, snr_db=-30.0)["erased"].item()


def test_importance_and_alpha_do_something(photograph):
    boxes = box(160, 60, 290, 220, importance=3)
    gaps = []
    for alpha, exponent in ((0.0, 0.0), (8.0, 2.0)):
        rate = RateAllocator(target_cbr=0.03, alpha=alpha)
        link = klt(codec=KLTCodec(importance_exponent=exponent), rate=rate, header=RobustHeader(code_rate=0.5))
        run = link.run(image=photograph, boxes=boxes, snr_db=10.0, seed=1)
        assert 0.99 * 0.03 <= run["cbr"].value.item() <= 0.03
        gaps.append((run["patch_psnr.high"].value - run["patch_psnr.background"].value).item())
    assert gaps[1] - gaps[0] > 1.0


@pytest.mark.parametrize("target", [24.0, 28.0])
def test_target_psnr_is_reached_about(photograph, target):
    run = klt(rate=RateAllocator(target_psnr=target)).run(image=photograph, snr_db=12.0)
    assert run["target_met"].item()
    assert run["psnr"].value.item() == pytest.approx(target, abs=0.5)
    cheaper = klt(rate=RateAllocator(target_psnr=target - 1)).run(image=photograph, snr_db=12.0)
    assert cheaper["cbr"].value.item() < run["cbr"].value.item()


def test_map_smoothing_saves_header(photograph):
    runs = [
        klt(rate=RateAllocator(target_cbr=0.04, map_smoothing=s)).run(image=photograph, snr_db=10.0)
        for s in (0.0, 0.5, 1.0)
    ]
    headers = [run["ledger"].header.item() for run in runs]
    assert headers[0] > headers[1] > headers[2]
    assert runs[2]["psnr"].value.item() > runs[0]["psnr"].value.item() - 0.3


def test_every_ready_flowgraph_can_be_made_drawn_saved_and_written_as_python(tmp_path):
    for name, make in FLOWGRAPHS.items():
        fg = make()
        fg.validate()
        assert fg.diagram().startswith("flowchart")
        assert fg._repr_svg_().startswith("<svg")
        fg.save(tmp_path / f"{name}.yaml")
        made: dict[str, Any] = {}
        exec(fg.to_python(), made)
        assert describe(made["build"]()) == describe(fg)


def link_at(rate):
    return klt(rate=RateAllocator(target_cbr=rate))


def test_kodak_stands_above_the_closed_form_floor(data_folder, kept):
    """Results are kept in a store: a link whose code and pictures have not changed is not simulated again."""
    grid = {"rate": list(FLOOR_DB), "snr_db": list(SNRS_DB)}
    sweep = Sweep(link_at, grid=grid, cases=PictureCases(data_folder / "kodak"), seed=1)
    means = sweep.run(store=kept).pivot(index=["rate", "snr_db"], columns="metric", values="estimate")
    costs = sweep.by_case(kept).query("metric == 'cbr'")
    for rate, floors in FLOOR_DB.items():
        found = [means["psnr"][rate, snr_db] for snr_db in SNRS_DB]
        assert all(value > floor - 0.1 for value, floor in zip(found, floors, strict=True))
        assert found == sorted(found)
        each = costs[costs["rate"] == rate]["mean"]
        assert len(each) == 24 * len(SNRS_DB)
        # In single precision.
        assert (each <= rate * (1 + 1e-6)).all()


def test_the_header_on_street_scenes(data_folder, kept):
    cases = First(PictureCases.scenes(data_folder / "cityscapes100"), 3)
    sweep = Sweep(klt(), grid={"snr_db": [10.0]}, cases=cases, seed=1)
    sweep.run(store=kept)
    scores = sweep.by_case(kept).pivot(index="case", columns="metric", values="mean")
    assert len(scores) == 3
    assert (scores["cbr_total"] - scores["cbr"]).max() <= 0.0035
    assert scores["cbr"].between(0.99 * 0.0201, 0.0201).all()


@pytest.mark.gpu
def test_the_gpu_gives_what_the_cpu_gives(photograph):
    outputs = []
    for device in ("cpu", "cuda"):
        link = klt(rate=RateAllocator(target_cbr=0.04)).to(device)
        run = link.run(image=photograph.to(device), snr_db=60.0, probe=["rate.lengths"])
        outputs.append((run["image"].cpu(), run["rate.lengths"].cpu()))
    assert (outputs[0][1] != outputs[1][1]).float().mean() < 0.01
    torch.testing.assert_close(outputs[0][0], outputs[1][0], atol=2e-2, rtol=0)


def test_other_precisions_give_the_same_picture(photograph):
    image = photograph[:, :, :160, :160]
    plain = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image, snr_db=60.0)["image"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image, snr_db=60.0)["image"]
    double = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image.double(), snr_db=60.0)["image"]
    assert double.dtype == torch.float64
    assert (double - plain).abs().mean() < 1e-3
    assert (half - plain).abs().mean() < 1e-2


def test_gradients_cross_the_whole_link(photograph):
    image = photograph[:, :, :64, :64].clone().requires_grad_()
    link = klt(rate=RateAllocator(target_cbr=0.1), header=IdealHeader()).seed(1)
    (link(image=image, snr_db=20.0)["image"] - image.detach()).square().mean().backward()
    assert bool(torch.isfinite(image.grad).all())
    assert float((image.grad != 0).float().mean()) > 0.9


def test_half_precision_autocast_does_no_harm(photograph):
    image = photograph[:, :, :160, :160]
    plain = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image, snr_db=20.0)["psnr"].value.item()
    with torch.autocast("cpu", dtype=torch.float16):
        run = klt(rate=RateAllocator(target_cbr=0.05)).run(image=image, snr_db=20.0)
    assert run["psnr"].value.item() == pytest.approx(plain, abs=0.1)
    assert run["target_met"].item()


def test_an_infinite_snr(photograph):
    run = klt(rate=RateAllocator(target_cbr=0.05)).run(image=photograph[:, :, :64, :64], snr_db=float("inf"))
    assert run["erased"].tolist() == [False]
    assert run["psnr"].value.item() > 15


def test_the_best_quality_is_found_where_more_rate_does_not_help(photograph):
    image = photograph[:, :, :128, :128]
    top = klt(rate=RateAllocator(eta=1e6)).run(image=image, snr_db=0.0)["psnr"].value.item()
    best = klt(rate=RateAllocator(target_psnr=90.0)).run(image=image, snr_db=0.0)
    assert not best["target_met"].item()
    assert best["psnr"].value.item() >= top - 0.1
