"""The links beside SA-OOSC: what each heeds, what each pays for, and what they share."""

import pytest
import torch

from linksim import Boxes, Detections, Flowgraph
from linksim.blocks import AWGN, MSSSIM, Rayleigh, RealRayleigh
from linksim.flowgraphs import deepjscc, ntscc, oosc, sa_oosc, swinjscc
from linksim.weights import shipped_weights, weights_path

NOTHING = Detections(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1, 0))
LINKS = {f.__name__: f for f in (sa_oosc, oosc, ntscc, deepjscc, swinjscc)}
BOXES = Boxes(torch.tensor([[[160.0, 60.0, 290.0, 220.0]]]), torch.tensor([[3]]))


@pytest.fixture(scope="module")
def image(photograph):
    return photograph[:, :, 40:232, 130:386]


def send(name, image, snr_db, seed=1, **settings):
    """One run; OOSC is told that there are no objects."""
    more = {"detections": NOTHING} if name == "oosc" else {}
    return LINKS[name](**settings).run(image=image, snr_db=snr_db, seed=seed, **more)


@pytest.mark.parametrize("name", LINKS)
def test_every_link_pays_for_everything_and_stays_within(image, name):
    link = LINKS[name](target_cbr_total=0.05)
    more = {"detections": NOTHING} if name == "oosc" else {}
    run = link.run(image=image, snr_db=10.0, seed=2, probe=["serializer.out", "frame.out", "channel.out"], **more)
    ledger = run["ledger"]
    assert run["cbr_total"].value.item() <= 0.05
    # Every sample that went through the channel is on the ledger.
    frame = run["frame.out"]
    assert frame.length.item() == ledger.payload.item() + ledger.header.item()
    assert run["channel.out"].symbols.length.item() == frame.length.item()
    assert run["serializer.out"].samples.abs().square().mean().item() == pytest.approx(1.0, rel=1e-4)
    assert not run["erased"].item()


@pytest.mark.parametrize("name", LINKS)
def test_quality_rises_with_snr_and_rate(image, name):
    over_snr = [send(name, image, snr, 3, target_cbr=1 / 16)["psnr"].value.item() for snr in (1.0, 7.0, 13.0)]
    assert over_snr == sorted(over_snr)
    over_rate = [send(name, image, 10.0, 3, target_cbr=cbr)["psnr"].value.item() for cbr in (1 / 48, 1 / 24, 1 / 12)]
    assert over_rate == sorted(over_rate)
    assert over_rate[-1] > 24


@pytest.mark.parametrize("name", ["deepjscc", "swinjscc"])
def test_trained_weights_beat_the_closed_form_that_they_began_with(image, name):
    trained, untrained = (LINKS[name](target_cbr=1 / 16, **more).run(image=image, snr_db=10.0, seed=1)
                          for more in ({}, {"weights": None}))  # fmt: skip
    assert trained["psnr"].value.item() > untrained["psnr"].value.item() + 1.0


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_importance_reaches_the_metrics_alone(image, name):
    link = LINKS[name](target_cbr=1 / 24)
    plain, labelled = (link.run(image=image, boxes=b, snr_db=10.0, seed=4) for b in (None, BOXES))
    assert torch.equal(plain["image"], labelled["image"])
    assert plain["patch_psnr.high"].value.isnan().item()
    assert labelled["patch_psnr.high"].value.isfinite().item()


def test_oosc_heeds_classes_and_not_what_truly_matters(image):
    link = oosc(target_cbr=1 / 24)
    person = Detections(BOXES.corners, torch.tensor([[0]]), torch.ones(1, 1))
    chair = Detections(BOXES.corners, torch.tensor([[56]]), torch.ones(1, 1))
    runs = {name: link.run(image=image, boxes=BOXES, detections=seen, snr_db=10.0, seed=4, probe=["rate.lengths"])
            for name, seen in {"nothing": NOTHING, "person": person, "chair": chair}.items()}  # fmt: skip
    high = runs["person"]["patch_psnr.high"].value.item()
    assert high > runs["nothing"]["patch_psnr.high"].value.item() + 0.5
    assert high > runs["chair"]["patch_psnr.high"].value.item() + 0.5
    told = sa_oosc(target_cbr=1 / 24).run(image=image, boxes=BOXES, snr_db=10.0, seed=4, probe=["rate.lengths"])
    # The table calls a person as important as these boxes do: the two links are one then.
    assert torch.equal(told["rate.lengths"], runs["person"]["rate.lengths"])
    assert torch.equal(told["image"], runs["person"]["image"])


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_a_file_keeps_the_link(image, name, tmp_path):
    link = LINKS[name](target_cbr=0.05)
    link.save(tmp_path / "link.yaml")
    one, two = (fg.run(image=image, snr_db=8.0, seed=4) for fg in (link, Flowgraph.load(tmp_path / "link.yaml")))
    assert torch.equal(one["image"], two["image"])


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_a_lost_header_is_an_erasure(image, name):
    batch = image.expand(2, -1, -1, -1)
    run = LINKS[name](target_cbr=0.05).run(image=batch, snr_db=torch.tensor([-10.0, 10.0]), seed=1)
    assert run["erased"].tolist() == [True, False]
    assert run["image"][0].unique().tolist() == [0.5]
    alone = LINKS[name](target_cbr=0.05).run(image=image, snr_db=-10.0, seed=1)
    assert alone["image"].unique().tolist() == [0.5]


