"""The learned system that the documentation shows: it trains, and it beats what it is compared with."""

from pathlib import Path

import pytest

from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate
from linksim.weights import load_part


@pytest.fixture
def example(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.syspath_prepend(".")
    from docs.examples import autoencoder

    return autoencoder


def test_the_example_trains_by_its_command_past_uncoded_bpsk(cli, example, tmp_path):
    recipe = "docs.examples.autoencoder:AutoencoderRecipe"
    settings = ("--steps", 400, "--learning-rate", 3e-3, "--batch", 32, "--float32")
    code, text, _ = cli("train", recipe, *settings, "--out", tmp_path / "run")
    assert code == 0
    assert "ber_10dB" in text
    link = example.autoencoder()
    for name in ("encoder", "decoder"):
        load_part(link.blocks[name], str(tmp_path / "run" / "weights.safetensors"), name)
    table = Sweep(link, grid={"snr_db": [10.0]}, stop="ber:rel=0.1,errors=100", seed=2).run()
    # One bit per use over Rayleigh fading, as uncoded BPSK sends it: 2.33 % at 10 dB.
    assert table["high"][0] < 0.5 * float(bit_error_rate(10.0, modulation="bpsk", k_factor_db=None))


def test_a_recipe_of_ones_own_names_what_is_wrong(cli, example, tmp_path):
    for name, message in (
        ("docs.examples.autoencoder:GroupEncoder", "must name a class of recipes"),
        ("docs.examples.autoencoder:Recipe", "must name a class of recipes"),
        ("docs.examples.autoencode:AutoencoderRecipe", "cannot be found"),
    ):
        code, _, error = cli("train", name, "--out", tmp_path)
        assert (code, message in error) == (2, True)
    code, _, error = cli("train", f"{example.__name__}:AutoencoderRecipe", "--pictures", tmp_path, "--out", tmp_path)
    assert (code, "--pictures means nothing" in error) == (2, True)
    code, _, error = cli("train", "sa_oosc", "--out", tmp_path / "run")
    assert (code, "name a folder by --pictures" in error) == (2, True)
