"""Published weights: read safely, the same numbers as the authors' code at every border, and what is refused."""

import json
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from linksim.benches.codecs.imported import Imported
from linksim.benches.codecs.points import RATES
from linksim.blocks import (
    AWGN,
    FixedRate,
    PublishedSwinJSCCDecoder,
    PublishedSwinJSCCEncoder,
    RateAdaptiveSwinJSCCDecoder,
    RateAdaptiveSwinJSCCEncoder,
    RateAllocator,
)
from linksim.blocks.jscc.published.ntscc_sizes import OFFICIAL
from linksim.blocks.jscc.undo_fading import to_symbols
from linksim.cli.app import app
from linksim.cli.links import make_link
from linksim.errors import FileError, ParameterError, WeightsError
from linksim.flowgraphs import deepjscc_cnn, ntscc, swinjscc
from linksim.flowgraphs.parts import (
    DeepJSCCCNNCodec,
    IdealHeader,
    NoHeader,
    PublishedNTSCCCodec,
    PublishedSwinJSCCCodec,
)
from linksim.published import import_weights
from linksim.published.checkpoint import read_checkpoint
from linksim.published.ntscc import ntscc_sizes, ntscc_tensors
from linksim.published.swinjscc import swinjscc_tensors
from linksim.types import ReceivedCodeword
from linksim.weights import read_weights, write_weights

CHECKPOINTS = ["CIFAR10_4_7.0_0.08_AWGN", "CIFAR10_8_1.0_0.17_AWGN", "CIFAR10_8_13.0_0.17_AWGN",
               "CIFAR10_8_19.0_0.17_AWGN", "CIFAR10_8_7.0_0.17_AWGN", "CIFAR10_8_7.0_0.17_Rayleigh"]  # fmt: skip


def random_checkpoint(channels: int = 8) -> dict[str, torch.Tensor]:
    """Tensors of the names and shapes of a published file."""
    generator = torch.Generator().manual_seed(1)
    widths = (3, 16, 32, 32, 32, channels)
    found: dict[str, torch.Tensor] = {}
    for n, (before, after) in enumerate(pairwise(widths), 1):
        found[f"encoder.conv{n}.conv.weight"] = 0.1 * torch.randn(after, before, 5, 5, generator=generator)
        found[f"encoder.conv{n}.conv.bias"] = torch.zeros(after)
        found[f"encoder.conv{n}.prelu.weight"] = torch.tensor([0.1 * n])
    widths = (channels, 32, 32, 32, 16, 3)
    for n, (before, after) in enumerate(pairwise(widths), 1):
        found[f"decoder.tconv{n}.transconv.weight"] = 0.1 * torch.randn(before, after, 5, 5, generator=generator)
        found[f"decoder.tconv{n}.transconv.bias"] = torch.zeros(after)
        if n < 5:
            found[f"decoder.tconv{n}.activate.weight"] = torch.tensor([0.25])
    return found


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_deepjscc_gives_the_authors_numbers_at_every_border(name, tmp_path, published_vectors):
    out, folder = tmp_path / "own.safetensors", published_vectors / "deepjscc"
    import_weights("deepjscc", folder / f"{name}.safetensors", out)
    vector, codec = load_file(folder / f"{name}_vector.safetensors"), DeepJSCCCNNCodec(str(out))
    with torch.no_grad():
        encoded = codec.encoder.network(vector["input"])
        # Power 1 for each real dimension of a picture.
        encoded = encoded / encoded.square().mean((1, 2, 3), keepdim=True).sqrt()
        decoded = codec.decoder.network(vector["received"] / 2**0.5)
    for found, theirs in ((encoded, vector["encoded"]), (decoded, vector["output"])):
        assert float((found - theirs).abs().max()) <= 1e-4 * float(theirs.max() - theirs.min())


