import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from linksim.blocks import PictureSource, TriangularDecibels
from linksim.blocks.sources import list_pictures, read_picture, street_scenes
from linksim.blocks.sources.training_crops import training_pictures
from linksim.errors import DimensionError, FileError, ParameterError


def save(path, array, **settings):
    PillowImage.fromarray(array).save(path, **settings)
    return path


@pytest.fixture
def colours():
    return np.random.default_rng(1).integers(0, 256, (7, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "tiff", "ppm", "jpg", "gif"])
def test_common_formats(tmp_path, colours, suffix):
    picture = read_picture(save(tmp_path / f"a.{suffix}", colours, **({"lossless": True} if suffix == "webp" else {})))
    assert picture.shape == (3, 7, 5)
    assert picture.dtype == torch.float32
    if suffix not in ("jpg", "gif"):
        torch.testing.assert_close(picture, torch.from_numpy(colours).permute(2, 0, 1) / 255)


def test_grey_sixteen_bit_palette_and_alpha(tmp_path):
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    torch.testing.assert_close(read_picture(save(tmp_path / "g.png", grey))[2], torch.from_numpy(grey) / 255)
    deep = (np.arange(20, dtype=np.uint16) * 3000).reshape(4, 5)
    values = read_picture(save(tmp_path / "d.png", deep))
    torch.testing.assert_close(values[0], torch.from_numpy(deep.astype(np.float32)) / 65535)
    clear = np.zeros((4, 5, 4), dtype=np.uint8)
    clear[0, 0] = [255, 0, 0, 255]
    picture = read_picture(save(tmp_path / "a.png", clear))
    assert picture[:, 0, 0].tolist() == [1, 0, 0]
    assert picture[:, 1, 1].tolist() == [1, 1, 1]
    two = np.zeros((4, 5, 2), dtype=np.uint8)
    two[0, 0, 1] = 255
    path = tmp_path / "la.png"
    PillowImage.fromarray(two, "LA").save(path)
    assert read_picture(path)[:, 0, 0].tolist() == [0, 0, 0]
    PillowImage.fromarray(grey).convert("P").save(tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").shape == (3, 4, 5)
    PillowImage.fromarray(np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)).save(tmp_path / "f.tiff")
    assert read_picture(tmp_path / "f.tiff").max().item() == 1.0


def test_exif_rotation_is_applied(tmp_path, colours):
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "r.png", colours, exif=exif)
    picture = read_picture(path)
    assert picture.shape == (3, 5, 7)
    torch.testing.assert_close(picture, torch.from_numpy(np.rot90(colours, -1).copy()).permute(2, 0, 1) / 255)


def test_broken_files_are_named(tmp_path, colours):
    save(tmp_path / "whole.png", colours)
    data = (tmp_path / "whole.png").read_bytes()
    cases = {"empty.png": b"", "half.png": data[: len(data) // 2], "text.png": b"not a picture", "head.png": data[:20]}
    for name, base_rate in cases.items():
        (tmp_path / name).write_bytes(base_rate)
        with pytest.raises(FileError, match=name):
            read_picture(tmp_path / name)
    with pytest.raises(FileError, match=r"no picture at '.*nowhere"):
        read_picture(tmp_path / "nowhere.png")
    with pytest.raises(FileError):
        read_picture(tmp_path)


def test_a_bomb_is_refused(tmp_path):
    PillowImage.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    with pytest.raises(FileError, match=r"bomb\.png"):
        read_picture(tmp_path / "bomb.png")


def test_a_folder_in_order_again_and_again(tmp_path):
    for i, name in enumerate(["b.png", "a.png", "c.png"]):
        save(tmp_path / name, np.full((2, 2, 3), 10 * i, dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    source = PictureSource(path=str(tmp_path))
    first = source(batch=2)
    assert (first[:, 0, 0, 0] * 255).round().tolist() == [10, 0]
    assert (source(batch=2)[:, 0, 0, 0] * 255).round().tolist() == [20, 10]
    assert [p.name for p in list_pictures(tmp_path)] == ["a.png", "b.png", "c.png"]


def test_broken_ones_are_skipped_or_refused_as_asked(tmp_path, colours):
    save(tmp_path / "a.png", colours)
    (tmp_path / "b.png").write_bytes(b"broken")
    with pytest.raises(FileError, match=r"b\.png"):
        PictureSource(path=str(tmp_path))(batch=2)
    with pytest.warns(UserWarning, match=r"skipped: .*b\.png"):
        assert PictureSource(path=str(tmp_path), broken="skip")(batch=2).shape == (2, 3, 7, 5)
    (tmp_path / "a.png").write_bytes(b"broken too")
    with pytest.raises(FileError), pytest.warns(UserWarning, match="skipped"):
        PictureSource(path=str(tmp_path), broken="skip")(batch=1)


def test_sizes_do_not_mix_in_a_batch(tmp_path, colours):
    save(tmp_path / "a.png", colours)
    save(tmp_path / "b.png", colours[:4])
    with pytest.raises(DimensionError, match="got 4x5, 7x5"):
        PictureSource(path=str(tmp_path))(batch=2)


def test_nothing_there(tmp_path):
    with pytest.raises(FileError, match="no pictures in folder"):
        list_pictures(tmp_path)
    with pytest.raises(FileError, match="no picture or folder"):
        list_pictures(tmp_path / "nowhere")
    with pytest.raises(FileError, match=r"split\.json"):
        street_scenes(tmp_path)


def test_the_street_scenes(data_folder):
    scenes = street_scenes(data_folder / "cityscapes100")
    assert len(scenes) == 10
    boxes = scenes[0].boxes()
    assert boxes.corners.shape == (1, boxes.importance.shape[1], 4)
    with pytest.raises(FileError, match="no part 'vall'; did you mean 'val'"):
        street_scenes(data_folder / "cityscapes100", "vall")


def test_training_pictures_are_read_anew_when_a_folder_changes(tmp_path):
    PillowImage.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    first = training_pictures((str(tmp_path),), 64)
    assert training_pictures((str(tmp_path),), 64) is first
    PillowImage.new("RGB", (64, 64), "blue").save(tmp_path / "b.png")
    assert len(training_pictures((str(tmp_path),), 64).plain) == 2


def test_triangular_decibels_have_the_distribution_they_say():
    drawn = TriangularDecibels(least=-4.0, most=12.0).seed(3)(batch=40_000)
    assert drawn.min() >= -4
    assert drawn.max() <= 12
    for value in (-2.0, 0.0, 4.0, 9.0):
        share = 1 - ((12 - value) / 16) ** 2
        # Four standard deviations of a share of 40,000 draws.
        allowed = 4 * (share * (1 - share) / 40_000) ** 0.5
        assert float((drawn < value).double().mean()) == pytest.approx(share, abs=allowed)
    with pytest.raises(ParameterError, match="two rising numbers"):
        TriangularDecibels(least=5.0, most=1.0)
