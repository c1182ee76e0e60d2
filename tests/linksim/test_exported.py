"""ONNX files of a codec's ends: onnxruntime gives what the link gives, and what cannot be exported is refused."""

import math
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from linksim.blocks import DeepJSCCCNNDecoder, FixedRate
from linksim.cli.app import app
from linksim.errors import LinksimError, OwnershipError, ParameterError
from linksim.exported import export_onnx
from linksim.exported.recording import record
from linksim.flowgraphs.parts import (
    Codec,
    DeepJSCCCNNCodec,
    IdealHeader,
    KLTCodec,
    PictureCodec,
    PublishedSwinJSCCCodec,
    SwinJSCCCodec,
    picture_link,
)
from linksim.published import import_weights
from linksim.types import ReceivedCodeword, Tokens

SIZE = (40, 72)


def run(path: Path, **inputs: Tensor) -> dict[str, Tensor]:
    """The outputs of an ONNX file by name."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    found = session.run(names, {name: tensor.numpy() for name, tensor in inputs.items()})
    return dict(zip(names, map(torch.from_numpy, found), strict=True))


def picture() -> Tensor:
    """A smooth picture of odd edges."""
    coarse = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(3))
    return nn.functional.interpolate(coarse, size=SIZE, mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def adaptive(tmp_path_factory, published_vectors) -> str:
    """Weights of SwinJSCC that adapt to SNR and rate."""
    out = tmp_path_factory.mktemp("adaptive") / "own.safetensors"
    import_weights("swinjscc", published_vectors / "swinjscc" / "hr_sara.pt", out)
    return str(out)


def check(make, cbr: float | None, folder: Path) -> None:
    """Both files against the link with the same codec, over AWGN."""
    written = export_onnx(make(), folder, size=SIZE, target_cbr=cbr)
    codec: PictureCodec = make()
    rate = FixedRate(target_cbr=written.uses / (3 * math.prod(SIZE)) * 1.001)
    link = picture_link("link", codec, rate, header=IdealHeader(), uses_importance=False).eval()
    probes = ["transmitter.serializer.out", "transmitter.normalizer.power", "receiver.equalizer.out"]
    if codec.channels:
        probes.append("transmitter.jscc_encoder.channels")
    found = link.run(image=picture(), snr_db=7.0, seed=5, probe=probes)
    sent = run(written.encoder, image=picture(), snr_db=torch.tensor([7.0]))
    payload = torch.view_as_real(found["transmitter.serializer.out"].samples)
    assert sent["symbols"].shape == (1, written.uses, 2)
    assert torch.allclose(sent["symbols"], payload, atol=1e-4)
    assert torch.allclose(sent["power"], found["transmitter.normalizer.power"], rtol=1e-4)
    received = found["receiver.equalizer.out"]
    told = {"power": sent["power"]}
    if codec.channels:
        assert torch.equal(sent["channels"], found["transmitter.jscc_encoder.channels"])
        told["channels"] = sent["channels"]
    rebuilt = run(
        written.decoder,
        symbols=torch.view_as_real(received.symbols.samples / received.gain),
        noise_variance=received.noise_variance / received.gain.abs().square(),
        **told,
    )
    assert torch.allclose(rebuilt["image"], found["image"], atol=1e-4)
    assert all(difference < 1e-4 for difference in written.differences.values())


def test_the_codec_can_stand_in_a_link_afterwards(tmp_path):
    codec = DeepJSCCCNNCodec(None)
    export_onnx(codec, tmp_path, size=(16, 32))
    link = picture_link("link", codec, FixedRate(target_cbr=0.1), header=IdealHeader(), uses_importance=False)
    assert link.run(image=torch.rand(1, 3, 16, 32), snr_db=5.0)["image"].shape == (1, 3, 16, 32)
    with pytest.raises(OwnershipError):
        export_onnx(codec, tmp_path, size=(16, 32))


@pytest.mark.parametrize(
    ("make", "cbr"),
    [(DeepJSCCCNNCodec, None), (lambda: Codec("light"), 0.03), (SwinJSCCCodec, 0.03)],
    ids=["deepjscc_cnn", "light", "swinjscc"],
)
def test_the_files_give_what_the_link_gives(make, cbr, tmp_path):
    check(make, cbr, tmp_path)


def test_a_mask_of_channels_is_an_output_and_an_input(adaptive, tmp_path):
    check(lambda: PublishedSwinJSCCCodec(adaptive), 0.03, tmp_path)


def test_the_files_say_what_they_are_for(tmp_path):
    written = export_onnx(DeepJSCCCNNCodec(None), tmp_path / "new", size=(32, 32))
    told = {each.key: each.value for each in onnx.load(written.decoder).metadata_props}
    assert (told["size"], told["uses_per_patch"]) == ("[32, 32]", str(written.uses_per_patch))
    assert written.uses == 4 * written.uses_per_patch


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    cases = (
        (KLTCodec(), {}, "decoder needs more than a picture and a rate: .*power_loading"),
        (Codec(None, transform="conv_light", effort=2), {}, "searches"),
        (DeepJSCCCNNCodec(None), {"target_cbr": 0.1}, "one rate"),
        (SwinJSCCCodec(None), {"target_cbr": 1e-4}, "at least"),
        (SwinJSCCCodec(None), {"size": (0, 16)}, "height and width"),
        (SwinJSCCCodec(None), {"size": (16.0, 16)}, "height and width"),
    )
    for codec, changed, message in cases:
        with pytest.raises(ParameterError, match=message):
            export_onnx(codec, tmp_path / "out", **{"size": (32, 32), **changed})
    monkeypatch.setattr("linksim.exported.onnx.TOLERANCE", -1.0)
    with pytest.raises(LinksimError, match="differs from torch"):
        export_onnx(DeepJSCCCNNCodec(None), tmp_path / "out", size=(16, 16))
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(LinksimError, match=r"onnxscript is not installed.*linksim\[onnx\]"):
        export_onnx(DeepJSCCCNNCodec(None), tmp_path / "out", size=(16, 16))
    (tmp_path / "file").write_text("mine")
    monkeypatch.undo()
    with pytest.raises(ParameterError, match="no folder"):
        export_onnx(DeepJSCCCNNCodec(None), tmp_path / "file", size=(16, 16))
    assert not (tmp_path / "out").exists()


class Odd(nn.Module):
    """Changes values in place, also by views, decides by a value of a constant, gives parts of an operation."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Four outputs, the last of them a constant."""
        table = torch.zeros_like(x)
        table[torch.tensor([0, 2])] = x[:2]
        moved = x * 1.0
        moved[1:] = x[:2] + 1
        moved.view(3, 1).mul_(2)
        count = int(torch.tensor([2, 2]).unique()[0])
        assert bool((x < 100).all())
        return table * 2, moved, x.topk(count).values, torch.arange(3)


