import base64
import io
import socket
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from threading import Thread
from typing import Any

import pytest
import torch
from loopback import cut_off, fails, reply, says
from PIL import Image as PillowImage
from tiny_models import CHAT, letters, save_tiny_diffusion, save_tiny_llava

from linksim.blocks import Captioner, CLIPScore, PictureEditor, PictureGenerator, SemanticScoreMap
from linksim.blocks.knowledge import caption_models, generation_models
from linksim.blocks.knowledge.caption_models import transformers_captions
from linksim.blocks.knowledge.generation_models import diffusers_pictures
from linksim.errors import LinksimError, ParameterError
from linksim.hub import hub_answers
from linksim.types import Text

KNOWN_WORDS = ("a", "red", "green", "dog", "cat", "house", "on", "the", "of", "near", "wall")

# -- large models, tiny and random here


@pytest.fixture(scope="module")
def tiny_blip(tmp_path_factory):
    """BLIP with two layers of width 32 and a word list of 20, untrained."""
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
        BlipTextConfig,
        BlipVisionConfig,
    )

    place = tmp_path_factory.mktemp("blip")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *["a", "red", "green", "dog", "cat", "house", "on", "the", "of", "near", "wall"],
    ]
    (place / "vocab.txt").write_text("\n".join(words))
    text = BlipTextConfig(vocab_size=len(words), hidden_size=32, encoder_hidden_size=32, intermediate_size=37,
                          projection_dim=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
                          bos_token_id=2, eos_token_id=3, sep_token_id=3, pad_token_id=0)  # fmt: skip
    vision = BlipVisionConfig(hidden_size=32, intermediate_size=37, projection_dim=32, num_hidden_layers=2,
                              num_attention_heads=4, image_size=30, patch_size=10)  # fmt: skip
    torch.manual_seed(0)
    config = BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=32)
    BlipForConditionalGeneration(config).save_pretrained(place)
    processor = BlipProcessor(
        BlipImageProcessorPil(size={"height": 30, "width": 30}), BertTokenizer(str(place / "vocab.txt"))
    )
    processor.save_pretrained(place)
    return place


def test_a_model_of_transformers_is_loaded_from_a_folder_and_describes(tiny_blip):
    state = torch.random.get_rng_state()
    image = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(1))
    captioner = Captioner(backend="transformers", model=str(tiny_blip))
    sentences = captioner(image=image).sentences
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(sentences) == 2
    assert sentences == captioner(image=image).sentences
    assert set(" ".join(sentences).split()) <= set(KNOWN_WORDS)


def test_a_model_that_answers_in_a_chat_is_asked(tmp_path):
    image = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(1))
    captioner = Captioner(backend="transformers", model=str(save_tiny_llava(tmp_path, CHAT)))
    sentences = captioner(image=image).sentences
    # Untrained it answers in letters; the question that stands before the answer is not a part of it.
    assert len(sentences) == 2
    assert all(sentences)
    assert not any("describe" in sentence.lower().replace("</w>", "") for sentence in sentences)
    assert sentences == captioner(image=image).sentences


def test_a_chat_model_without_its_template_is_named(tmp_path):
    captioner = Captioner(backend="transformers", model=str(save_tiny_llava(tmp_path, None)))
    with pytest.raises(LinksimError, match="gives no caption .*tokens"):
        captioner(image=torch.rand(1, 3, 40, 56))


@pytest.mark.parametrize("offline", [False, True])
def test_a_hub_that_does_not_answer_is_not_asked_for_minutes(monkeypatch, offline):
    asked = []

    class Model:
        @staticmethod
        def from_pretrained(_model, *, local_files_only):
            asked.append(local_files_only)
            raise OSError("no such files")

    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    with pytest.raises(LinksimError, match="'somebody/something' cannot be loaded"):
        caption_models.from_pretrained(Model, "somebody/something")
    assert asked == [True]


def test_a_hub_that_says_anything_answers(monkeypatch):
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert hub_answers()
    finally:
        server.shutdown()
        server.server_close()


