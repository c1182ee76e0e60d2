"""The links beside SA-OOSC: what each uses, what each pays for, and what they share."""

import pytest
import torch

from linksim import Boxes, Detections, Flowgraph
from linksim.blocks import (
    AWGN,
    MSSSIM,
    AmplitudeFading,
    FixedRate,
    LagrangianRateAllocator,
    RateAllocator,
    Rayleigh,
    Rician,
)
from linksim.errors import OwnershipError, UnknownBlockError, UnknownPortError
from linksim.flowgraphs import deepjscc, ntscc, oosc, sa_oosc, swinjscc
from linksim.flowgraphs.parts import Codec, DeepJSCCCodec, SwinJSCCCodec
from linksim.weights import shipped_weights, weights_path

NOTHING = Detections(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1, 0))
LINKS = {f.__name__: f for f in (sa_oosc, oosc, ntscc, deepjscc, swinjscc)}
BOXES = Boxes(torch.tensor([[[160.0, 60.0, 290.0, 220.0]]]), torch.tensor([[3]]))


@pytest.fixture(scope="module")
def image(photograph):
    return photograph[:, :, 40:232, 130:386]


def at(name, channel=None, codec=None, **goal):
    """A link with its own kind of rate for a goal."""
    kinds = {"sa_oosc": LagrangianRateAllocator, "oosc": LagrangianRateAllocator, "ntscc": RateAllocator}
    return LINKS[name](codec=codec, rate=kinds.get(name, FixedRate)(**goal), channel=channel)


def send(name, image, snr_db, seed=1, **goal):
    """One run; OOSC is told that there are no objects."""
    more = {"detections": NOTHING} if name == "oosc" else {}
    return at(name, **goal).run(image=image, snr_db=snr_db, seed=seed, **more)


@pytest.mark.parametrize("name", LINKS)
def test_every_link_pays_for_everything_and_stays_within(image, name):
    link = at(name, target_cbr_total=0.05)
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
    kind = {"deepjscc": DeepJSCCCodec, "swinjscc": SwinJSCCCodec}[name]
    links = (at(name, target_cbr=1 / 16, codec=kind(weights)) for weights in (name, None))
    trained, untrained = (link.run(image=image, snr_db=10.0, seed=1) for link in links)
    assert trained["psnr"].value.item() > untrained["psnr"].value.item() + 1.0


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_importance_reaches_the_metrics_alone(image, name):
    link = at(name, target_cbr=1 / 24)
    plain, labelled = (link.run(image=image, boxes=b, snr_db=10.0, seed=4) for b in (None, BOXES))
    assert torch.equal(plain["image"], labelled["image"])
    assert plain["patch_psnr.high"].value.isnan().item()
    assert labelled["patch_psnr.high"].value.isfinite().item()


def test_oosc_uses_classes_and_not_what_truly_matters(image):
    link = oosc(rate=RateAllocator(target_cbr=1 / 24))
    person = Detections(BOXES.corners, torch.tensor([[0]]), torch.ones(1, 1))
    chair = Detections(BOXES.corners, torch.tensor([[56]]), torch.ones(1, 1))
    runs = {name: link.run(image=image, boxes=BOXES, detections=seen, snr_db=10.0, seed=4, probe=["rate.lengths"])
            for name, seen in {"nothing": NOTHING, "person": person, "chair": chair}.items()}  # fmt: skip
    high = runs["person"]["patch_psnr.high"].value.item()
    assert high > runs["nothing"]["patch_psnr.high"].value.item() + 0.5
    assert high > runs["chair"]["patch_psnr.high"].value.item() + 0.5
    link = sa_oosc(rate=RateAllocator(target_cbr=1 / 24))
    told = link.run(image=image, boxes=BOXES, snr_db=10.0, seed=4, probe=["rate.lengths"])
    # The table calls a person as important as these boxes do: the two links are one then.
    assert torch.equal(told["rate.lengths"], runs["person"]["rate.lengths"])
    assert torch.equal(told["image"], runs["person"]["image"])


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_a_file_keeps_the_link(image, name, tmp_path):
    link = at(name, target_cbr=0.05)
    link.save(tmp_path / "link.yaml")
    one, two = (fg.run(image=image, snr_db=8.0, seed=4) for fg in (link, Flowgraph.load(tmp_path / "link.yaml")))
    assert torch.equal(one["image"], two["image"])


