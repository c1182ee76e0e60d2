"""A transform learns from a teacher with other residual blocks."""

import copy

import pytest
import torch

from linksim.blocks import HVDevectorizer, HVVectorizer, Tokenizer
from linksim.blocks.vectorizer.hv import transform_of
from linksim.errors import ParameterError
from linksim.flowgraphs.parts import Codec
from linksim.flowgraphs.recipes.imitation import TransformImitation, adopt
from linksim.flowgraphs.recipes.sa_oosc import SAOOSCRecipe
from linksim.weights import named_tensors, write_weights


@pytest.fixture(scope="module")
def tokens(photograph):
    return Tokenizer()(image=torch.cat([photograph[..., :64, :96], photograph[..., 64:128, :96]])).tokens


def students(transform):
    pair = HVVectorizer(transform=transform), HVDevectorizer(transform=transform)
    for own, taught in zip(pair, (HVVectorizer(weights="small"), HVDevectorizer(weights="small")), strict=True):
        adopt(own, taught)
    return pair


def imitation(vectorizer, devectorizer):
    return TransformImitation(vectorizer=vectorizer, devectorizer=devectorizer, teacher="small").seed(1)


def test_the_teacher_itself_makes_no_error(tokens):
    found = imitation(*students("conv"))(tokens=tokens).value
    assert found.shape == (2,)
    assert float(found.detach().abs().max()) < 1e-6


def test_a_student_that_changes_nothing_has_an_error_of_one_for_each_block(tokens):
    """Ten blocks, each with error 1 on the mean over the batch, beside those of both transforms."""
    learner = imitation(*students("conv_light"))
    whole = copy.deepcopy(learner)
    found = float(learner(tokens=tokens).value.detach().mean())
    assert found > 10
    teacher_alone = float(imitation(*students("conv"))(tokens=tokens).value.detach().mean())
    assert teacher_alone < found
    assert [name for name, _ in whole.named_parameters() if "student" in name] == []


def test_what_both_have_is_adopted_and_the_rest_stays():
    vectorizer, _ = students("conv_light")
    taught, fresh = HVVectorizer(weights="small").state_dict(), HVVectorizer(transform="conv_light").state_dict()
    for name, tensor in vectorizer.state_dict().items():
        same = taught[name].shape == tensor.shape
        assert torch.equal(tensor, (taught if same else fresh)[name]), name


def test_steps_lower_the_error_and_leave_the_teacher(tokens):
    vectorizer, devectorizer = students("conv_light")
    learner = imitation(vectorizer, devectorizer)
    kept = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    learning = [*vectorizer.analysis.parameters(), *devectorizer.synthesis.parameters()]
    optimizer = torch.optim.Adam(learning, 2e-4)
    errors = []
    for _ in range(20):
        loss = learner(tokens=tokens).value.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(float(loss.detach()))
    assert errors[-1] < 0.8 * errors[0]
    assert all(torch.equal(kept[name], tensor) for name, tensor in learner.state_dict().items())


def test_weights_tell_their_transform(tmp_path):
    for transform in ("conv", "conv_light", "swin"):
        path = tmp_path / f"{transform}.safetensors"
        write_weights(path, dict(named_tensors(Codec(None, transform=transform).parts)))
        assert transform_of(str(path)) == transform
        assert Codec(str(path)).token == (2 if transform == "swin" else 4)


def test_the_recipe_teaches_first_and_refuses_a_teacher_of_another_kind(tmp_path):
    from PIL import Image

    for name in range(3):
        Image.new("RGB", (96, 96), (80 * name, 30, 60)).save(tmp_path / f"{name}.png")
    settings = {"pictures": (str(tmp_path),), "crop": 64, "batch": 1, "start": "small"}
    assert [stage.name for stage in SAOOSCRecipe(preset="light", **settings).stages] == ["imitation", "system"]
    assert [stage.name for stage in SAOOSCRecipe(**settings).stages] == ["system"]
    with pytest.raises(ParameterError, match="'preset' must be of the transform of 'small', or one like it"):
        SAOOSCRecipe(preset="paper", **settings)
