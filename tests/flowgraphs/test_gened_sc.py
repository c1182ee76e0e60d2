"""GenED-SC as a system: what is sent, what the receiver knows, what the editor does; and its training."""

import pytest
import torch
from PIL import Image as PillowImage
from skimage import data
from torch import Tensor

from linksim import Flowgraph
from linksim.blocks import (
    CandidateEditor,
    Captioner,
    FixedRate,
    ForegroundRate,
    PictureEditor,
    PictureGenerator,
    Rayleigh,
    SalientCrops,
)
from linksim.blocks.generative.codec import take_swinjscc, told_foreground
from linksim.errors import FileError, ParameterError, WeightsError
from linksim.flowgraphs import caption_stream, gened_sc, hosonuma25, nam24, vlm_csc
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader, SwinJSCCCodec
from linksim.flowgraphs.recipes.gened_editor import GenEDEditorRecipe
from linksim.flowgraphs.recipes.gened_sc import GenEDRecipe
from linksim.flowgraphs.recipes.hosonuma25 import Hosonuma25Recipe
from linksim.types import Text
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


def test_a_caption_crosses_the_channel_and_is_paid_for(picture):
    text = Text.of(["a woman in front of a flag"])
    given = {"image": picture, "snr_db": 10.0, "seed": 1}
    rate = ForegroundRate(target_cbr_total=1 / 24)
    run = gened_sc(rate=rate, caption_link=caption_stream()).run(text=text, **given)
    assert run["text"].sentences == run["caption"].sentences == text.sentences
    uses = int(run["caption_uses"].value)
    assert uses > 50
    assert int(run["ledger"].side_information) == uses
    assert float(run["cbr_total"].value) <= 1 / 24 + 1e-6
    alone = gened_sc(rate=ForegroundRate(target_cbr_total=1 / 24)).run(**given)
    assert int(alone["ledger"].payload) > int(run["ledger"].payload) + uses / 2
    # A payload's target says nothing of the caption.
    beside = gened_sc(caption_link=caption_stream()).run(text=text, **given)
    assert int(beside["ledger"].payload) == int(gened_sc().run(**given)["ledger"].payload)


def test_a_lost_caption_is_empty_and_the_picture_is_edited(picture):
    link = gened_sc(caption_link=caption_stream(mode="paper"), header=IdealHeader())
    run = link.run(image=picture, text=Text.of(["a long sentence " * 8]), snr_db=1.0, seed=1)
    assert run["caption_erased"].tolist() == [True]
    assert run["text"].sentences == [""]
    assert run["edited"].tolist() == [True]


def test_a_captioner_speaks_over_a_channel_like_the_pictures(picture):
    link = gened_sc(captioner=Captioner(), channel=Rayleigh(coherence="symbol"))
    assert "text" not in link.input_ports
    assert link.caption_link.link.channel.settings == {"coherence": "symbol"}
    run = link.run(image=picture, snr_db=15.0, seed=1)
    assert len(run["caption"].sentences[0]) > 5


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


def test_a_step_of_training_reaches_all_of_the_drawing_network(folders):
    given = {"pictures": (str(folders / "pictures"),), "saliency": str(folders / "maps"), "crop": 128, "batch": 2}
    recipe = Hosonuma25Recipe(**given)
    scores = trained(recipe.graph().seed(1), 2)
    assert scores["coarse"] < 30
    assert all(each.grad is not None for part in recipe.parts.values() for each in part.parameters())
    assert {"coarse_psnr", "edited_psnr", "coarse_brisque", "edited_brisque"} <= set(recipe.validate())
    assert recipe.identity()["pictures"]["salient"] == 9


