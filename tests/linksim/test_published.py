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

from linksim.blocks import (
    FixedRate,
)
from linksim.cli.app import app
from linksim.errors import FileError, ParameterError, WeightsError
from linksim.flowgraphs import deepjscc_cnn
from linksim.flowgraphs.parts import (
    DeepJSCCCNNCodec,
    IdealHeader,
    NoHeader,
    PublishedSwinJSCCCodec,
)
from linksim.published import import_weights
from linksim.published.checkpoint import read_checkpoint
from linksim.weights import read_weights

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


def close(found: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Within a ten-thousandth of the range."""
    return float((found - theirs).abs().max()) <= 1e-4 * float(theirs.max() - theirs.min())


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
