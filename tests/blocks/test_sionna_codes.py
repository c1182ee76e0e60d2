"""LDPC and polar codes through the bridge, and Sionna's own blocks wrapped."""

import pytest
import torch

from linksim import Decibels, Flowgraph
from linksim.blocks import (
    AWGN,
    BitSource,
    FrameErrors,
    LDPCDecoder,
    LDPCEncoder,
    PolarDecoder,
    PolarEncoder,
    QAMDemapper,
    QAMMapper,
    SionnaBlock,
)
from linksim.blocks.sionna.runtime import drawing_from, sionna_config
from linksim.errors import DimensionError, LinksimError, ParameterError, PortError
from linksim.flowgraphs import coded_qam
from linksim.montecarlo import Sweep

PAIRS = {"ldpc": (LDPCEncoder, LDPCDecoder), "polar": (PolarEncoder, PolarDecoder)}


def random_bits(batch, count, seed=1):
    return torch.randint(0, 2, (batch, count), generator=torch.Generator().manual_seed(seed)).byte()


def noisy(bits, sigma, seed=2):
    """LLRs of BPSK with 0 to -1 and 1 to +1, and noise of that deviation."""
    noise = sigma * torch.randn(bits.shape, generator=torch.Generator().manual_seed(seed))
    return 2 / sigma**2 * (2.0 * bits - 1 + noise)


@pytest.mark.parametrize("code", PAIRS)
@pytest.mark.parametrize(("k", "n"), [(1, 128), (13, 96), (40, 128), (257, 1000), (1000, 2000), (1013, 1150),
                                      (8424, 16000), (8425, 16001), (20001, 40002), (3000, 60000),
                                      (5000, 17000), (8400, 25000), (3800, 11500)])  # fmt: skip
