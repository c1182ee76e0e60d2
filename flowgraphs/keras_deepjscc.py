"""DeepJSCC with a Keras encoder and decoder and a torch channel between them."""

from collections.abc import Callable
from typing import Any

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import AWGN, PSNR, KerasBlock, MMSEEqualizer
from linksim.errors import require

SHRINK = 4
"""Height and width of the picture over those of what is sent."""


def keras_deepjscc(
    *,
    height: int = 32,
    width: int = 32,
    channels: int = 8,
    filters: int = 32,
    seed: int = 0,
    channel: Block | None = None,
) -> Flowgraph:
    """A picture by convolutions straight to channel symbols and back, with weights not trained yet.

    `channels` real numbers, half as many channel uses, per 4x4 pixels: cbr = channels / 96. `seed` sets the weights at
    the start.
    Inputs: image [batch, 3, height, width], snr_db. Outputs: image, psnr.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019, with fewer and smaller layers.
    Raises `ParameterError` where the size is no multiple of 4 or `channels` is odd, `LinksimError` without TensorFlow.
    """
    require(height % SHRINK == 0 and width % SHRINK == 0, "height, width", "multiples of 4", (height, width))
    require(channels > 0 and channels % 2 == 0, "channels", "positive and even", channels)
    fg = Flowgraph("keras_deepjscc", inputs={"image": Image, "snr_db": Decibels})
    fg.encoder = KerasBlock(
        model=_encoder(height, width, channels, filters, seed),
        inputs={"image": "Image"},
        outputs={"out": "Symbols"},
        complex_pairs=True,
    )
    fg.channel, fg.equalizer, fg.psnr = channel or AWGN(), MMSEEqualizer(), PSNR()
    fg.decoder = KerasBlock(
        model=_decoder(height, width, channels, filters, seed),
        inputs={"received": "Received"},
        outputs={"out": "Image"},
        complex_pairs=True,
    )
    fg.connect(fg["image"], fg.encoder, fg.channel, fg.equalizer, fg.decoder, fg.psnr["image"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg["image"], fg.psnr["original"])
    fg.connect(fg.decoder, fg["image"])
    fg.connect(fg.psnr, fg["psnr"])
    return fg


def _seeded(seed: int) -> Callable[[int], dict[str, Any]]:
    """Settings of a layer by its number: without a seed Keras draws from Python's global generator."""
    import keras

    return lambda layer: {"kernel_initializer": keras.initializers.GlorotUniform(seed=1000 * seed + layer)}


def _encoder(height: int, width: int, channels: int, filters: int, seed: int) -> Any:
    # The block imports TensorFlow, and says how to get it where it is missing.
    from linksim.blocks.tensorflow.runtime import tensorflow

    tensorflow()
    import keras
    from keras import layers, ops

    start = _seeded(seed)
    image = keras.Input((3, height, width))
    x = layers.Permute((2, 3, 1))(image) * 2.0 - 1.0
    x = layers.Conv2D(filters, 5, 2, padding="same", activation="gelu", **start(1))(x)
    x = layers.Conv2D(filters, 5, 2, padding="same", activation="gelu", **start(2))(x)
    x = layers.Conv2D(filters, 3, padding="same", activation="gelu", **start(3))(x)
    x = layers.Conv2D(channels, 3, padding="same", **start(4))(x)
    pairs = layers.Reshape((-1, 2))(x)
    # Mean power 1 over the picture: two real dimensions a use.
    power: Any = ops.mean(ops.square(pairs), axis=(1, 2), keepdims=True)
    return keras.Model(image, pairs * ops.rsqrt(2.0 * power + 1e-8))


def _decoder(height: int, width: int, channels: int, filters: int, seed: int) -> Any:
    import keras
    from keras import layers

    start = _seeded(seed)
    pairs = keras.Input((height * width // SHRINK**2 * channels // 2, 2))
    x = layers.Reshape((height // SHRINK, width // SHRINK, channels))(pairs)
    x = layers.Conv2D(filters, 3, padding="same", activation="gelu", **start(5))(x)
    x = layers.Conv2DTranspose(filters, 5, 2, padding="same", activation="gelu", **start(6))(x)
    x = layers.Conv2DTranspose(filters, 5, 2, padding="same", activation="gelu", **start(7))(x)
    x = layers.Conv2D(3, 3, padding="same", activation="sigmoid", **start(8))(x)
    return keras.Model(pairs, layers.Permute((3, 1, 2))(x))
