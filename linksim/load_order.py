"""Libraries that must be loaded in a certain order."""

import importlib
import os
import sys
from contextlib import suppress


def before_tensorflow() -> None:
    """Called before TensorFlow may be imported, as TensorBoard does where it finds it.

    TensorFlow is told to say errors alone. Both TensorFlow and triton, which torch's optimizers load, carry an LLVM:
    with TensorFlow's loaded first, triton's ends the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        with suppress(ImportError):
            importlib.import_module("triton")
