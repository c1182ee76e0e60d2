"""The digital link: what it sends, what it loses, and what it says of it."""

from itertools import pairwise

import pytest
import torch

from linksim import Boxes, Symbols
from linksim.blocks import (
    AWGN,
    ControlDecoder,
    ControlEncoder,
    LinkAdaptation,
    OFDMChannel,
    Rayleigh,
    TransportDecoder,
    TransportEncoder,
)
from linksim.blocks.sionna.block_codes import LDPCCode, information_bits_at
from linksim.blocks.transport.control import CONTROL_USES
from linksim.blocks.transport.mcs import TARGET_BLER, best_scheme, schemes
from linksim.errors import LinksimError, ParameterError
from linksim.flowgraphs import DIGITAL_LINKS, separation
from linksim.montecarlo import Sweep
from linksim.theory import awgn_capacity, constellation_capacity, rayleigh_outage_probability

NAMES = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}


@pytest.fixture(scope="module")
def crop(photograph):
    return photograph[..., 64:256, 32:288]


def test_the_table_is_measured_ordered_and_under_capacity():
    table = schemes()
    assert [scheme.index for scheme in table] == list(range(len(table)))
    by_snr = sorted(table, key=lambda scheme: scheme.snr_db)
    for low, high in pairwise(by_snr):
        assert low.snr_db < high.snr_db
        assert low.efficiency < high.efficiency
    for scheme in table:
        capacity = constellation_capacity(scheme.snr_db, modulation=NAMES[scheme.bits_per_symbol])
        assert scheme.efficiency < capacity
        # And not far: 2,048 bits, 20 iterations and bitwise demapping cost at most 2.5 dB.
        near = constellation_capacity(scheme.snr_db - 2.5, modulation=NAMES[scheme.bits_per_symbol])
        assert scheme.efficiency > near
    import csv

    from linksim.blocks.transport.mcs import TABLE_FILE

    with TABLE_FILE.open() as file:
        for row in csv.DictReader(file):
            assert float(row["low"]) <= float(row["bler"]) <= TARGET_BLER
            assert float(row["high"]) < 4 * TARGET_BLER
            assert int(row["blocks"]) >= 4096
            # Of whole errors, to the three digits that stand there.
            errors = float(row["bler"]) * int(row["blocks"])
            assert errors == pytest.approx(round(errors), rel=5e-3)


def test_the_table_has_all_schemes_of_the_standard():
    # The column "spectral efficiency" of 3GPP TS 38.214, table 5.1.3.1-2.
    assert [round(scheme.efficiency, 4) for scheme in schemes()] == pytest.approx([
        0.2344, 0.3770, 0.6016, 0.8770, 1.1758, 1.4766, 1.6953, 1.9141, 2.1602, 2.4063, 2.5703, 2.7305, 3.0293, 3.3223,
        3.6094, 3.9023, 4.2129, 4.5234, 4.8164, 5.1152, 5.3320, 5.5547, 5.8906, 6.2266, 6.5703, 6.9141, 7.1602, 7.4063,
    ], abs=1e-4)  # fmt: skip


@pytest.mark.parametrize("scheme", schemes(), ids=lambda scheme: f"{scheme.bits_per_symbol}x{scheme.code_rate:.3f}")
def test_a_scheme_works_at_its_snr_and_fails_well_below(scheme):
    uses = 1100
    bits = torch.randint(0, 2, (12, uses * 8), generator=torch.Generator().manual_seed(1)).byte()
    index, count = torch.full((12,), scheme.index), torch.full((12,), uses)
    symbols = TransportEncoder()(bits=bits, scheme=index, uses=count)
    assert symbols.samples.abs().square().mean().item() == pytest.approx(1.0, abs=0.03)
    most = information_bits_at(uses * scheme.bits_per_symbol, scheme.code_rate)
    delivered = []
    for snr_db in (scheme.snr_db + 0.4, scheme.snr_db - 2.5):
        received = AWGN().seed(1)(symbols=symbols, snr_db=torch.full((12,), snr_db))
        found = TransportDecoder()(received=received, scheme=index, erased=torch.zeros(12, dtype=torch.bool))
        delivered.append((found.good == most).float().mean().item())
        for row, good in enumerate(found.good.tolist()):
            assert torch.equal(found.bits[row, :good], bits[row, :good])
    assert delivered[0] == 1.0
    assert delivered[1] < 0.3


@pytest.mark.parametrize("index", [0, 5, 11, 21])
def test_zeros_behind_a_stream_are_sent_at_full_power(index):
    bits, scheme, uses = torch.zeros(1, 10, dtype=torch.uint8), torch.tensor([index]), torch.tensor([3000])
    symbols = TransportEncoder()(bits=bits, scheme=scheme, uses=uses)
    assert symbols.samples.abs().square().mean().item() == pytest.approx(1.0, abs=0.06)
    assert symbols.samples.mean().abs().item() < 0.1