def test_deepjscc_reaches_the_authors_psnr_as_published(tmp_path, published_vectors):
    folder = published_vectors / "deepjscc"
    entry = next(each for each in json.loads((folder / "index.json").read_text()) if each["c"] == 8)
    out = tmp_path / "own.safetensors"
    import_weights("deepjscc", folder / entry["weights"], out)
    pixels = torch.from_numpy(np.load(folder / "cifar_test_500.npz")["pictures"]).float() / 255
    codec = DeepJSCCCNNCodec(str(out), conventions="as published")
    link = deepjscc_cnn(codec=codec, rate=FixedRate(target_cbr=1 / 6))
    for nominal in (7.0, 13.0):
        run = link.run(image=pixels, snr_db=nominal, seed=1)
        assert run.labels == {"snr": "nominal", "header": "none", "csi": "perfect"}
        found = float(run["psnr"].value.mean())
        # One draw's deviation is 0.01 dB there, and the authors' figure is of one draw.
        assert found == pytest.approx(entry["mean_psnr_db_by_nominal_snr"][str(nominal)], abs=0.05)


def test_as_published_is_the_same_link_at_another_snr_and_without_a_header():
    image = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    rate = FixedRate(target_cbr=1 / 12)
    theirs = deepjscc_cnn(codec=DeepJSCCCNNCodec(conventions="as published"), rate=rate)
    ours = deepjscc_cnn(rate=rate, header=NoHeader())
    runs = [link.run(image=image, snr_db=snr_db, seed=1) for link, snr_db in ((theirs, 7.0), (ours, 10.0103))]
    assert torch.allclose(runs[0]["image"], runs[1]["image"], atol=1e-5)
    assert runs[0]["ledger"].header.tolist() == [0, 0]
    paid = deepjscc_cnn(codec=DeepJSCCCNNCodec(conventions="as published"), rate=rate, header=IdealHeader())
    assert int(paid.run(image=image, snr_db=7.0, seed=1)["ledger"].header[0]) > 0
    batch = PublishedSwinJSCCCodec(conventions="as published").conventions
    assert (batch.power_over, batch.snr_offset_db) == ("batch", 0)
    with pytest.raises(ParameterError, match=r"no conventions 'published'.*as published"):
        DeepJSCCCNNCodec(conventions="published")


def swin_entries(folder: Path) -> list[dict]:
    return [each for each in json.loads((folder / "index.json").read_text()) if each["C"]]