class Forbidden(nn.Module):
    """What a recording would freeze."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """The input, in one way or another."""
        table = torch.zeros(3)
        if self.kind == "part":
            table[1:] = x[:2]
        else:
            table += x
        return (table,)


class Deciding(DeepJSCCCNNDecoder):
    """Decides by a number that it reads out of its input."""

    def forward(self, received: ReceivedCodeword) -> Tokens:
        """Half as bright where the noise is strong."""
        return super().forward(received) * (1.0 if float(received.noise_variance.mean()) < 0.3 else 0.5)


def test_a_block_that_decides_by_its_inputs_is_noticed(tmp_path):
    codec = DeepJSCCCNNCodec(None)
    codec.decoder = Deciding()
    with pytest.raises(LinksimError, match=r"differs from torch.*image"):
        export_onnx(codec, tmp_path / "out", size=(16, 32))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["part", "whole"])
def test_what_a_recording_would_freeze_is_refused(kind):
    with pytest.raises(LinksimError, match="into a constant"):
        record(Forbidden(kind), {"x": torch.tensor([5.0, 1.0, 3.0])})


def test_a_recorded_module_does_what_the_module_does():
    graph = record(Odd(), {"x": torch.tensor([5.0, 1.0, 3.0])})
    for values in ([5.0, 1.0, 3.0], [-1.0, 2.0, 8.0], [0.0, 0.0, 1.0]):
        x = torch.tensor(values)
        assert all(torch.equal(*pair) for pair in zip(graph(x), Odd()(x), strict=True))


def test_the_command(tmp_path):
    asked = ["export", "onnx", "--link", "deepjscc", "--size", "32x48", "--cbr", "0.05", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"encoder.onnx", "decoder.onnx"}
    assert "channel uses for each patch of 16x16 pixels" in done.output
    for words, message in (
        (["onnx", "--size", "32"], "height x width"),
        (["tflite", "--size", "32x32"], "there is onnx"),
        (["onnx", "--size", "32x32", "--link", "uidsc"], "can be exported; known: deepjscc"),
    ):
        with pytest.raises(ParameterError, match=message):
            CliRunner().invoke(app, ["export", *words, "--out", str(tmp_path / "p")], catch_exceptions=False)
    assert not (tmp_path / "p").exists()
