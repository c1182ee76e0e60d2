import pytest
import torch

from linksim.blocks import HVVectorizer, LatentSearch, Tokenizer
from linksim.errors import ParameterError
from linksim.flowgraphs import sa_oosc
from linksim.flowgraphs.parts import Codec


@pytest.fixture(scope="module")
def coded(photograph):
    image = photograph[..., 64:192, 64:256]
    tokens, _ = Tokenizer()(image=image)
    latent = HVVectorizer(weights="small").eval()(tokens=tokens).latent
    lengths = torch.full((1, *latent.shape[2:]), 16)
    return {"tokens": tokens, "latent": latent, "lengths": lengths, "snr_db": torch.tensor([10.0])}


def test_no_steps_change_nothing_and_few_change_little(coded):
    assert torch.equal(LatentSearch(steps=0, weights="small")(**coded), coded["latent"])
    moved = LatentSearch(steps=2, weights="small").seed(1)(**coded) - coded["latent"]
    assert 0 < float(moved.detach().abs().max()) < 0.1


def test_it_repeats_and_leaves_weights_and_the_global_generator_alone(coded):
    torch.manual_seed(5)
    before, search = torch.random.get_rng_state(), LatentSearch(steps=2, weights="small")
    kept = {name: tensor.clone() for name, tensor in search.state_dict().items()}
    first = search.seed(1)(**coded)
    assert torch.equal(search.seed(1)(**coded), first)
    assert not torch.equal(search.seed(2)(**coded), first)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(kept[name], tensor) for name, tensor in search.state_dict().items())
    assert all(parameter.grad is None for parameter in search.parameters())


def test_with_effort_a_link_gains_for_the_same_uses(photograph):
    """Over noise that the search has not seen: ten frames, the mean gain above nothing with 95 % confidence."""
    image, count = photograph[..., :192, :256], 10
    frames = {"image": image.expand(count, -1, -1, -1), "snr_db": torch.full((count,), 10.0), "seed": 1}
    plain, searched = (sa_oosc(codec=Codec(effort=effort)).run(**frames) for effort in (0, 20))
    assert torch.equal(plain["cbr_total"].value, searched["cbr_total"].value)
    for metric in ("sad", "psnr"):
        gain = searched[metric].value - plain[metric].value
        # 1.83: one-sided 95 % of Student's t with nine degrees of freedom.
        assert float(gain.mean()) > 1.83 * float(gain.std()) / count**0.5


def test_negative_effort_is_refused():
    with pytest.raises(ParameterError, match="'effort' must be at least 0 steps"):
        Codec(effort=-1)