def test_a_hub_that_talks_nonsense_does_not_answer(monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        talk, _ = server.accept()
        talk.recv(1000)
        talk.sendall(b"garbage\r\n\r\n")
        talk.close()

    Thread(target=answer, daemon=True).start()
    with server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert not hub_answers()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:port")
    assert not hub_answers()


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory):
    """CLIP with two layers of width 32 each, letters for words, untrained."""
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPProcessor,
        CLIPTextConfig,
        CLIPVisionConfig,
    )

    place = tmp_path_factory.mktemp("clip")
    small = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = CLIPTextConfig(vocab_size=54, max_position_embeddings=77, bos_token_id=0, eos_token_id=1, **small)
    vision = CLIPVisionConfig(image_size=40, patch_size=10, **small)
    torch.manual_seed(0)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    CLIPModel(config).save_pretrained(place)
    sides = {"height": 40, "width": 40}
    pictures = CLIPImageProcessorPil(size=sides, crop_size=sides, do_center_crop=False)
    CLIPProcessor(pictures, letters(place)).save_pretrained(place)
    return place


def test_clip_scores_places_as_its_equation_says(tiny_clip):
    from transformers import CLIPModel

    image = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
    found = SemanticScoreMap(backend="clip", model=str(tiny_clip))(image=image, text=Text.of(["a dog", "b"]))
    assert found.shape == (2, 5, 5)
    assert float(found.abs().max()) <= 1 / 0.07
    # Eq. 30 by hand, at the encoder's own places.
    model = CLIPModel.from_pretrained(tiny_clip).eval()
    tokens = letters(tiny_clip)(["b"], return_tensors="pt")
    mean, deviation = torch.tensor([0.4815, 0.4578, 0.4082]), torch.tensor([0.2686, 0.2613, 0.2758])
    pixels = (image[1:] - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        said = model.text_projection(model.text_model(**tokens).pooler_output)[0]
        seen = model.vision_model(pixel_values=pixels).last_hidden_state[0, 1:]
        seen = model.visual_projection(model.vision_model.post_layernorm(seen))
    cosine = (seen @ said) / seen.norm(dim=1) / said.norm()
    by_hand = torch.nn.functional.interpolate(cosine.view(1, 1, 4, 4) / 0.07, (5, 5), mode="bilinear")[0, 0]
    torch.testing.assert_close(found[1], by_hand, atol=0.02, rtol=0)


def test_clip_score_is_the_cosine_of_its_features(tiny_clip):
    from transformers import CLIPModel, CLIPProcessor

    image = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
    sentences = ["a dog", "b", "far too long " * 60]
    found = CLIPScore(model=str(tiny_clip))(image=image, text=Text.of(sentences)).value
    model, processor = CLIPModel.from_pretrained(tiny_clip).eval(), CLIPProcessor.from_pretrained(tiny_clip)
    pictures = [PillowImage.fromarray((each * 255).byte().movedim(0, -1).numpy()) for each in image]
    with torch.no_grad():
        out = model(**processor(images=pictures, text=sentences, return_tensors="pt", padding=True, truncation=True))
    # What CLIP itself gives, less its learned scale.
    by_clip = out.logits_per_image.diagonal() / model.logit_scale.exp()
    torch.testing.assert_close(found, 100 * by_clip.clamp_min(0), atol=1e-3, rtol=0)


def test_a_model_that_is_not_there_is_named(tmp_path):
    image, text = torch.rand(1, 3, 16, 16), Text.of(["a"])
    for block in (CLIPScore(model=str(tmp_path)), SemanticScoreMap(backend="clip", model=str(tmp_path))):
        with pytest.raises(LinksimError, match="cannot be loaded"):
            block(image=image, text=text)
    with pytest.raises(ParameterError, match="given for 'clip'"):
        SemanticScoreMap(backend="clip")


@pytest.fixture(scope="module")
def tiny_diffusion(tmp_path_factory):
    return save_tiny_diffusion(tmp_path_factory.mktemp("diffusion"), halvings=1)


def test_a_pipeline_of_diffusers_is_loaded_from_a_folder_and_draws_by_the_seed(tiny_diffusion):
    state = torch.random.get_rng_state()
    generator = PictureGenerator(backend="diffusers", model=str(tiny_diffusion), steps=2, guidance=3.0)
    text = Text.of(["a red dog", "", "a cat"])
    one, other = generator.seed(1)(text=text), generator.seed(1)(text=text)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.shape == (3, 3, 32, 32)
    assert torch.equal(one, other)
    assert (one[1] == 0.5).all()
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1
    assert not torch.equal(one, generator.seed(2)(text=text))


def test_a_pipeline_that_draws_from_noise_edits_from_the_picture_on(tiny_diffusion):
    state = torch.random.get_rng_state()
    image = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    editor = PictureEditor(backend="diffusers", model=str(tiny_diffusion))
    given = {"image": image, "snr_db": torch.zeros(2), "text": Text.of(["a dog", ""])}
    one, other = (editor.seed(1)(lengths=torch.full((2, 2, 2), 8), **given) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.image.shape == image.shape
    assert torch.equal(one.image, other.image)
    assert one.edited.tolist() == [True, True]
    assert "StableDiffusionImg2ImgPipeline" in one.explanation.sentences[0]
    nothing = editor(lengths=torch.zeros(2, 2, 2, dtype=torch.int64), **given)
    assert torch.equal(nothing.image, image)
    assert nothing.explanation.sentences == ["nothing arrived"] * 2


def test_a_turbo_model_takes_one_step_without_guidance(monkeypatch):
    told = {}

    class Pipeline:
        def __call__(self, **settings):
            told.update(settings)
            return type("Out", (), {"images": torch.zeros(1, 8, 8, 3).numpy()})

    monkeypatch.setattr(generation_models, "_pipeline", lambda _model: Pipeline())
    diffusers_pictures("stabilityai/sd-turbo", 0, 0, None)(["a dog"], 1)
    assert (told["num_inference_steps"], told["guidance_scale"]) == (1, 0.0)
    diffusers_pictures("some/stable-diffusion", 64, 0, None)(["a dog"], 1)
    assert (told["num_inference_steps"], told["guidance_scale"], told["height"]) == (25, 7.5, 64)


def test_models_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    empty = tmp_path / "empty"
    empty.mkdir()
    for use in (
        lambda: transformers_captions(str(empty))(torch.zeros(1, 3, 8, 8)),
        lambda: diffusers_pictures(str(empty), 0, 0, None)(["a dog"], 1),
    ):
        with pytest.raises(LinksimError, match="give a folder that holds the model's files"):
            use()


@pytest.mark.parametrize(("package", "use"), [
    ("transformers", lambda: caption_models._loaded.__wrapped__("m", "cpu")),
    ("diffusers", lambda: generation_models._pipeline.__wrapped__("m")),
])  # fmt: skip
def test_a_missing_package_is_one_line(monkeypatch, package, use):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(LinksimError, match=rf"{package} is not installed; .*linksim\[knowledge\]"):
        use()


# -- an endpoint that misbehaves


@pytest.fixture
def quick(monkeypatch):
    """Endpoints that wait a hundredth of a second before they ask again."""
    for module in (caption_models, generation_models):
        known = module.Endpoint
        monkeypatch.setattr(
            module,
            "Endpoint",
            lambda known=known, **settings: known(first_wait_seconds=0.01, timeout_seconds=1.0, **settings),
        )


def shows(content):
    return lambda handler: reply(handler, 200, {"created": 0, "data": [{"b64_json": content}]})


def png(colour, size=(20, 10)):
    stream = io.BytesIO()
    PillowImage.new("RGB", size, colour).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize("bad", [
    fails(429), fails(500), cut_off, says(""), says(None), says("word " * 50), says("a dog", before=1.6),
])  # fmt: skip
@pytest.mark.usefixtures("quick")
def test_a_caption_is_asked_for_again(endpoint, bad):
    endpoint.scripts = [bad, says(' "A red dog\nby a wall." ')]
    captioner = Captioner(backend="endpoint", model="m")
    assert captioner(image=torch.rand(1, 3, 9, 7)).sentences == ["A red dog by a wall."]
    assert len(endpoint.asked) == 2


@pytest.mark.usefixtures("quick")
def test_captions_are_kept_and_not_asked_for_twice(endpoint, tmp_path):
    endpoint.scripts = [says("a dog")]
    captioner = Captioner(backend="endpoint", model="m", cache=str(tmp_path / "kept"))
    image = torch.rand(1, 3, 9, 7)
    for _ in range(3):
        assert captioner(image=image).sentences == ["a dog"]
    assert len(endpoint.asked) == 1
    next((tmp_path / "kept").iterdir()).write_text("broken")
    assert captioner(image=image).sentences == ["a dog"]
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("bad", [fails(500), cut_off, says("")])
@pytest.mark.usefixtures("quick")
def test_no_caption_at_all_is_an_error_with_the_reason(endpoint, bad):
    endpoint.scripts = [bad]
    with pytest.raises(LinksimError, match="gave no caption by 'm': "):
        Captioner(backend="endpoint", model="m")(image=torch.rand(1, 3, 9, 7))
    assert len(endpoint.asked) == 4


@pytest.mark.parametrize("bad", [fails(429), fails(503), cut_off, shows(None), shows("no base64!"), shows("aGVsbG8=")])
@pytest.mark.usefixtures("quick")
def test_a_picture_is_asked_for_again(endpoint, bad):
    endpoint.scripts = [bad, shows(png("red"))]
    out = PictureGenerator(backend="endpoint", model="m", size=16)(text=Text.of(["a red wall"]))
    assert out.shape == (1, 3, 16, 16)
    torch.testing.assert_close(out[0, :, 8, 8], torch.tensor([1.0, 0.0, 0.0]))
    assert endpoint.asked[-1]["prompt"] == "a red wall"
    assert endpoint.asked[-1]["size"] == "16x16"
    assert len(endpoint.asked) == 2


@pytest.mark.usefixtures("quick")
def test_a_picture_may_lie_elsewhere(endpoint, tmp_path):
    (tmp_path / "red.png").write_bytes(base64.b64decode(png("red")))
    (tmp_path / "no.png").write_bytes(b"hello")
    served = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    pages = HTTPServer(("127.0.0.1", 0), served)
    Thread(target=pages.serve_forever, daemon=True).start()

    def lies(name: str) -> Any:
        address = f"http://127.0.0.1:{pages.server_port}/{name}" if ":" not in name else name
        return lambda handler: reply(handler, 200, {"created": 0, "data": [{"url": address}]})

    try:
        for bad in ("none.png", "no.png", "file:///etc/hostname"):
            endpoint.scripts = [lies(bad), lies("red.png")]
            out = PictureGenerator(backend="endpoint", model="m", size=16)(text=Text.of(["a red wall"]))
            torch.testing.assert_close(out[0, :, 8, 8], torch.tensor([1.0, 0.0, 0.0]))
    finally:
        pages.shutdown()
        pages.server_close()
    assert len(endpoint.asked) == 6


@pytest.mark.usefixtures("quick")
def test_pictures_are_kept_by_their_sentence(endpoint, tmp_path):
    endpoint.scripts = [shows(png("blue"))]
    generator = PictureGenerator(backend="endpoint", model="m", size=8, cache=str(tmp_path / "kept"))
    generator(text=Text.of(["a wall", "a wall"]))
    assert len(endpoint.asked) == 1
    generator(text=Text.of(["another wall"]))
    assert len(endpoint.asked) == 2


@pytest.mark.usefixtures("quick")
def test_a_refused_key_is_said_at_once(endpoint):
    endpoint.scripts = [fails(401)]
    with pytest.raises(LinksimError, match="refuses the key or the model 'm'"):
        PictureGenerator(backend="endpoint", model="m")(text=Text.of(["a wall"]))
    assert len(endpoint.asked) == 1