@pytest.mark.parametrize("number", range(6))
def test_swinjscc_gives_the_authors_numbers_at_every_border(number, tmp_path, published_vectors):
    folder, out = published_vectors / "swinjscc", tmp_path / "own.safetensors"
    entry = swin_entries(folder)[number]
    variant = "sa" if entry["variant"].endswith("_SA") else "base"
    import_weights("swinjscc", folder / entry["weights"], out, variant)
    vector, snr_db = load_file(folder / entry["file"]), torch.tensor([float(entry["snr"])])
    encoder, decoder = (kind(weights=str(out)) for kind in (PublishedSwinJSCCEncoder, PublishedSwinJSCCDecoder))
    rows, cols = (side // 16 for side in vector["input"].shape[2:])
    lengths = torch.full((1, rows, cols), encoder.sizes.lengths[0])
    codeword = encoder(tokens=vector["input"], lengths=lengths, snr_db=snr_db)
    cells = encoder.sizes.cells
    grid = (rows * cells, cols * cells)
    feature, received = (vector[name].transpose(1, 2).unflatten(2, grid) for name in ("feature", "received"))
    sent = to_symbols(torch.nn.functional.pixel_unshuffle(feature, cells))
    assert close(torch.view_as_real(codeword), torch.view_as_real(sent))
    # What arrived has the transmitter's amplitude again; a link normalises, and the header tells the power.
    power = sent.abs().square().mean((1, 2, 3))
    arrived = to_symbols(torch.nn.functional.pixel_unshuffle(received, cells)) / power.sqrt()
    noise = torch.full(arrived.shape, float(10 ** (-snr_db / 10)))
    shown = decoder(received=ReceivedCodeword(arrived, torch.ones_like(arrived), noise, lengths, power))
    assert close(shown, vector["output"])


def adaptive_entries(folder: Path) -> list[dict]:
    return [each for each in json.loads((folder / "index.json").read_text()) if not each["C"]]


@pytest.mark.parametrize("number", range(12))
def test_the_variants_that_adapt_to_the_rate_give_the_authors_numbers_too(number, tmp_path, published_vectors):
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
    sent = encoder(tokens=vector["input"], lengths=lengths, snr_db=snr_db)
    grid = (rows * cells, cols * cells)
    feature, received = (vector[name].transpose(1, 2).unflatten(2, grid) for name in ("feature", "received"))
    assert sent.channels.sum() == rate
    assert not bool(feature[~sent.channels].any())

    def packed(features: torch.Tensor) -> torch.Tensor:
        return to_symbols(torch.nn.functional.pixel_unshuffle(features[sent.channels][None], cells))

    assert close(torch.view_as_real(sent.codeword), torch.view_as_real(packed(feature)))
    power = packed(feature).abs().square().mean((1, 2, 3))
    arrived = packed(received) / power.sqrt()
    noise = torch.full(arrived.shape, float(10 ** (-snr_db / 10)))
    known = ReceivedCodeword(arrived, torch.ones_like(arrived), noise, lengths, power)
    assert close(decoder(received=known, channels=sent.channels), vector["output"])


def close(found: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Within a ten-thousandth of the range."""
    return float((found - theirs).abs().max()) <= 1e-4 * float(theirs.max() - theirs.min())


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


def test_ntscc_gives_the_authors_numbers_at_every_border(tmp_path, published_vectors):
    folder, out = published_vectors / "ntscc", tmp_path / "own.safetensors"
    found = import_weights("ntscc", folder / "tiny.pt", out)
    assert found.what.startswith("NTSCC without side information, width 32, 6 rates to 16 uses")
    entry = json.loads((folder / "index.json").read_text())[0]
    vector, codec = load_file(folder / "tiny_vector.safetensors"), PublishedNTSCCCodec(str(out))
    seen = codec.vectorizer(tokens=vector["input"])
    assert close(seen.latent, vector["y"])
    assert close(codec.vectorizer.prior.parameters_of(seen.latent), vector["gaussian_parameters"])
    # A patch gets the smallest rate that is at least eta times its bits.
    rates = torch.tensor(entry["rates"])
    levels = torch.searchsorted(rates, (entry["eta"] * seen.entropy).contiguous()).clamp_max(len(rates) - 1)
    assert torch.equal(levels.flatten(), vector["rate_index"].flatten())
    lengths = rates[levels] // 2
    codeword = codec.encoder(latent=seen.latent, likelihood=seen.likelihood, lengths=lengths)
    sent = torch.view_as_real(codeword).flatten(-2).movedim(-1, 1)
    assert close(sent, vector["symbols"][:, : sent.shape[1]])
    assert not bool(vector["symbols"][:, sent.shape[1] :].any())
    # Their symbols in their order, with their power over the batch and their noise.
    mask = vector["mask"].bool()
    values = vector["symbols"][mask]
    noise = torch.stack([vector["noise_real"], vector["noise_imag"]], 1).flatten()
    arrived = torch.zeros_like(vector["symbols"])
    arrived[mask] = values + noise * (values.square().mean() * 2).sqrt() * (0.1 / 2) ** 0.5
    received = to_symbols(arrived[:, : sent.shape[1]])
    known = ReceivedCodeword(received, torch.ones_like(received), torch.ones(received.shape), lengths, torch.ones(2))
    latent = codec.decoder(received=known)
    assert close(latent, vector["y_decoded"])
    assert close(codec.devectorizer(latent=latent).clamp(0, 1), vector["output"])


def test_ntscc_runs_as_a_link_at_any_size(tmp_path, published_vectors):
    out = tmp_path / "own.safetensors"
    import_weights("ntscc", published_vectors / "ntscc" / "tiny.pt", out)
    link = ntscc(codec=PublishedNTSCCCodec(str(out)), rate=RateAllocator(target_cbr=6 / 768))
    run = link.run(image=torch.rand(2, 3, 37, 50), snr_db=10.0, seed=1, probe=["rate.lengths"])
    assert run["image"].shape == (2, 3, 37, 50)
    assert set(run["rate.lengths"].unique().tolist()) <= {2, 4, 6, 8, 12, 16}
    also = Imported(str(out))
    assert also.rates is RATES
    assert isinstance(also.link("awgn", "1/48").transmitter.rate, RateAllocator)
    made = make_link("ntscc", AWGN(), {"target_cbr": 6 / 768}, weights=str(out))
    assert type(made.transmitter.jscc_encoder).__name__ == "PublishedNTSCCEncoder"
    with pytest.raises(ParameterError, match="published weights know no effort"):
        make_link("ntscc", AWGN(), {"target_cbr": 6 / 768}, weights=str(out), effort=5)
    own = make_link("ntscc", AWGN(), {"target_cbr": 0.02}, effort=2)
    assert own.transmitter.jscc_encoder.settings["weights"] == "ntscc"


def test_ntscc_with_side_information_or_of_something_else_is_refused(tmp_path, published_vectors):
    folder, out = published_vectors / "ntscc", tmp_path / "own.safetensors"
    with pytest.raises(WeightsError, match="side information"):
        import_weights("ntscc", folder / "tiny_side.pt", out)
    with pytest.raises(WeightsError, match="no file of NTSCC"):
        import_weights("ntscc", published_vectors / "swinjscc" / "hr_sa.pt", out)
    given = torch.load(folder / "tiny.pt", weights_only=True)
    torch.save({name: value for name, value in given.items() if name != "fd.rate_token"}, tmp_path / "lacking.pt")
    with pytest.raises(WeightsError, match=r"lacks .*published_ntscc_decoder\.network\.rate\.token"):
        import_weights("ntscc", tmp_path / "lacking.pt", out)
    torch.save({**given, "entropy_bottleneck.quantiles": torch.ones(24)}, tmp_path / "shape.pt")
    with pytest.raises(WeightsError, match=r"quantiles' has the shape \[24\]"):
        import_weights("ntscc", tmp_path / "shape.pt", out)
    torch.save({**given, "more": torch.ones(1)}, tmp_path / "more.pt")
    with pytest.raises(WeightsError, match="has too many: 'more'"):
        import_weights("ntscc", tmp_path / "more.pt", out)
    assert not out.exists()
    with pytest.raises(WeightsError, match="holds no published NTSCC"):
        PublishedNTSCCCodec("small")


def test_the_official_size_of_ntscc_is_recognised(published_vectors):
    said = json.loads((published_vectors / "ntscc" / "official_keys.json").read_text())["official"]
    given = {name: torch.zeros(shape) for name, shape in said["state"].items()}
    given["fe.rate_choice_tensor"] = torch.tensor(OFFICIAL.rates)
    assert ntscc_sizes(given, Path("theirs.pth")) == OFFICIAL
    read = ntscc_tensors(given, Path("theirs.pth"))
    bottleneck = sum(tensor.numel() for name, tensor in given.items() if name.startswith("entropy_bottleneck._"))
    assert sum(tensor.numel() for tensor in read.tensors.values()) < said["parameters"] + bottleneck


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


def test_the_link_bills_the_rate_of_the_weights(tmp_path):
    save_file(random_checkpoint(24), tmp_path / "theirs.safetensors")
    found = import_weights("deepjscc", tmp_path / "theirs.safetensors", tmp_path / "own.safetensors")
    assert found.what == "DeepJSCC, 192 uses per patch of 16x16 pixels, CBR 0.2500"
    assert found.parameters == sum(t.numel() for t in read_weights(tmp_path / "own.safetensors").values())
    card = (tmp_path / "own.md").read_text()
    assert "theirs.safetensors" in card
    assert "SHA-256" in card
    codec = DeepJSCCCNNCodec(str(tmp_path / "own.safetensors"))
    run = deepjscc_cnn(codec=codec, rate=FixedRate(target_cbr=1 / 4)).run(
        image=torch.rand(1, 3, 45, 50), snr_db=10.0, seed=1
    )
    assert run["image"].shape == (1, 3, 45, 50)
    assert int(run["ledger"].payload) == 192 * 3 * 4


def test_a_state_dict_by_torch_save_is_read_also_inside_a_checkpoint(tmp_path):
    tensors = random_checkpoint()
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}}
    torch.save(wrapped, tmp_path / "theirs.pt")
    torch.save(tensors, tmp_path / "plain.pth", _use_new_zipfile_serialization=False)
    for name in ("theirs.pt", "plain.pth"):
        assert read_checkpoint(tmp_path / name).keys() == tensors.keys()
        import_weights("deepjscc", tmp_path / name, tmp_path / "own.safetensors")


class Bomb:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("it_ran"),)


def changed(**changes) -> dict[str, torch.Tensor]:
    tensors = random_checkpoint()
    for name, value in changes.items():
        plain = name.replace("__", ".")
        if value is None:
            del tensors[plain]
        else:
            tensors[plain] = value
    return tensors


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (Bomb(), FileError, "could run code"),
        ({"a": torch.zeros(2), "b": Bomb()}, FileError, "could run code"),
        ([torch.zeros(2)], WeightsError, "no state_dict"),
        ({}, WeightsError, "no state_dict"),
        ({"a": torch.zeros(2), "b": 3}, WeightsError, "no state_dict"),
        ({"a": torch.zeros(2)}, WeightsError, r"lacks 'encoder.conv5.conv.weight'"),
        (changed(decoder__tconv2__transconv__bias=None), WeightsError, "it lacks 'decoder.tconv2.transconv.bias'"),
        (changed(discriminator__weight=torch.zeros(3)), WeightsError, "too many: 'discriminator.weight'"),
        (changed(encoder__conv1__conv__bias=torch.zeros(17)), WeightsError, r"another shape .*\(\[17\] for \[16\]\)"),
        (changed(encoder__conv1__conv__bias=torch.full((16,), torch.nan)), WeightsError, "no finite numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_nothing_is_written(content, error, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(content, "theirs.pt", pickle_module=pickle)
    with pytest.raises(error, match=match):
        import_weights("deepjscc", Path("theirs.pt"), Path("own.safetensors"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theirs.pt"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
@pytest.mark.parametrize("name", ["theirs.pt", "theirs.safetensors"])
def test_a_file_that_is_cut_short_is_one_line(name, share, tmp_path):
    path = tmp_path / name
    if name.endswith(".pt"):
        torch.save(random_checkpoint(), path)
    else:
        save_file(random_checkpoint(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileError, match="theirs") as caught:
        import_weights("deepjscc", path, tmp_path / "own.safetensors")
    assert "\n" not in str(caught.value)


def test_the_command_says_what_it_read_and_refuses_bad_paths(tmp_path):
    save_file(random_checkpoint(), tmp_path / "theirs.safetensors")
    asked = ["import", "deepjscc", str(tmp_path / "theirs.safetensors"), "--out"]
    done = CliRunner().invoke(app, [*asked, str(tmp_path / "own.safetensors")])
    assert done.exit_code == 0
    assert "CBR 0.0833" in done.output
    assert "DeepJSCCCNNCodec" in done.output
    with pytest.raises(ParameterError, match="no published codec"):
        import_weights("deepjsc", tmp_path / "theirs.safetensors", tmp_path / "own.safetensors")
    with pytest.raises(ParameterError, match="must end in"):
        import_weights("deepjscc", tmp_path / "theirs.safetensors", tmp_path / "own.pt")
    with pytest.raises(ParameterError):
        import_weights("deepjscc", tmp_path / "theirs.safetensors", tmp_path / "theirs.safetensors")
    with pytest.raises(FileError, match="no file at"):
        import_weights("deepjscc", tmp_path / "nothing.pt", tmp_path / "own.safetensors")
