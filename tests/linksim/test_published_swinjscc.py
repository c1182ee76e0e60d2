"""SwinJSCC's published weights: the authors' numbers at every border, all sizes, and the mask of channels."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from linksim.blocks import (
    AWGN,
    FixedRate,
    PublishedSwinJSCCDecoder,
    PublishedSwinJSCCEncoder,
    RateAdaptiveSwinJSCCDecoder,
    RateAdaptiveSwinJSCCEncoder,
)
from linksim.blocks.jscc.undo_fading import to_symbols
from linksim.cli.links import make_link
from linksim.errors import ParameterError, WeightsError
from linksim.flowgraphs import swinjscc
from linksim.flowgraphs.parts import (
    IdealHeader,
    PublishedSwinJSCCCodec,
)
from linksim.published import import_weights
from linksim.published.swinjscc import swinjscc_tensors
from linksim.types import ReceivedCodeword
from linksim.weights import write_weights
from tests.linksim.test_published import CHECKPOINTS

PRECISIONS = ((torch.float32, 1e-4), (torch.bfloat16, 2e-2), (torch.float16, 2e-3))
"""Each with its bound on the difference from the authors' numbers, over their range."""


def within(found: torch.Tensor, theirs: torch.Tensor, bound: float) -> bool:
    return float((found - theirs).abs().max()) <= bound * float(theirs.max() - theirs.min())


