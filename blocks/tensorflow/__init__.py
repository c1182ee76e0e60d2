"""Models of TensorFlow and Keras."""

from linksim.blocks.tensorflow.keras_block import KerasBlock

__all__ = ["KerasBlock"]
