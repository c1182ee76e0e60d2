"""The learned system that the documentation shows: it trains, and it beats what it is compared with."""

from pathlib import Path

from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate
from linksim.weights import load_part


def test_the_example_trains_by_its_command_past_uncoded_bpsk(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(Path(__file__).parents[2])
    command = ("train", "docs.examples.autoencoder:AutoencoderRecipe", "--steps", 400, "--learning-rate", 3e-3)
    assert cli(*command, "--batch", 32, "--float32", "--out", tmp_path)[0] == 0
    from docs.examples.autoencoder import autoencoder

    link = autoencoder()
    for name in ("encoder", "decoder"):
        load_part(link.blocks[name], str(tmp_path / "weights.safetensors"), name)
    table = Sweep(link, grid={"snr_db": [10.0]}, stop="ber:rel=0.1,errors=100", seed=2).run()
    # One bit per use over Rayleigh fading, as uncoded BPSK sends it: 2.33 % at 10 dB.
    assert table["high"][0] < 0.5 * float(bit_error_rate(10.0, modulation="bpsk", k_factor_db=None))