def in_force(found: torch.Tensor, theirs: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether numbers differ as much as they must in half precision."""
    return dtype == torch.float32 or not within(found, theirs, 5e-5)


def in_precision(dtype: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16 if dtype == torch.float32 else dtype, enabled=dtype != torch.float32)


def swin_entries(folder: Path) -> list[dict]:
    return [each for each in json.loads((folder / "index.json").read_text()) if each["C"]]


@pytest.mark.parametrize(("dtype", "bound"), PRECISIONS)
@pytest.mark.parametrize("number", range(6))
def test_swinjscc_gives_the_authors_numbers_at_every_border(number, dtype, bound, tmp_path, published_vectors):
    folder, out = published_vectors / "swinjscc", tmp_path / "own.safetensors"
    entry = swin_entries(folder)[number]
    variant = "sa" if entry["variant"].endswith("_SA") else "base"
    import_weights("swinjscc", folder / entry["weights"], out, variant)
    vector, snr_db = load_file(folder / entry["file"]), torch.tensor([float(entry["snr"])])
    encoder, decoder = (kind(weights=str(out)) for kind in (PublishedSwinJSCCEncoder, PublishedSwinJSCCDecoder))
    rows, cols = (side // 16 for side in vector["input"].shape[2:])
    lengths = torch.full((1, rows, cols), encoder.sizes.lengths[0])
    with in_precision(dtype):
        codeword = encoder(tokens=vector["input"], lengths=lengths, snr_db=snr_db)
    cells = encoder.sizes.cells
    grid = (rows * cells, cols * cells)
    feature, received = (vector[name].transpose(1, 2).unflatten(2, grid) for name in ("feature", "received"))
    sent = to_symbols(torch.nn.functional.pixel_unshuffle(feature, cells))
    assert within(torch.view_as_real(codeword), torch.view_as_real(sent), bound)
    assert in_force(torch.view_as_real(codeword), torch.view_as_real(sent), dtype)
    # What arrived has the transmitter's amplitude again; a link normalises, and the header tells the power.
    power = sent.abs().square().mean((1, 2, 3))
    arrived = to_symbols(torch.nn.functional.pixel_unshuffle(received, cells)) / power.sqrt()
    noise = torch.full(arrived.shape, float(10 ** (-snr_db / 10)))
    with in_precision(dtype):
        shown = decoder(received=ReceivedCodeword(arrived, torch.ones_like(arrived), noise, lengths, power))
    assert within(shown, vector["output"], bound)
    assert in_force(shown, vector["output"], dtype)


def adaptive_entries(folder: Path) -> list[dict]:
    return [each for each in json.loads((folder / "index.json").read_text()) if not each["C"]]


@pytest.mark.parametrize(("dtype", "bound"), PRECISIONS)
@pytest.mark.parametrize("number", range(12))
def test_the_variants_that_adapt_to_the_rate_give_the_authors_numbers_too(
    number, dtype, bound, tmp_path, published_vectors
):
    folder, out = published_vectors / "swinjscc", tmp_path / "own.safetensors"
    entries = adaptive_entries(folder)
    assert len(entries) == 12
    entry = entries[number]
    import_weights("swinjscc", folder / entry["weights"], out)
    vector, snr_db = load_file(folder / entry["file"]), torch.tensor([float(entry["snr"])])
    encoder, decoder = (kind(weights=str(out)) for kind in (RateAdaptiveSwinJSCCEncoder, RateAdaptiveSwinJSCCDecoder))
    rows, cols = (side // 16 for side in vector["input"].shape[2:])
    cells, rate = encoder.sizes.cells, entry["rate"]
    lengths = torch.full((1, rows, cols), encoder.sizes.uses(rate))
    with in_precision(dtype):
        sent = encoder(tokens=vector["input"], lengths=lengths, snr_db=snr_db)
    grid = (rows * cells, cols * cells)
    feature, received = (vector[name].transpose(1, 2).unflatten(2, grid) for name in ("feature", "received"))
    assert sent.channels.sum() == rate
    assert not bool(feature[~sent.channels].any())

    def packed(features: torch.Tensor) -> torch.Tensor:
        return to_symbols(torch.nn.functional.pixel_unshuffle(features[sent.channels][None], cells))

    assert within(torch.view_as_real(sent.codeword), torch.view_as_real(packed(feature)), bound)
    assert in_force(torch.view_as_real(sent.codeword), torch.view_as_real(packed(feature)), dtype)
    power = packed(feature).abs().square().mean((1, 2, 3))
    arrived = packed(received) / power.sqrt()
    noise = torch.full(arrived.shape, float(10 ** (-snr_db / 10)))
    known = ReceivedCodeword(arrived, torch.ones_like(arrived), noise, lengths, power)
    with in_precision(dtype):
        shown = decoder(received=known, channels=sent.channels)
    assert within(shown, vector["output"], bound)
    assert in_force(shown, vector["output"], dtype)


@pytest.mark.parametrize("size", ["hr_base_base", "hr_small_sa", "hr_large_sa", "cifar_base",
                                  "hr_base_ra", "hr_large_sara", "cifar_sara", "cifar_ra"])  # fmt: skip
def test_the_official_sizes_are_recognised_by_their_names_and_shapes(size, published_vectors):
    said = json.loads((published_vectors / "swinjscc" / "official_keys.json").read_text())[size]
    given = {name: torch.empty(shape, device="meta") for name, shape in said["state"].items()}
    variant = size.rpartition("_")[2]
    read = swinjscc_tensors(given, Path("theirs.model"), variant)
    counted = sum(tensor.numel() for tensor in read.tensors.values())
    gates = sum(tensor.numel() for name, tensor in given.items() if "sm_list" in name or "bm_list" in name)
    # The published count has the gates of both variants.
    assert counted + (gates if variant == "base" else 0) == said["parameters"]


def test_swinjscc_runs_as_a_link_at_any_size_and_in_the_command(tmp_path, published_vectors):
    out = tmp_path / "own.safetensors"
    found = import_weights("swinjscc", published_vectors / "swinjscc" / "hr_sa.pt", out, "sa")
    assert found.what == "SwinJSCC adapted to the SNR, widths 16, 24, 32, 40, 6 uses per patch of 16x16 pixels"
    codec = PublishedSwinJSCCCodec(str(out))
    link = swinjscc(codec=codec, rate=FixedRate(target_cbr=6 / 768))
    run = link.run(image=torch.rand(2, 3, 37, 50), snr_db=10.0, seed=1)
    assert run["image"].shape == (2, 3, 37, 50)
    assert run["ledger"].payload.tolist() == [6 * 3 * 4] * 2
    made = make_link("swinjscc", AWGN(), {"target_cbr": 6 / 768}, weights=str(out))
    assert type(made.transmitter.jscc_encoder).__name__ == "PublishedSwinJSCCEncoder"
    # Who asks for no rate gets that of the weights.
    plain = make_link("swinjscc", AWGN(), {}, weights=str(out)).run(image=torch.rand(1, 3, 60, 64), snr_db=10.0, seed=1)
    assert plain["ledger"].payload.tolist() == [6 * 4 * 4]
    assert bool(plain["target_met"].all())
    own = make_link("swinjscc", AWGN(), {"target_cbr": 0.02}, weights="swinjscc")
    assert type(own.transmitter.jscc_encoder).__name__ == "SwinJSCCEncoder"


def test_the_channels_that_are_sent_cross_in_the_header(tmp_path, published_vectors):
    out = tmp_path / "own.safetensors"
    found = import_weights("swinjscc", published_vectors / "swinjscc" / "hr_sara.pt", out)
    assert found.what == "SwinJSCC adapted to SNR and rate, widths 16, 24, 32, 40, 1-20 uses per patch of 16x16 pixels"
    image = torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    codec, rate = PublishedSwinJSCCCodec(str(out)), FixedRate(target_cbr=96 / (3 * 37 * 50))
    link = swinjscc(codec=codec, rate=rate)
    run = link.run(image=image, snr_db=torch.tensor([10.0, -25.0]), seed=1, probe=["receiver.header_decoder.channels"])
    assert run["ledger"].payload.tolist() == [8 * 3 * 4] * 2
    told = run["receiver.header_decoder.channels"]
    # The second picture's header is lost: nothing is known of its channels, and it is gray.
    assert told.sum(1).tolist() == [16, 0]
    assert run["erased"].tolist() == [False, True]
    ideal = swinjscc(codec=PublishedSwinJSCCCodec(str(out)), rate=rate, header=IdealHeader())
    known = ideal.run(image=image[:1], snr_db=10.0, seed=1, probe=["transmitter.jscc_encoder.channels"])
    assert torch.equal(known["transmitter.jscc_encoder.channels"], told[:1])
    assert known["ledger"].header[0] == run["ledger"].header[0]
    # A rate that must stay within everything that is sent knows what the mask costs.
    all_in = swinjscc(codec=PublishedSwinJSCCCodec(str(out)), rate=FixedRate(target_cbr_total=0.04))
    both = all_in.run(image=torch.rand(1, 3, 64, 64), snr_db=10.0, seed=1)
    assert bool(both["target_met"].all())
    assert float(both["cbr_total"].value) <= 0.04
    # One length more of 16 patches would not fit.
    assert float(both["cbr_total"].value) * 3 * 64 * 64 + 16 > 0.04 * 3 * 64 * 64


@pytest.mark.parametrize("variant", ["sa", "base"])
def test_witt_gives_the_authors_numbers(variant, tmp_path):
    """The vector is what the authors' networks (KeYang8/WITT, commit 50b1ed9) make of a small seeded size at 7 dB."""
    vector, out = load_file(Path(__file__).parent / "witt_vector.safetensors"), tmp_path / "own.safetensors"
    weights = {name.removeprefix("weights."): tensor for name, tensor in vector.items() if name.startswith("weights.")}
    save_file(weights, tmp_path / "theirs.safetensors")
    found = import_weights("witt", tmp_path / "theirs.safetensors", out, variant)
    assert found.what.startswith("WITT " + ("adapted to the SNR" if variant == "sa" else "without adaptation"))
    codec, snr_db = PublishedSwinJSCCCodec(str(out)), torch.tensor([7.0, 7.0])
    lengths = torch.full((2, 2, 4), codec.encoder.sizes.lengths[0])
    feature, received = (vector[f"{name}.{variant}"].transpose(1, 2) for name in ("feature", "received"))

    def packed(features: torch.Tensor) -> torch.Tensor:
        return to_symbols(torch.nn.functional.pixel_unshuffle(features.unflatten(2, (8, 16)), 4))

    codeword = codec.encoder(tokens=vector["input"], lengths=lengths, snr_db=snr_db)
    assert within(torch.view_as_real(codeword), torch.view_as_real(packed(feature)), 1e-4)
    arrived, noise = packed(received), torch.full(codeword.shape, float(10**-0.7))
    known = ReceivedCodeword(arrived, torch.ones_like(arrived), noise, lengths, torch.ones(2))
    assert within(codec.decoder(received=known), vector[f"output.{variant}"], 1e-4)


def test_a_file_that_adapts_to_the_rate_is_none_of_witt(tmp_path, published_vectors):
    with pytest.raises(WeightsError, match=r"no file of WITT.*import swinjscc"):
        import_weights("witt", published_vectors / "swinjscc" / "hr_sara.pt", tmp_path / "own.safetensors")


def test_what_swinjscc_does_not_say_is_asked_for(tmp_path, published_vectors):
    folder, out = published_vectors / "swinjscc", tmp_path / "own.safetensors"
    for variant in ("", "ra", "sara"):
        with pytest.raises(ParameterError, match="--variant sa"):
            import_weights("swinjscc", folder / "hr_sa.pt", out, variant)
    with pytest.raises(ParameterError, match="holds the variant 'sara'"):
        import_weights("swinjscc", folder / "hr_sara.pt", out, "sa")
    with pytest.raises(ParameterError, match="does not adapt to the rate"):
        import_weights("swinjscc", folder / "hr_sa.pt", out, "ra")
    with pytest.raises(WeightsError, match="no file of SwinJSCC"):
        import_weights("swinjscc", published_vectors / "deepjscc" / f"{CHECKPOINTS[0]}.safetensors", out, "sa")
    with pytest.raises(ParameterError, match="no variants"):
        import_weights("deepjscc", published_vectors / "deepjscc" / f"{CHECKPOINTS[0]}.safetensors", out, "sa")
    given = torch.load(folder / "hr_sa.pt", weights_only=True)
    lacking = {name: tensor for name, tensor in given.items() if name != "decoder.layers.2.upsample.norm.bias"}
    torch.save(lacking, tmp_path / "lacking.pt")
    torch.save({**given, "decoder.odd": torch.zeros(2)}, tmp_path / "more.pt")
    for name, match in (("lacking", "splits.2.norm.bias|upsample.norm.bias"), ("more", "too many: 'decoder.odd'")):
        with pytest.raises(WeightsError, match=match):
            import_weights("swinjscc", tmp_path / f"{name}.pt", out, "sa")
    assert not out.exists()
    write_weights(out, {"published_swinjscc_encoder.x": torch.zeros(1)})
    with pytest.raises(WeightsError, match="linksim import swinjscc"):
        PublishedSwinJSCCCodec(str(out))