def test_frames_of_a_batch_have_schemes_of_their_own():
    snr_db = torch.tensor([-20.0, 3.0, 12.0, 40.0])
    grant = LinkAdaptation(target_cbr_total=0.3)(image=torch.zeros(4, 3, 64, 64), snr_db=snr_db)
    assert grant.scheme.tolist() == [best_scheme(snr).index for snr in snr_db.tolist()]
    assert grant.budget.tolist() == sorted(grant.budget.tolist())
    bits = torch.randint(0, 2, (4, int(grant.budget.max())), generator=torch.Generator().manual_seed(1)).byte()
    symbols = TransportEncoder()(bits=bits, scheme=grant.scheme, uses=grant.uses)
    alone = TransportEncoder()(bits=bits[1:2], scheme=grant.scheme[1:2], uses=grant.uses[1:2])
    assert torch.equal(symbols.samples[1], alone.samples[0])
    received = AWGN().seed(1)(symbols=symbols, snr_db=snr_db + 1.0)
    found = TransportDecoder()(received=received, scheme=grant.scheme, erased=torch.tensor([False, False, False, True]))
    assert found.good.tolist() == [0, grant.budget[1], grant.budget[2], 0]


def test_an_snr_that_stands_in_the_table_serves_its_scheme():
    for scheme in schemes():
        single = torch.tensor([scheme.snr_db], dtype=torch.float32)
        for link in (
            LinkAdaptation(target_cbr_total=0.3),
            LinkAdaptation(target_cbr_total=0.3, design_snr_db=scheme.snr_db),
        ):
            assert link(image=torch.zeros(1, 3, 64, 64), snr_db=single).scheme.item() == scheme.index


@pytest.mark.parametrize("coded", [44_839, 1000, 8448, 16896, 40_000, 126_001 * 6])
@pytest.mark.parametrize("rate", [120 / 1024, 0.25, 0.3343, 0.5, 948 / 1024])
def test_checks_and_information_fill_the_rate_and_no_more(coded, rate):
    most = information_bits_at(coded, rate)
    code = LDPCCode(most, coded, 1, 1)
    checks = 24 if code.blocks == 1 else 24 * (code.blocks + 1)
    assert (most + checks) / coded <= rate
    assert (most + 24 * 3 + code.blocks) / coded > rate - 24 * code.blocks / coded


def test_control_is_robust_and_never_wrong():
    scheme, size = torch.arange(40) % 19, torch.tensor([[192, 256]] * 40)
    symbols = ControlEncoder()(scheme=scheme, size=size)
    assert symbols.length.tolist() == [CONTROL_USES] * 40
    for snr_db, lost in ((-4.0, 0.0), (-20.0, 1.0)):
        received = AWGN().seed(1)(symbols=symbols, snr_db=torch.full((40,), snr_db))
        found = ControlDecoder()(received=received)
        assert found.erased.float().mean().item() == lost
        assert torch.equal(found.scheme[~found.erased], scheme[~found.erased])
    with pytest.raises(ParameterError, match="'height' must fit 16 bits"):
        ControlEncoder()(scheme=scheme[:1], size=torch.tensor([[70000, 3]]))
    short = Symbols(symbols.samples[:, :100], torch.full((40,), 100))
    received = AWGN().seed(1)(symbols=short, snr_db=torch.full((40,), 10.0))
    assert ControlDecoder()(received=received).erased.all()


def test_control_of_small_pictures_is_short_where_the_scheme_needs_a_good_channel():
    schemes_, size = torch.tensor([0, 2, 3, 18, 3]), torch.tensor([[64, 64]] * 4 + [[64, 64]])
    symbols = ControlEncoder()(scheme=schemes_, size=size)
    assert symbols.length.tolist() == [CONTROL_USES, CONTROL_USES, 164, 164, 164]
    for snr_db, lost in ((1.0, 0), (-20.0, 5)):
        received = AWGN().seed(1)(symbols=symbols, snr_db=torch.full((5,), snr_db))
        found = ControlDecoder()(received=received)
        assert int(found.erased.sum()) == lost
        if not lost:
            assert torch.equal(found.scheme, schemes_)
            assert found.size.tolist() == [[64, 64]] * 5
            assert torch.equal(found.uses, symbols.length)
    large = ControlEncoder()(scheme=schemes_[3:4], size=torch.tensor([[256, 256]]))
    assert large.length.tolist() == [CONTROL_USES]


@pytest.mark.parametrize("link", ["avif-ldpc", "jpeg-ldpc"])
def test_a_picture_arrives_within_its_bill(link, crop):
    fg = DIGITAL_LINKS[link](target_cbr_total=0.1)
    run = fg.run(image=crop, snr_db=14.0, seed=1, probe=["decoder.image", "encoder.bits", "transport_decoder.bits"])
    assert not run["erased"].any()
    assert run["target_met"].all()
    assert 0.0999 < run["cbr_total"].value.item() <= 0.1
    assert run["ledger"].header.item() == CONTROL_USES
    assert run["psnr"].value.item() > 22
    sent, received = run["encoder.bits"], run["transport_decoder.bits"]
    assert torch.equal(sent, received[:, : sent.shape[1]])
    assert run.labels == {"csi": "perfect", "header": "robust"}


