"""NTSCC's published weights: the authors' numbers at every border, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from linksim.benches.codecs.imported import Imported
from linksim.benches.codecs.points import RATES
from linksim.blocks import (
    AWGN,
    EntropyRate,
    RateAllocator,
)
from linksim.blocks.jscc.published.ntscc_sizes import OFFICIAL
from linksim.blocks.jscc.undo_fading import to_symbols
from linksim.cli.links import make_link
from linksim.errors import ParameterError, WeightsError
from linksim.flowgraphs import ntscc
from linksim.flowgraphs.parts import (
    PublishedNTSCCCodec,
)
from linksim.published import import_weights
from linksim.published.ntscc import ntscc_sizes, ntscc_tensors
from linksim.types import ReceivedCodeword
from tests.linksim.test_published import close


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


def test_as_published_the_link_sends_what_the_authors_send(tmp_path, published_vectors):
    folder, out = published_vectors / "ntscc", tmp_path / "own.safetensors"
    import_weights("ntscc", folder / "tiny.pt", out)
    entry = json.loads((folder / "index.json").read_text())[0]
    vector = load_file(folder / "tiny_vector.safetensors")
    codec = PublishedNTSCCCodec(str(out), conventions="as published")
    link = ntscc(codec=codec, rate=EntropyRate(eta=entry["eta"])).eval()
    run = link.run(image=vector["input"], snr_db=10.0, seed=1, probe=["transmitter.serializer.out", "rate.lengths"])
    # Two real dimensions are a channel use.
    assert float(run["cbr"].value.mean()) == pytest.approx(float(vector["mask"].sum() / 2 / vector["input"].numel()))
    assert torch.equal(2 * run["rate.lengths"].flatten(), torch.tensor(entry["rates"])[vector["rate_index"].flatten()])
    assert run["ledger"].header.tolist() == [0, 0]
    # Mean power 1 over the batch, their order within a picture: patch by patch here, channel by channel there.
    sent = torch.view_as_real(run["transmitter.serializer.out"].samples).flatten(1)
    theirs = vector["symbols"] / (vector["symbols"].square().sum() / vector["mask"].sum() * 2).sqrt()
    for mine, of_picture in zip(sent, theirs, strict=True):
        nonzero = of_picture[of_picture != 0]
        assert torch.allclose(mine[mine != 0].sort().values, nonzero.sort().values, atol=1e-4)


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
