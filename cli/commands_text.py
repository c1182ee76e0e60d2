"""Commands that send sentences."""

from typing import Annotated

import typer

from linksim.cli.interrupt import importing
from linksim.cli.options import Device, Json, Seed


def send_text(
    text: Annotated[str, typer.Argument(help="What to send; each sentence of up to 32 words is a frame of its own.")],
    weights: Annotated[
        str, typer.Option(help="The learned codec: europarl, captions, or a .safetensors file.")
    ] = "europarl",
    word_list: Annotated[
        str | None, typer.Option(help="europarl, captions, or a .txt file, one word per line (default as --weights).")
    ] = None,
    code: Annotated[
        str,
        typer.Option(
            help="The digital link's source code: bigram, huffman, five_bit, utf8; sentences with --weights captions."
        ),
    ] = "bigram",
    channel: Annotated[
        str,
        typer.Option(
            help="awgn, rayleigh, rician, tdl-a to tdl-e, cdl-a to cdl-e, waveform, ofdm-waveform or gnuradio."
        ),
    ] = "awgn",
    snr: Annotated[float, typer.Option(help="Es/N0 per complex channel use in dB.", min=-60, max=100)] = 5.0,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Send sentences by the learned text codec, and by a digital link of the same payload beside it."""
    with importing():
        from linksim.cli.send_text import SendText, run_send_text

    run_send_text(SendText(text, weights, word_list, code, channel, snr, seed, device.value), json)