def test_regions_and_their_colours_are_sent_and_the_nearest_candidate_is_kept(picture):
    text = Text.of(["a woman in front of a flag"])
    editor = CandidateEditor(weights=None, candidates=3)
    link = hosonuma25(target_cbr_total=1 / 48, caption_link=caption_stream(), editor=editor)
    run = link.run(image=picture, text=text, snr_db=10.0, seed=1)
    assert run["text"].sentences == text.sentences
    assert int(run["ledger"].side_information) == int(run["caption_uses"].value)
    assert 0.95 / 48 < float(run["cbr_total"].value) <= 1 / 48 + 1e-6
    assert 14 < float(run["coarse_psnr"].value) < 26
    # An untrained network adds nothing: the candidates are the painted picture and noise.
    off = (run["image"] - run["coarse"]).std()
    assert float(off) == pytest.approx(0.03, rel=0.1)
    few = hosonuma25(target_cbr_total=1 / 200, editor=editor_without_noise()).run(image=picture, snr_db=10.0, seed=1)
    assert float(few["coarse_psnr"].value) < float(run["coarse_psnr"].value)
    lost = hosonuma25(editor=CandidateEditor(weights=None)).run(image=picture, snr_db=-20.0, seed=1)
    assert lost["edited"].tolist() == [False]
    assert torch.equal(lost["image"], lost["coarse"])


def editor_without_noise():
    return CandidateEditor(weights=None, candidates=1)


def test_the_nearest_candidate_is_taken_for_each_picture(monkeypatch):
    editor = CandidateEditor(weights=None, candidates=2)
    sketch = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    made = iter([sketch + torch.tensor([0.3, 0.1])[:, None, None, None], sketch + 0.2])
    monkeypatch.setattr(editor, "made", lambda _image, _text: next(made))
    found = editor(image=sketch, erased=torch.tensor([False, False])).image
    torch.testing.assert_close(found - sketch, torch.tensor([0.2, 0.1])[:, None, None, None].expand(2, 3, 32, 32))


def test_words_alone_are_sent_and_a_picture_of_their_kind_is_made():
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    run = nam24(generator=PictureGenerator(steps=1)).run(image=image, snr_db=10.0, seed=1)
    assert run["text"].sentences == run["caption"].sentences
    assert not {"a", "the", "of", "in"} & set(run["caption"].sentences[0].split())
    whole = vlm_csc(link=caption_stream(), generator=PictureGenerator(steps=1)).run(image=image, snr_db=10.0, seed=1)
    assert float(run["uses"].value) < float(whole["uses"].value)


def test_swinjscc_is_a_start(picture):
    codec, start = GenEDCodec(None), SwinJSCCCodec("swinjscc_noisy")
    assert codec.vectorizer is not None
    take_swinjscc(codec.vectorizer, codec.encoder, codec.decoder, "swinjscc_noisy")
    # Branches that change nothing yet give the same picture; the noise is drawn for other shapes, and is little.
    coarse = [
        gened_sc(
            codec=each, rate=FixedRate(target_cbr=1 / 24), header=IdealHeader(), editor=PictureEditor(weights=None)
        ).run(image=picture, snr_db=60.0, seed=1)["coarse"]
        for each in (codec, start)
    ]
    torch.testing.assert_close(*coarse, atol=0.02, rtol=0)
    with pytest.raises(WeightsError, match="swinjscc_encoder"):
        take_swinjscc(codec.vectorizer, codec.encoder, codec.decoder, "small")


def test_crops_keep_picture_and_map_together(folders):
    crops = SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=192)
    out = crops.seed(1)(batch=6)
    assert out.image.shape == (6, 3, 192, 192)
    assert 0.2 < float(out.mask.float().mean()) < 0.6
    assert torch.equal(crops.seed(1)(batch=6).image, out.image)
    assert out.text.sentences == [""] * 6


def test_pictures_without_maps_are_said(folders):
    with pytest.raises(FileError, match="--saliency"):
        SalientCrops(folders=(str(folders / "pictures"),))
    with pytest.raises(ParameterError, match="multiple of 64"):
        SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=100)
    (folders / "maps" / "pictures_3.png").write_text("no picture")
    with pytest.raises(FileError, match=r"pictures_3\.png"):
        SalientCrops(folders=(str(folders / "pictures"),), maps=str(folders / "maps"), crop=64).seed(1)(batch=60)