def test_any_number_of_bits_comes_back(code, k, n):
    encoder, decoder = (kind(information_bits=k, coded_bits=n) for kind in PAIRS[code])
    bits = random_bits(2, k)
    coded = encoder(bits=bits)
    assert coded.shape == (2, n)
    found = decoder(llrs=noisy(coded, 0.35))
    assert torch.equal(found.bits, bits)
    assert torch.equal((found.llrs > 0).byte(), bits)
    assert found.passed.all()


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_bits_go_to_whole_symbols(order):
    n = 9000 * order
    encoder = LDPCEncoder(information_bits=4400 * order, coded_bits=n, bits_per_symbol=order)
    decoder = LDPCDecoder(information_bits=4400 * order, coded_bits=n, bits_per_symbol=order)
    bits = random_bits(1, 4400 * order)
    symbols = QAMMapper(bits_per_symbol=order)(bits=encoder(bits=bits))
    received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([3.5 * order]))
    found = decoder(llrs=QAMDemapper(bits_per_symbol=order)(received=received))
    assert torch.equal(found.bits, bits)
    assert found.passed.shape[1] == -(-(4400 * order + 24) // (8448 - 24))


@pytest.mark.parametrize("code", PAIRS)
def test_a_block_that_fails_is_told_from_those_that_pass(code):
    k, n = (20000, 40000) if code == "ldpc" else (2000, 4000)
    encoder, decoder = (kind(information_bits=k, coded_bits=n) for kind in PAIRS[code])
    bits = random_bits(3, k)
    llrs = noisy(encoder(bits=bits), 0.4)
    llrs[1, : n // 8] = 0.1 * torch.randn(n // 8, generator=torch.Generator().manual_seed(5))
    found = decoder(llrs=llrs)
    assert found.passed[[0, 2]].all()
    assert found.passed[1].tolist() == [False] + [True] * (found.passed.shape[1] - 1)
    share = k // found.passed.shape[1]
    assert torch.equal(found.bits[1, share + 100 :], bits[1, share + 100 :])


def test_the_code_is_the_standards_and_its_crc_too():
    """One block is Sionna's code of the bits with CRC24A behind them; several carry CRC24B each, as in 5G."""
    with drawing_from(torch.Generator()):
        from sionna.phy.fec.crc import CRCEncoder
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        whole, each = CRCEncoder("CRC24A"), CRCEncoder("CRC24B")
        short, long = LDPC5GEncoder(524, 1048), LDPC5GEncoder(5036, 10000)
    bits = random_bits(2, 500)
    expected = short(whole(bits.float())).byte()
    assert torch.equal(LDPCEncoder(information_bits=500, coded_bits=1048)(bits=bits), expected)
    bits = random_bits(1, 10000)
    blocks = whole(bits.float()).view(2, 5012)
    expected = long(each(blocks)).reshape(1, -1).byte()
    assert torch.equal(LDPCEncoder(information_bits=10000, coded_bits=20000)(bits=bits), expected)


def sionnas_link(code, k, n):
    """What a user of Sionna alone would write: (bits, decided bits) at Es/N0."""
    from sionna.phy import channel as channels
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder
    from sionna.phy.mapping import BinarySource, Demapper, Mapper
    from sionna.phy.utils import ebnodb2no

    source, mapper, demapper, channel = BinarySource(), Mapper("qam", 2), Demapper("app", "qam", 2), channels.AWGN()
    if code == "ldpc":
        encoder = LDPC5GEncoder(k + 24, n)
        decoder, k = LDPC5GDecoder(encoder, "boxplus", num_iter=20), k + 24
    else:
        encoder = Polar5GEncoder(k, n)
        decoder = Polar5GDecoder(encoder, "SCL", 8)

    def link(batch_size, ebno_db):
        noise = ebnodb2no(ebno_db, 1, 1.0)
        bits = source([batch_size, k])
        received = channel(mapper(encoder(bits)), noise)
        return bits, decoder(demapper(received, noise))

    return link


@pytest.mark.parametrize(("code", "k", "n", "snr_db", "frames"), [
    ("ldpc", 200, 448, 0.5, 1600), ("ldpc", 200, 448, 1.25, 1600), ("polar", 100, 200, 1.0, 1600),
    ("polar", 100, 200, 2.0, 1600),
])  # fmt: skip
def test_block_error_rates_are_those_of_sionnas_own_simulation(code, k, n, snr_db, frames):
    with drawing_from(torch.Generator().manual_seed(7)):
        from sionna.phy.utils import sim_ber

        theirs = sim_ber(sionnas_link(code, k, n), torch.tensor([snr_db]), 400, frames // 400, verbose=False)[1].item()
    grid = {"code": [code], "information_bits": [k], "code_rate": [k / n], "bits_per_symbol": [2], "snr_db": [snr_db]}
    table = Sweep(coded_qam, grid=grid, stop=f"trials={frames}", chunk=400, seed=3).run()
    row = table[table.metric == "bler"].iloc[0]
    assert row.trials == frames
    pooled = (theirs + row.estimate) / 2
    assert 0.005 < pooled < 0.9
    # Four standard deviations of the difference of two shares: one wrong verdict in 16,000.
    assert abs(theirs - row.estimate) < 4 * (2 * pooled * (1 - pooled) / frames) ** 0.5


def test_a_rate_gives_the_length_it_came_from():
    for k, n in ((68, 448), (51, 500), (200, 448), (1000, 2048)):
        assert coded_qam(information_bits=k, code_rate=k / n).encoder.settings["coded_bits"] == n


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("code", PAIRS)
def test_llrs_of_any_precision_are_decoded(code, dtype):
    encoder, decoder = (kind(information_bits=100, coded_bits=300) for kind in PAIRS[code])
    bits = random_bits(3, 100)
    assert torch.equal(decoder(llrs=noisy(encoder(bits=bits), 0.5).to(dtype)).bits, bits)


@pytest.mark.parametrize(("kind", "settings", "message"), [
    (LDPCEncoder, {"information_bits": 0}, "'information_bits' must be at least 1"),
    (LDPCEncoder, {"information_bits": 1000, "coded_bits": 1010}, "rate with checks is at most 0.95"),
    (LDPCEncoder, {"coded_bits": 2047, "bits_per_symbol": 2}, "multiple of 2"),
    (LDPCDecoder, {"iterations": 0}, "'iterations' must be at least 1"),
    (PolarEncoder, {"information_bits": 1000, "coded_bits": 1005}, "11 of a check"),
    (PolarDecoder, {"list_size": 3}, "a power of 2"),
])  # fmt: skip
def test_lengths_that_no_code_has_are_refused(kind, settings, message):
    with pytest.raises(ParameterError, match=message):
        kind(**settings)


def test_other_lengths_than_the_codes_are_refused():
    with pytest.raises(DimensionError, match="1024 bits a frame"):
        LDPCEncoder()(bits=random_bits(1, 1000))
    with pytest.raises(DimensionError, match="1024 bits a frame"):
        PolarDecoder()(llrs=torch.zeros(1, 1000))


# -- any block of Sionna's


def test_a_wrapped_block_works_in_a_flowgraph_and_a_file(tmp_path):
    fg = Flowgraph("scrambled", inputs={"snr_db": Decibels})
    fg.bits, fg.channel, fg.demapper, fg.errors = BitSource(length=64), AWGN(), QAMDemapper(), FrameErrors()
    fg.scrambler = SionnaBlock(block="fec.scrambling.TB5GScrambler", inputs={"bits": "Bits"}, outputs={"out": "Bits"})
    fg.mapper = SionnaBlock(
        block="mapping.Mapper",
        settings={"constellation_type": "qam", "num_bits_per_symbol": 4},
        inputs={"bits": "Bits"},
        outputs={"out": "Symbols"},
    )
    fg.connect(fg.bits, fg.scrambler, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.scrambler, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    run = fg.run(batch=5, snr_db=40.0, seed=1, probe=["mapper.out", "scrambler.out"])
    assert run["errors.out"].errors.sum() == 0
    ours = QAMMapper()(bits=run["scrambler.out"])
    torch.testing.assert_close(run["mapper.out"].samples, ours.samples)
    fg.save(tmp_path / "link.yaml")
    twin = Flowgraph.load(tmp_path / "link.yaml").run(batch=5, snr_db=40.0, seed=1, probe=["mapper.out"])
    assert torch.equal(twin["mapper.out"].samples, run["mapper.out"].samples)


def grid(**more):
    return {"sionna": "ofdm.ResourceGrid", "num_ofdm_symbols": 14, "fft_size": 16, "subcarrier_spacing": 30e3,
            "pilot_pattern": "kronecker", "pilot_ofdm_symbol_indices": [2, 11], **more}  # fmt: skip


def test_objects_among_the_parameters_are_made_too_and_follow_the_precision():
    mapper = SionnaBlock(
        block="ofdm.ResourceGridMapper",
        settings={"resource_grid": grid()},
        inputs={"symbols": "complex [batch, 1, 1, uses]"},
        outputs={"out": "complex [batch, 1, 1, 14, 16]"},
    )
    for dtype in (torch.complex64, torch.complex128):
        symbols = torch.ones(2, 1, 1, 12 * 16, dtype=dtype, requires_grad=True)
        out = mapper(symbols=symbols)
        assert out.dtype == dtype
        out.abs().square().sum().backward()
        assert symbols.grad.abs().min() > 0


def test_a_channel_model_is_a_source_and_draws_from_its_own_generator():
    fading = SionnaBlock(
        block="channel.tr38901.TDL",
        settings={"model": "A", "delay_spread": 30e-9, "carrier_frequency": 3.5e9},
        arguments={"num_time_steps": 3, "sampling_frequency": 1e4},
        inputs={},
        outputs={"gains": "complex [batch, 1, 1, 1, 1, paths, 3]", "delays": "float [batch, 1, 1, paths]"},
    )
    before = torch.random.get_rng_state(), sionna_config().torch_rng("cpu").get_state()
    first, again, other = (fading.seed(seed)(batch=2)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert torch.equal(before[1], sionna_config().torch_rng("cpu").get_state())
    assert fading.is_source


def test_a_tensor_of_another_rank_is_refused_where_sionna_would_broadcast_it():
    settings = {"resource_grid": grid(), "normalize_channel": False}
    settings["channel_model"] = {"sionna": "channel.RayleighBlockFading", "num_rx": 1, "num_rx_ant": 1, "num_tx": 1,
                                 "num_tx_ant": 1}  # fmt: skip
    channel = SionnaBlock(
        block="channel.OFDMChannel",
        settings=settings,
        inputs={"x": "complex [batch, 1, 1, 14, 16]", "no": "float [batch]"},
        outputs={"out": "complex [batch, 1, 1, 14, 16]"},
    )
    no = torch.full((3,), 0.1)
    assert channel.seed(1)(x=torch.ones(3, 1, 1, 14, 16, dtype=torch.complex64), no=no).shape == (3, 1, 1, 14, 16)
    with pytest.raises(LinksimError, match=r"x.*complex \[batch, 1, 1, 14, 16\]"):
        channel(x=torch.ones(14, 16, dtype=torch.complex64), no=no)


def test_normalising_every_realisation_is_refused():
    with pytest.raises(ParameterError, match="'normalize_channel' must be off"):
        SionnaBlock(block="channel.OFDMChannel", settings={"normalize_channel": True})


def test_what_sionna_draws_by_numpy_or_python_comes_from_the_block_too(tmp_path):
    bits = random_bits(2, 64)
    config = sionna_config()
    before = config.np_rng.bit_generator.state, config.py_rng.getstate()
    fresh = {"block": "fec.scrambling.Scrambler", "settings": {"keep_state": False}}
    one, other = SionnaBlock(**fresh), SionnaBlock(**fresh)
    first, second = one.seed(1)(bits=bits), one(bits=bits)
    assert torch.equal(first, other.seed(1)(bits=bits))
    assert not torch.equal(first, second)
    assert not torch.equal(first, other.seed(2)(bits=bits))
    fg = Flowgraph("scrambled")
    fg.bits, fg.scrambler = BitSource(length=64), SionnaBlock()
    fg.connect(fg.bits, fg.scrambler, fg["out"])
    fg.save(tmp_path / "link.yaml")
    twin = Flowgraph.load(tmp_path / "link.yaml")
    assert torch.equal(fg.run(batch=2, seed=3)["out"], twin.run(batch=2, seed=3)["out"])
    assert (config.np_rng.bit_generator.state, config.py_rng.getstate()) == before


@pytest.mark.parametrize(("settings", "message"), [
    ({"block": "utils.plotting.PlotBER", "arguments": {"save_fig": True, "path": "x.png"}}, "no block 'utils.plotting"),
    ({"block": "config.Config"}, "no block 'config.Config'"),
    ({"block": "mapping.Mapper", "settings": {"device": "cpu"}}, "has no parameter 'device'"),
    ({"block": "ofdm.ResourceGridMapper", "settings": {"resource_grid": {"sionna": "ofdm.ResourceGrid", "fft": 3}}},
     "'ofdm.ResourceGrid' of Sionna has no parameter 'fft'"),
    ({"block": "fec.Nothing"}, "no block 'fec.Nothing' in sionna.phy"),
    ({"block": "mapping.np"}, "no block 'mapping.np'"),
    ({"block": "..os.path"}, "no block"),
    ({"block": "mapping.Mapper", "settings": {"order": 4}}, "has no parameter 'order'; it has constellation_type"),
])  # fmt: skip
def test_what_sionna_does_not_have_is_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        SionnaBlock(**settings)


def test_types_that_cannot_be_read_are_refused():
    for text in ("Bitz", "complex", "complex [n]", "complex [batch, n-1]"):
        with pytest.raises(PortError, match="port type|dimensions"):
            SionnaBlock(inputs={"bits": text})


def test_parameters_that_sionna_refuses_are_named():
    mapper = SionnaBlock(block="mapping.Mapper", settings={"constellation_type": "qam", "num_bits_per_symbol": 3},
                         outputs={"out": "Symbols"})  # fmt: skip
    with pytest.raises(LinksimError, match=r"Sionna's 'mapping.Mapper' cannot be made of"):
        mapper(bits=random_bits(1, 6))


def test_the_sign_of_llrs_is_ours():
    """ln P(1)/P(0): both say the same of a strong 1, and a decoder takes them as they are."""
    demapper = SionnaBlock(
        block="mapping.Demapper",
        settings={"demapping_method": "app", "constellation_type": "qam", "num_bits_per_symbol": 2},
        inputs={"y": "complex [batch, uses]", "no": "float [batch, uses]"},
        outputs={"out": "LLRs"},
    )
    symbols = QAMMapper(bits_per_symbol=2)(bits=torch.tensor([[1, 0, 0, 1]], dtype=torch.uint8))
    assert (demapper(y=symbols.samples, no=torch.full((1, 2), 0.1)) > 0).tolist() == [[True, False, False, True]]


def test_ebnodb2no_with_a_grid_counts_the_overhead_already():
    """So our ledger, which bills pilots and prefix, must not be fed with it: they would count twice."""
    with drawing_from(torch.Generator()):
        from sionna.phy.ofdm import ResourceGrid
        from sionna.phy.utils import ebnodb2no

        resource_grid = ResourceGrid(num_ofdm_symbols=14, fft_size=64, subcarrier_spacing=30e3, cyclic_prefix_length=16,
                                     pilot_pattern="kronecker", pilot_ofdm_symbol_indices=[2, 11])  # fmt: skip
        plain = float(ebnodb2no(torch.tensor(10.0), 2, 0.5))
        counted = float(ebnodb2no(torch.tensor(10.0), 2, 0.5, resource_grid))
    assert plain == pytest.approx(0.1)
    uses = 14 * (64 + 16)
    assert counted / plain == pytest.approx(uses / (12 * 64), rel=0.01)


@pytest.mark.gpu
def test_codes_and_wrapped_blocks_run_on_a_gpu():
    bits = random_bits(2, 1024).cuda()
    coded = LDPCEncoder().to("cuda")(bits=bits)
    assert torch.equal(LDPCDecoder().to("cuda")(llrs=8.0 * coded - 4.0).bits, bits)
    assert SionnaBlock().to("cuda").seed(1)(bits=bits).device.type == "cuda"