@pytest.mark.parametrize("name", ["deepjscc", "swinjscc"])
@pytest.mark.parametrize("channel", [Rayleigh, RealRayleigh])
def test_other_channels_are_drop_ins(image, name, channel):
    run = LINKS[name](target_cbr=0.05, channel=channel()).run(image=image, snr_db=12.0, seed=5)
    assert run["image"].isfinite().all()
    assert run.labels["csi"] == {"Rayleigh": "perfect", "RealRayleigh": "none"}[channel.__name__]


def test_ms_ssim_can_be_hung_on_any_link(image):
    link = ntscc(target_cbr=0.05)
    link.ms_ssim = MSSSIM()
    link.connect(link.concealment, link.ms_ssim["image"])
    link.connect(link["image"], link.ms_ssim["original"])
    link.connect(link.ms_ssim, link["ms_ssim"])
    values = [link.run(image=image, snr_db=snr, seed=1)["ms_ssim"].value.item() for snr in (2.0, 14.0)]
    assert 0.8 < values[0] < values[1] < 1


# -- equal slopes


def test_equal_slopes_serve_every_level_better_than_alpha(image):
    """At the same rate, paper's weights: what is medium or low gets its share too."""
    corners = torch.tensor([[[32.0, 32, 96, 96], [112, 32, 176, 96], [32, 112, 96, 176]]])
    boxes = Boxes(corners, torch.tensor([[3, 2, 1]]))
    alpha, slopes = (link.run(image=image, boxes=boxes, snr_db=10.0, seed=1) for link in (
        sa_oosc(target_cbr=1 / 24, alpha=16.0),
        sa_oosc(target_cbr=1 / 24, importance_weights=(1.0, 2.0, 4.0, 8.0)),
    ))  # fmt: skip
    assert slopes["cbr"].value.item() <= 1 / 24
    for level in ("medium", "low", "nonbackground"):
        name = f"patch_psnr.{level}"
        assert slopes[name].value.item() > alpha[name].value.item() + 0.5


def test_more_power_for_importance_is_undone_at_the_other_end(image):
    link = {gain: sa_oosc(target_cbr=1 / 24, importance_weights=(1.0, 1.0, 1.0, 8.0), importance_gain_db=gain)
            for gain in (0.0, 4.0)}  # fmt: skip
    quiet = {gain: fg.run(image=image, boxes=BOXES, snr_db=60.0, seed=1) for gain, fg in link.items()}
    assert quiet[0.0]["psnr"].value.item() == pytest.approx(quiet[4.0]["psnr"].value.item(), abs=0.5)
    noisy = {gain: fg.run(image=image, boxes=BOXES, snr_db=8.0, seed=1) for gain, fg in link.items()}
    high = "patch_psnr.high"
    assert noisy[4.0][high].value.item() > noisy[0.0][high].value.item() + 0.3


def test_weights_without_a_table_of_their_own_take_that_of_small():
    link = sa_oosc(target_cbr=0.05, weights="ntscc", importance_weights=(1.0, 2.0, 4.0, 8.0))
    assert link.foreseen.settings == {"table": "small"}


# -- what is shipped


def test_all_systems_have_weights_and_they_fit():
    names = shipped_weights()
    assert {"small", "ntscc", "deepjscc", "swinjscc", "student"} <= set(names)
    assert sum(weights_path(name).stat().st_size for name in names) <= 60e6


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["deepjscc", "swinjscc"])
def test_a_gpu_gives_what_the_cpu_gives(image, name):
    qualities = []
    for device in ("cpu", "cuda"):
        link = LINKS[name](target_cbr=0.05, channel=AWGN()).to(device)
        qualities.append(link.run(image=image.to(device), snr_db=20.0, seed=1)["psnr"].value.item())
    assert qualities[0] == pytest.approx(qualities[1], abs=0.3)
