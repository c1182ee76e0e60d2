"""SGDJSCC as a system: three streams, one ledger, a receiver that is told no SNR; and its training."""

from pathlib import Path

import pytest
import torch
from PIL import Image as PillowImage
from skimage import data
from torch import Tensor

from linksim.blocks import Captioner, Rayleigh
from linksim.errors import ParameterError
from linksim.flowgraphs import caption_stream, sgdjscc
from linksim.flowgraphs.parts import IdealHeader, SGDJSCCCodec, SwinJSCCCodec
from linksim.flowgraphs.recipes.sgdjscc import LatentCrops, SGDJSCCRecipe
from linksim.types import Text
from linksim.weights import named_tensors, write_weights

TEXT = Text.of(["a woman in front of a flag"])


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.from_numpy(data.astronaut()[:256, 80:336]).movedim(-1, 0)[None].float() / 255


@pytest.fixture
def folders(tmp_path):
    """Pictures, and maps of what is salient in them."""
    for kind in ("pictures", "maps"):
        (tmp_path / kind).mkdir()
    for number in range(10):
        crop = data.astronaut()[: 200 + number, 80 + 10 * number : 300 + 10 * number]
        PillowImage.fromarray(crop).save(tmp_path / "pictures" / f"{number}.png")
        PillowImage.new("L", (110, 100), 255).save(tmp_path / "maps" / f"pictures_{number}.png")
    return {"pictures": (str(tmp_path / "pictures"),), "saliency": str(tmp_path / "maps"), "crop": 128, "batch": 2}


def test_all_three_streams_are_paid_for_within_one_target(picture):
    given = {"image": picture, "snr_db": 10.0, "seed": 1}
    link = sgdjscc(caption_link=caption_stream())
    run = link.run(text=TEXT, probe=["edge_link.cbr_ledger.ledger"], **given)
    edges = run["edge_link.cbr_ledger.ledger"]
    assert int(edges.payload) == 16 * 64
    beside = int(edges.payload + edges.header) + int(run["caption_uses"].value)
    assert int(run["ledger"].side_information) == beside
    assert 0.93 / 24 < float(run["cbr_total"].value) <= 1 / 24 + 1e-6
    assert run["text"].sentences == TEXT.sentences
    alone = sgdjscc(edges=False).run(**given)
    assert int(alone["ledger"].side_information) == 0
    assert int(alone["ledger"].payload) > int(run["ledger"].payload) + beside / 2
    assert "edges" not in alone


@pytest.mark.parametrize("snr_db", [1.0, 10.0])
def test_the_trained_denoiser_gains_over_the_filter_that_it_starts_from(picture, snr_db):
    given = {"image": picture, "snr_db": snr_db, "seed": 1}
    trained = sgdjscc(header=IdealHeader()).run(**given)
    filtered = sgdjscc(codec=SGDJSCCCodec(None), header=IdealHeader()).run(**given)
    assert float(trained["psnr"].value) > float(filtered["psnr"].value) + 0.1


def test_symbols_do_not_depend_on_the_snr(picture):
    probe = ["link.transmitter.serializer.out"]
    low, high = (
        sgdjscc(edges=False, header=IdealHeader()).run(image=picture, snr_db=snr_db, seed=1, probe=probe)[probe[0]]
        for snr_db in (0.0, 15.0)
    )
    assert low.length.tolist() == high.length.tolist()
    assert torch.equal(low.samples, high.samples)


def test_it_runs_over_fading_in_batches_and_repeats(picture):
    link = sgdjscc(captioner=Captioner(), channel=Rayleigh())
    pictures = torch.cat([picture, picture.flip(3)])[..., :250, :239]
    first, second = (link.run(image=pictures, snr_db=10.0, seed=3)["image"] for _ in range(2))
    assert first.shape == pictures.shape
    assert torch.equal(first, second)


def test_a_lost_frame_is_grey_and_lost_guides_are_none(picture):
    run = sgdjscc(caption_link=caption_stream()).run(image=picture, text=TEXT, snr_db=-20.0, seed=1)
    assert run["erased"].tolist() == [True]
    assert run["image"].eq(0.5).all()
    assert run["edges"].eq(0.5).all()
    assert run["text"].sentences == [""]


def test_a_codec_that_no_guide_helps_is_refused():
    with pytest.raises(ParameterError, match="takes no edges and no text"):
        sgdjscc(codec=SwinJSCCCodec(), caption_link=caption_stream())
    assert "edges" not in sgdjscc(codec=SwinJSCCCodec(), edges=False).output_ports


def test_a_step_of_training_reaches_all_of_the_denoiser(folders):
    recipe = SGDJSCCRecipe(**folders)
    out = recipe.graph().seed(1).train()(batch=2)
    assert float(out["loss"].value.mean()) < float(out["noise"].value.mean())
    out["loss"].value.mean().backward()
    assert all(each.grad is not None for each in recipe.denoiser.parameters())
    assert {"psnr_1dB", "brisque_1dB", "psnr_10dB", "brisque_10dB"} == set(recipe.validate())
    own = Path(folders["saliency"]) / "own.safetensors"
    write_weights(own, dict(named_tensors(recipe.parts)))
    assert SGDJSCCRecipe(start=str(own), **folders).identity() != recipe.identity()


def test_training_latents_have_the_noise_that_is_told(folders):
    pictures, maps = folders["pictures"], folders["saliency"]
    crops = LatentCrops(folders=pictures, maps=maps, crop=128, snr_db=(3.0, 3.0), cbr=(1 / 24, 1 / 24))
    found = crops.seed(1)(batch=8)
    noise = (found.received.codeword - found.sent)[..., :32]
    assert float(noise.abs().square().mean()) == pytest.approx(10**-0.3, rel=0.03)
    assert found.received.lengths.eq(32).all()
    assert float(found.sent.abs().square().sum() / found.received.lengths.sum()) == pytest.approx(1, rel=1e-5)