@pytest.mark.parametrize("name", ["ntscc", "deepjscc", "swinjscc"])
def test_a_lost_header_is_an_erasure(image, name):
    batch = image.expand(2, -1, -1, -1)
    run = at(name, target_cbr=0.05).run(image=batch, snr_db=torch.tensor([-10.0, 10.0]), seed=1)
    assert run["erased"].tolist() == [True, False]
    assert run["image"][0].unique().tolist() == [0.5]
    alone = at(name, target_cbr=0.05).run(image=image, snr_db=-10.0, seed=1)
    assert alone["image"].unique().tolist() == [0.5]


@pytest.mark.parametrize("name", ["deepjscc", "swinjscc"])
@pytest.mark.parametrize("channel", [Rayleigh, AmplitudeFading])
def test_other_channels_are_drop_ins(image, name, channel):
    run = at(name, target_cbr=0.05, channel=channel()).run(image=image, snr_db=12.0, seed=5)
    assert run["image"].isfinite().all()
    assert run.labels["csi"] == {"Rayleigh": "perfect", "AmplitudeFading": "none"}[channel.__name__]


def test_any_link_takes_more_metrics(image):
    link = ntscc(rate=RateAllocator(target_cbr=0.05), metrics=[MSSSIM()])
    values = [link.run(image=image, snr_db=snr, seed=1)["ms_ssim"].value.item() for snr in (2.0, 14.0)]
    assert 0.8 < values[0] < values[1] < 1


# -- equal slopes


def test_equal_slopes_serve_every_level_better_than_alpha(image):
    """At the same rate, paper's weights: what is medium or low gets its share too."""
    corners = torch.tensor([[[32.0, 32, 96, 96], [112, 32, 176, 96], [32, 112, 96, 176]]])
    boxes = Boxes(corners, torch.tensor([[3, 2, 1]]))
    alpha, slopes = (link.run(image=image, boxes=boxes, snr_db=10.0, seed=1) for link in (
        sa_oosc(codec=Codec(importance_gain_db=0.0), rate=RateAllocator(target_cbr=1 / 24, alpha=16.0)),
        sa_oosc(codec=Codec(importance_gain_db=0.0), rate=LagrangianRateAllocator(target_cbr=1 / 24)),
    ))  # fmt: skip
    assert slopes["cbr"].value.item() <= 1 / 24
    for level in ("medium", "low", "nonbackground"):
        name = f"patch_psnr.{level}"
        assert slopes[name].value.item() > alpha[name].value.item() + 0.5


def test_more_power_for_importance_is_undone_at_the_other_end(image):
    rate = {"target_cbr": 1 / 24, "importance_weights": (1.0, 1.0, 1.0, 8.0)}
    link = {gain: sa_oosc(codec=Codec(importance_gain_db=gain), rate=LagrangianRateAllocator(**rate))
            for gain in (0.0, 4.0)}  # fmt: skip
    quiet = {gain: fg.run(image=image, boxes=BOXES, snr_db=60.0, seed=1) for gain, fg in link.items()}
    assert quiet[0.0]["psnr"].value.item() == pytest.approx(quiet[4.0]["psnr"].value.item(), abs=0.5)
    noisy = {gain: fg.run(image=image, boxes=BOXES, snr_db=8.0, seed=1) for gain, fg in link.items()}
    high = "patch_psnr.high"
    assert noisy[4.0][high].value.item() > noisy[0.0][high].value.item() + 0.3


def test_weights_without_a_table_of_their_own_take_that_of_the_default():
    for weights, table in (("ntscc", "light"), ("small", "small"), ("light", "light")):
        assert sa_oosc(codec=Codec(weights)).transmitter.rate.settings["distortion"] == table


# -- parts


