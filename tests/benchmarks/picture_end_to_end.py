"""A 2048x1024 picture end to end through every link without a picture codec, one thread: time, memory, where it goes.

usage: python tests/benchmarks/picture_end_to_end.py [PICTURE]

Without a picture, a photograph of scikit-image is tiled to that size. The first run, which loads libraries, is apart.
"""

import resource
import sys
import time
from pathlib import Path

import torch
from skimage import data

from linksim.blocks.sources import read_picture
from linksim.flowgraphs import LINKS


def main() -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    image = read_picture(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(data.data_dir) / "astronaut.png")[None]
    if len(sys.argv) == 1:
        image = image.repeat(1, 1, 2, 4)
    seconds: dict[str, float] = {}
    for name, factory in LINKS.items():
        link = factory()
        for which in ("first run", "second run", "third run"):
            start = time.perf_counter()
            run = link.run(image=image, snr_db=10.0)
            seconds[name] = time.perf_counter() - start
            print(
                f"{name}, {which}: {seconds[name]:.2f} s (at most 3 when warm), PSNR {run['psnr'].value.item():.2f} dB"
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peak memory of the process so far: {peak:.2f} GiB (at most 2)")
        print(link.profile(image=image, snr_db=10.0, repeat=1))
    print(f"sa_oosc over klt: {seconds['sa_oosc'] / seconds['klt']:.1f} times")


if __name__ == "__main__":
    main()
