"""GenED-SC as a system: what is sent, what the receiver knows, what the editor does; and its training."""

import pytest
import torch
from PIL import Image as PillowImage
from skimage import data
from torch import Tensor

from linksim import Flowgraph
from linksim.blocks import FixedRate, ForegroundRate, PictureEditor, Rayleigh, SalientCrops
from linksim.blocks.generative.codec import told_foreground
from linksim.errors import FileError, ParameterError, WeightsError
from linksim.flowgraphs import gened_sc
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader, SwinJSCCCodec
from linksim.flowgraphs.recipes.gened_editor import GenEDEditorRecipe
from linksim.flowgraphs.recipes.gened_sc import GenEDRecipe
from linksim.weights import named_tensors, write_weights

FOREGROUND = "link.transmitter.vectorizer.foreground"


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
        salient = PillowImage.new("L", (110, 100), 0)
        salient.paste(255, (20, 20, 80, 80))
        salient.save(tmp_path / "maps" / f"pictures_{number}.png")
    return tmp_path


def test_the_shipped_system_rebuilds_a_picture(picture):
    run = gened_sc().run(image=picture, snr_db=10.0, seed=1)
    assert float(run["coarse_psnr"].value) > 22
    assert float(run["psnr"].value) > float(run["coarse_psnr"].value) - 1.5
    assert run["edited"].tolist() == [True]
    assert not torch.equal(run["image"], run["coarse"])


def test_the_header_tells_the_foreground_and_is_paid_for(picture):
    told = gened_sc().run(image=picture, snr_db=10.0, seed=1, probe=[FOREGROUND])
    known, is_told = told_foreground(told["lengths"])
    assert is_told.tolist() == [True]
    assert torch.equal(known, told[FOREGROUND] > 0.5)
    untold = gened_sc(rate=ForegroundRate(ratio=1.0)).run(image=picture, snr_db=10.0, seed=1)
    assert told_foreground(untold["lengths"])[1].tolist() == [False]
    assert int(told["ledger"].header) > int(untold["ledger"].header)
    total = gened_sc(rate=ForegroundRate(target_cbr_total=1 / 24)).run(image=picture, snr_db=10.0, seed=1)
    assert float(total["cbr_total"].value) <= 1 / 24 + 1e-6


def test_a_lost_frame_is_not_edited(picture):
    run = gened_sc().run(image=picture, snr_db=-20.0, seed=1)
    assert run["erased"].tolist() == [True]
    assert run["edited"].tolist() == [False]
    assert torch.equal(run["image"], run["coarse"])


def test_it_runs_over_fading_in_batches_and_repeats(picture):
    link = gened_sc(channel=Rayleigh())
    pictures = torch.cat([picture, picture.flip(3)])
    first, second = (link.run(image=pictures, snr_db=10.0, seed=3)["image"] for _ in range(2))
    assert first.shape == pictures.shape
    assert torch.equal(first, second)


def test_another_codec_takes_the_place_of_the_first_stage(picture):
    run = gened_sc(codec=SwinJSCCCodec(), rate=FixedRate(target_cbr=1 / 24), editor=PictureEditor(weights=None)).run(
        image=picture, snr_db=10.0, seed=1
    )
    assert torch.equal(run["image"], run["coarse"])


def test_weights_of_another_codec_are_named():
    with pytest.raises(WeightsError, match="gened_encoder"):
        GenEDCodec("small")
    with pytest.raises(WeightsError, match="picture_editor"):
        PictureEditor(weights="small")


def trained(graph: Flowgraph, batch: int) -> dict[str, float]:
    """One step's gradient; gives the means of the scores."""
    out = graph.train()(batch=batch)
    out["loss"].value.mean().backward()
    return {name: float(score.value.detach().mean()) for name, score in out.items() if hasattr(score, "value")}


@pytest.mark.parametrize("printed", [False, True])
def test_a_step_of_training_reaches_all_of_the_first_stage(folders, printed):
    recipe = GenEDRecipe(pictures=(str(folders / "pictures"),), saliency=str(folders / "maps"), batch=2, crop=128,
                         as_printed=printed)  # fmt: skip
    scores = trained(recipe.graph().seed(1), 2)
    assert {"psnr", "salient_psnr", "matching", "contextual", "loss"} <= set(scores)
    assert all(each.grad is not None for part in recipe.parts.values() for each in part.parameters())


def test_the_recipes_validate_and_say_what_they_are(folders):
    given = {"pictures": (str(folders / "pictures"),), "saliency": str(folders / "maps"), "crop": 128, "batch": 2}
    recipe = GenEDRecipe(**given)
    assert {"psnr_1dB", "salient_1dB", "psnr_10dB", "salient_10dB", "covered", "foreground"} == set(recipe.validate())
    assert recipe.identity()["pictures"]["salient"] == 9
    own = folders / "own.safetensors"
    write_weights(own, dict(named_tensors(recipe.parts)))
    again = GenEDRecipe(start=str(own), **given)
    assert again.identity() != recipe.identity()
    editor = GenEDEditorRecipe(codec=str(own), **given)
    scores = trained(editor.graph().seed(1), 2)
    assert {"psnr", "coarse", "perceptual_loss", "discriminator_loss", "loss"} <= set(scores)
    assert all(each.grad is not None for part in editor.parts.values() for each in part.parameters())
    assert {"coarse_psnr", "edited_psnr", "coarse_brisque", "edited_brisque"} <= set(editor.validate())


def test_a_codec_of_the_light_transform_is_a_start(picture):
    from linksim.blocks.generative.codec import take_transform

    codec = GenEDCodec(None)
    assert codec.vectorizer is not None
    take_transform(codec.vectorizer, codec.encoder, codec.decoder, "light")
    link = gened_sc(codec=codec, header=IdealHeader(), editor=PictureEditor(weights=None))
    assert float(link.run(image=picture, snr_db=10.0, seed=1)["psnr"].value) > 20
    with pytest.raises(WeightsError, match="another transform"):
        take_transform(codec.vectorizer, codec.encoder, codec.decoder, "small")


def test_crops_keep_picture_and_map_together(folders):
    crops = SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=192)
    out = crops.seed(1)(batch=6)
    assert out.image.shape == (6, 3, 192, 192)
    assert 0.2 < float(out.mask.float().mean()) < 0.6
    assert torch.equal(crops.seed(1)(batch=6).image, out.image)


def test_pictures_without_maps_are_said(folders):
    with pytest.raises(FileError, match="--saliency"):
        SalientCrops(folders=(str(folders / "pictures"),))
    with pytest.raises(ParameterError, match="multiple of 64"):
        SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=100)
    (folders / "maps" / "pictures_3.png").write_text("no picture")
    with pytest.raises(FileError, match=r"pictures_3\.png"):
        SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=64).seed(1)(batch=60)