def test_the_default_is_what_the_tables_praise(image):
    """Lagrangian rates, 4 dB of power for what matters, and a header as fast as the channel allows."""
    link = sa_oosc()
    rate = link.transmitter.rate
    assert isinstance(rate, LagrangianRateAllocator)
    assert rate.settings["importance_weights"] == (1.0, 2.0, 4.0, 8.0)
    assert rate.settings["header_code_rate"] == "auto"
    assert rate.settings["header_fields"] == ("base_rate",)
    assert link.transmitter.jscc_encoder.settings["importance_gain_db"] == 4.0
    paper = sa_oosc(codec=Codec(importance_gain_db=0.0), rate=RateAllocator())
    default, alpha = (fg.run(image=image, boxes=BOXES, snr_db=10.0, seed=1) for fg in (link, paper))
    assert default["patch_psnr.high"].value.item() > alpha["patch_psnr.high"].value.item() + 0.3


def test_a_header_is_faster_over_awgn_and_safe_where_the_channel_fades(image):
    link = at("ntscc", target_cbr=0.05)
    uses = {snr: link.run(image=image, snr_db=snr, seed=1)["ledger"].header.item() for snr in (2.0, 5.0, 10.0)}
    assert uses[2.0] > uses[5.0] > uses[10.0]
    for channel in (Rayleigh(), Rician()):
        # Given to the link, or put in the channel's place later.
        given, swapped = at("ntscc", target_cbr=0.05, channel=type(channel)()), at("ntscc", target_cbr=0.05)
        swapped.channel = channel
        for fading in (given, swapped):
            run = fading.run(image=image, snr_db=10.0, seed=1)
            assert run["ledger"].header.item() == uses[2.0]
            assert fading.transmitter.rate.settings["fading"]
    swapped.channel = AWGN()
    assert swapped.run(image=image, snr_db=10.0, seed=1)["ledger"].header.item() == uses[10.0]


@pytest.mark.parametrize("name", LINKS)
def test_what_a_rate_planned_for_the_header_is_what_it_cost(image, name):
    """Over AWGN and where it fades: the rate knows how its link's header is coded."""
    more = {"detections": NOTHING} if name == "oosc" else {}
    for channel, snr_db in ((AWGN, 5.0), (AWGN, 10.0), (Rayleigh, 14.0)):
        link = at(name, target_cbr_total=0.05, channel=channel())
        run = link.run(image=image, boxes=BOXES, snr_db=snr_db, seed=1, **more)
        assert run["cbr_total"].value.item() <= 0.05
        assert run["target_met"].item()


def test_parts_belong_to_one_link():
    codec = Codec()
    sa_oosc_link = sa_oosc(codec=codec)
    with pytest.raises(OwnershipError, match="already 'vectorizer' in flowgraph 'transmitter'"):
        sa_oosc(codec=codec)
    assert sa_oosc_link.transmitter.vectorizer is codec.vectorizer


def test_a_block_is_found_by_the_end_of_its_path(image):
    link = at("ntscc", target_cbr=0.05)
    run = link.run(image=image, snr_db=10.0, probe=["rate.lengths", "receiver.equalizer.out"])
    assert torch.equal(run["rate.lengths"], link.run(image=image, snr_db=10.0, probe=["transmitter.rate.lengths"])[
        link.transmitter.rate["lengths"]])  # fmt: skip
    assert link.find("rate") == ("transmitter.rate", link.transmitter.rate)
    with pytest.raises(UnknownBlockError, match="no block 'rat' in 'ntscc'; did you mean 'rate'"):
        link.find("rat")
    with pytest.raises(UnknownPortError, match="nothing to probe at 'rate.length'"):
        link.run(image=image, snr_db=10.0, probe=["rate.length"])


# -- what is shipped


def test_all_systems_have_weights_and_they_fit():
    names = shipped_weights()
    assert {"small", "ntscc", "deepjscc", "swinjscc", "student", "light", "enhancer"} <= set(names)
    assert sum(weights_path(name).stat().st_size for name in names) <= 110e6


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["deepjscc", "swinjscc"])
def test_a_gpu_gives_what_the_cpu_gives(image, name):
    qualities = []
    for device in ("cpu", "cuda"):
        link = at(name, target_cbr=0.05, channel=AWGN()).to(device)
        qualities.append(link.run(image=image.to(device), snr_db=20.0, seed=1)["psnr"].value.item())
    assert qualities[0] == pytest.approx(qualities[1], abs=0.3)
