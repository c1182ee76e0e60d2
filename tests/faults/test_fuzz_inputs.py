"""Mutated pictures, grids, stores and weights, and threads: they may fail, but only with an error that says why."""

import io
import random
import shutil
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from safetensors.torch import save_file

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import AWGN, BitErrors, BitSource, BPSKDemapper, BPSKMapper
from linksim.blocks.sources import read_picture
from linksim.blocks.sources.picture_file import FORMATS, picture_size
from linksim.cli.values import parse_axis
from linksim.errors import LinksimError
from linksim.flowgraphs import bpsk
from linksim.montecarlo import Stop, Store, Sweep
from linksim.montecarlo.reading import table_of
from linksim.weights import read_weights

WORDS = (
    "0", "1", "-1", "1e9", "1e999", "nan", "inf", "~", "", " ", "a", "AWGN", "Rayleigh", "(", ")", "[", "]", "=", ",",
    ":", "::", "..", "'", '"', "\\", "\0", "\n", "010", "1_0", "１", "true", "None", "coherence=", "\udce9", "é",
)  # fmt: skip


class Constant(Block):
    """One SNR for all frames."""

    def __init__(self, *, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, batch: int) -> Decibels:
        return torch.full((batch,), self.value)


def mutated(data, chance):
    data = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(4)
        if kind == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + chance.randint(1, 40)]
        elif kind == 2:
            data[at:at] = bytes(chance.choices(range(256), k=chance.randint(1, 20)))
        else:
            data = data[:at]
    return bytes(data)


@pytest.fixture(scope="module")
def formats():
    """A small picture in every format that Pillow writes, those that are no pictures here among them."""
    picture = PillowImage.fromarray(np.random.default_rng(1).integers(0, 255, (9, 7, 3), dtype=np.uint8))
    PillowImage.init()
    found = {}
    for form in sorted(set(PillowImage.SAVE) & set(PillowImage.OPEN)):
        for mode in ("RGB", "L", "P", "1"):
            stream = io.BytesIO()
            try:
                picture.convert(mode).save(stream, form)
            except (OSError, ValueError, KeyError):
                continue
            found[form] = stream.getvalue()
            break
    return found


@pytest.mark.filterwarnings("ignore")
def test_mutated_pictures_of_all_formats(formats, tmp_path):
    chance = random.Random(7)
    path = tmp_path / "x.png"
    assert len(formats) > 15
    for form, data in formats.items():
        path.write_bytes(data)
        if form in FORMATS:
            assert read_picture(path).shape == (3, 9, 7)
        else:
            with pytest.raises(LinksimError, match="known format"):
                read_picture(path)
        for _ in range(60 if form in FORMATS else 5):
            path.write_bytes(mutated(data, chance))
            try:
                picture = read_picture(path)
                assert picture_size(path) == tuple(picture.shape[1:])
                assert 0 <= float(picture.min()) <= float(picture.max()) <= 1
            except LinksimError as error:
                assert "x.png" in str(error)


def test_random_axes_and_stop_rules():
    chance = random.Random(8)
    good = 0
    for _ in range(3000):
        text = "snr_db=" + "".join(chance.choices(WORDS, k=chance.randint(1, 5)))
        with suppress(LinksimError):
            parse_axis(text)
            good += 1
        with suppress(LinksimError):
            Stop.parse("ber:" + "".join(chance.choices((*WORDS, "rel=", "errors=", "frames="), k=chance.randint(1, 4))))
    assert 200 < good < 2900


def test_mutated_stores(tmp_path):
    chance = random.Random(9)
    Sweep(bpsk, grid={"snr_db": [0, 4]}, stop="ber:frames=64").run(store=tmp_path / "whole.db")
    database = Store(tmp_path / "whole.db")
    database._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database._database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    data, read = (tmp_path / "whole.db").read_bytes(), 0
    for number in range(150):
        path = tmp_path / f"{number}.db"
        path.write_bytes(mutated(data, chance))
        try:
            store = Store(path, read_only=True)
            for sweep in store.sweeps():
                table_of(store, sweep)
                read += 1
            store.close()
        except LinksimError as error:
            assert path.name in str(error)
        path.unlink()
    assert read > 5


def test_changed_entries_of_a_store(tmp_path):
    Sweep(bpsk, grid={"snr_db": [0, 4]}, stop="ber:frames=64").run(store=tmp_path / "whole.db")
    for number, statement in enumerate((
        "UPDATE chunks SET tallies = '{'", "UPDATE chunks SET tallies = '[]'",
        "UPDATE chunks SET tallies = '{\"ber\": [1]}'",
        "UPDATE points SET point = 'x'", "UPDATE sweeps SET settings = '{}'", "UPDATE sweeps SET points = '[99]'",
        "DELETE FROM points", "UPDATE links SET description = '{'",
    )):  # fmt: skip
        path = shutil.copy(tmp_path / "whole.db", tmp_path / f"{number}.db")
        database = Store(tmp_path / f"{number}.db")
        database._database.execute(statement)
        database.close()
        store = Store(tmp_path / f"{number}.db", read_only=True)
        try:
            for sweep in store.sweeps():
                table_of(store, sweep)
        except LinksimError as error:
            assert str(path) in str(error)
        store.close()


def test_mutated_weights(tmp_path):
    chance = random.Random(10)
    path = tmp_path / "w.safetensors"
    save_file({"part.a": torch.randn(4, 4), "part.b": torch.zeros(3, dtype=torch.int64)}, path)
    data, read = path.read_bytes(), 0
    for _ in range(300):
        path.write_bytes(mutated(data, chance))
        try:
            found = read_weights(path, "part")
            assert all(bool(tensor.isfinite().all()) for tensor in found.values())
            read += 1
        except LinksimError as error:
            assert "w.safetensors" in str(error)
    assert read > 2


def test_threads_on_random_flowgraphs():
    chance = random.Random(11)
    for _ in range(5):
        fg = Flowgraph("chain")
        fg.bits, fg.mapper = BitSource(length=chance.randint(8, 400)), BPSKMapper()
        fg.channel, fg.demapper, fg.errors = AWGN(), BPSKDemapper(), BitErrors()
        fg.snr = Constant(value=float(chance.randint(0, 5)))
        fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
        fg.connect(fg.bits, fg.errors["sent"])
        fg.connect(fg.snr, fg.channel["snr_db"])
        batch = chance.randint(1, 8)
        alone = [fg.run(batch=batch, seed=seed)["errors.out"].errors.tolist() for seed in range(6)]
        wrong: list[int] = []

        def work(fg=fg, batch=batch, alone=alone, wrong=wrong):
            wrong += [s for s in range(6) if fg.run(batch=batch, seed=s)["errors.out"].errors.tolist() != alone[s]]

        several = [threading.Thread(target=work) for _ in range(6)]
        for thread in several:
            thread.start()
        for thread in several:
            thread.join()
        assert wrong == []