def test_over_its_snr_a_link_of_fixed_rate_gains_nothing_and_below_it_falls_off_the_cliff(crop):
    fixed = separation(target_cbr_total=0.1, design_snr_db=10.0)
    adaptive = separation(target_cbr_total=0.1)
    need = best_scheme(10.0).snr_db
    shown = [fixed.run(image=crop, snr_db=snr, seed=1)["psnr"].value.item() for snr in (need - 3.0, 10.2, 20.0)]
    assert shown[0] < 15
    assert shown[1] == shown[2] > 20
    grown = [adaptive.run(image=crop, snr_db=snr, seed=1)["psnr"].value.item() for snr in (0.5, 10.2, 20.0)]
    assert grown == sorted(grown)
    assert grown[0] > shown[0]
    assert grown[1] == shown[1]


def test_at_capacity_it_is_better_than_any_code(crop):
    ideal = separation(target_cbr_total=0.1, ideal=True)
    run = ideal.run(image=crop, snr_db=10.0, seed=1, probe=["adaptation.budget", "adaptation.uses"])
    assert run["adaptation.budget"].item() == int(run["adaptation.uses"].item() * awgn_capacity(10.0))
    assert run.labels["channel code"] == "ideal"
    assert 0.0999 < run["cbr_total"].value.item() <= 0.1
    coded = separation(target_cbr_total=0.1).run(image=crop, snr_db=10.0, seed=1)
    assert run["psnr"].value.item() > coded["psnr"].value.item()


def test_on_slow_fading_without_feedback_capacity_is_missed_as_often_as_theory_says(crop):
    link = separation(target_cbr_total=0.05, ideal=True, channel=Rayleigh(), codec="jpeg")
    small = crop[..., :64, :64].repeat(200, 1, 1, 1)
    link.transmitter.adaptation = LinkAdaptation(target_cbr_total=0.5, ideal=True, design_snr_db=5.0)
    run = link.run(image=small, snr_db=10.0, seed=1)
    expected = float(rayleigh_outage_probability(10.0, rate=float(awgn_capacity(5.0))))
    lost = (run["psnr_delivered"].value.isnan()).float().mean().item()
    assert abs(lost - expected) < 4 * (expected * (1 - expected) / 200) ** 0.5


def test_lost_pictures_are_counted_in_a_sweep(crop):
    cases = [{"image": crop[..., :96, :96]}]
    table = Sweep(
        separation, grid={"design_snr_db": [12.0], "target_cbr_total": [0.2], "codec": ["jpeg"], "snr_db": [0.0, 14.0]},
        cases=cases, seed=1, stop="frames=2", over="noise",
    ).run()  # fmt: skip
    lost = table[table.metric == "erased"].set_index("snr_db").estimate
    assert lost[0.0] == 1.0
    assert lost[14.0] == 0.0


def test_importance_is_served_by_regions(photograph):
    boxes = Boxes(torch.tensor([[[180.0, 60.0, 280.0, 200.0]]]), torch.tensor([[3]]))
    high = {}
    for gain in (1.0, 2.0):
        link = separation(codec="webp", target_cbr_total=0.03, region_gain=gain)
        run = link.run(image=photograph, boxes=boxes, snr_db=12.0, seed=1)
        assert not run["erased"].any()
        high[gain] = run["patch_psnr.high"].value.item()
    assert high[2.0] > high[1.0] + 1.0


def test_an_ofdm_channel_takes_awgns_place(crop):
    link = separation(target_cbr_total=0.1, margin_db=6.0, channel=OFDMChannel(estimation="lmmse", model="tdl-d"))
    run = link.run(image=crop, snr_db=20.0, seed=2)
    assert not run["erased"].any()
    assert run["ledger"].pilots.item() > 0
    assert run.labels["csi"] == "estimated"


def test_files_and_batches(crop, tmp_path):
    from linksim import Flowgraph

    link = separation(target_cbr_total=0.1, codec="jpeg")
    link.save(tmp_path / "link.yaml")
    both = torch.cat([crop, crop.flip(3)])
    run = link.run(image=both, snr_db=12.0, seed=1)
    twin = Flowgraph.load(tmp_path / "link.yaml").run(image=both, snr_db=12.0, seed=1)
    assert torch.equal(run["image"], twin["image"])
    assert not torch.equal(run["image"][0], run["image"][1])


def test_what_cannot_be_sent_is_said(crop):
    with pytest.raises(LinksimError, match="leaves a picture of 192x256 no channel use beside the 448"):
        separation(target_cbr_total=0.003).run(image=crop, snr_db=10.0)
    with pytest.raises(ParameterError, match="no codec 'avi'"):
        separation(codec="avi")
    with pytest.raises(LinksimError, match="too few for the code's check at 10 dB"):
        separation(target_cbr_total=0.0031).run(image=crop, snr_db=10.0)
    infinite = separation(target_cbr_total=0.1, ideal=True, codec="jpeg").run(image=crop, snr_db=float("inf"))
    assert infinite["psnr"].value.item() > 38
    tiny = separation(target_cbr_total=0.0036).run(image=crop, snr_db=10.0)
    assert not tiny["target_met"].any()
    assert tiny["erased"].all()
