"""Pictures with outlined objects: Cityscapes, COCO's own form and YOLO's."""

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from linksim.blocks import PatchImportance
from linksim.blocks.importance import importance_of_masks
from linksim.blocks.semantics.categories import COCO, NUMBER
from linksim.blocks.sources import cityscapes_scenes, coco_scenes
from linksim.blocks.sources.masked_scenes import COCO_NUMBERS
from linksim.errors import DimensionError, FileError, ParameterError


def blank(path, height=64, width=96):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


def write(path, base_rate):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(base_rate if isinstance(base_rate, str) else json.dumps(base_rate))


def rectangle(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def write_cityscapes(root, objects, name="aachen_000000_000019"):
    blank(root / "leftImg8bit" / "val" / "aachen" / f"{name}_leftImg8bit.png")
    outlines = {"imgHeight": 64, "imgWidth": 96, "objects": objects}
    write(root / "gtFine" / "val" / "aachen" / f"{name}_gtFine_polygons.json", outlines)


# -- Cityscapes


def test_cityscapes_objects_are_cut_by_what_stands_before_them(tmp_path):
    objects = [
        {"label": "road", "polygon": rectangle(0, 0, 95, 63)},
        {"label": "car", "polygon": rectangle(10, 10, 49, 39)},
        {"label": "rider", "polygon": rectangle(30, 10, 49, 29)},
        {"label": "cargroup", "polygon": rectangle(60, 10, 80, 30)},
        {"label": "pole", "polygon": rectangle(10, 10, 11, 39)},
        {"label": "truck", "polygon": rectangle(0, 0, 95, 63), "deleted": 1},
        {"label": "bus", "polygon": rectangle(100, 0, 120, 63)},
    ]
    write_cityscapes(tmp_path, objects)
    (scene,) = cityscapes_scenes(tmp_path)
    assert (scene.name, scene.size) == ("aachen_000000_000019", (64, 96))
    found = scene.detections()
    assert [COCO[i] for i in found.category[0]] == ["car", "person"]
    assert found.corners[0].tolist() == [[10, 10, 49, 39], [30, 10, 49, 29]]
    masks = scene.masks()
    assert masks.shape == (2, 64, 96)
    assert int(masks[1].sum()) == 20 * 20
    # 40 x 30 pixels, of which the rider hides 20 x 20 and the pole 2 x 30.
    assert int(masks[0].sum()) == 1200 - 400 - 60


def test_cityscapes_says_what_is_missing_or_broken(tmp_path):
    with pytest.raises(FileError, match="no Cityscapes in .* 'leftImg8bit/val' is missing"):
        cityscapes_scenes(tmp_path)
    write_cityscapes(tmp_path, [])
    blank(tmp_path / "leftImg8bit" / "val" / "aachen" / "b_leftImg8bit.png")
    with pytest.warns(UserWarning, match="scene 'b' has no 'b_gtFine_polygons.json'; it is left out"):
        scenes = list(cityscapes_scenes(tmp_path))
    assert [scene.masks().shape for scene in scenes] == [(0, 64, 96)]
    assert scenes[0].detections().corners.shape == (1, 0, 4)
    for base_rate, message in (
        ("{", "no valid JSON"),
        ([], "must hold 'objects'"),
        ({"objects": [{"label": "car", "polygon": [[1, "x"]]}]}, "object 0: an outline must be"),
        ({"objects": [{"label": "car", "polygon": [[1, float("nan")]] * 3}]}, "corners must be numbers"),
        ({"objects": [3]}, "object 0: must be"),
        ({"objects": [{"label": ["car"], "polygon": rectangle(0, 0, 9, 9)}]}, "object 0: must be"),
    ):
        write(tmp_path / "gtFine" / "val" / "aachen" / "b_gtFine_polygons.json", base_rate)
        with pytest.raises(FileError, match=message):
            list(cityscapes_scenes(tmp_path))


# -- COCO


def test_coco_numbers_are_those_with_gaps():
    assert len(COCO_NUMBERS) == 80
    by_number = {n: COCO[i] for i, n in enumerate(COCO_NUMBERS)}
    known = {1: "person", 3: "car", 10: "traffic light", 13: "stop sign", 44: "bottle", 67: "dining table",
             90: "toothbrush"}  # fmt: skip
    assert {n: by_number[n] for n in known} == known


def test_coco_in_its_own_form(tmp_path):
    blank(tmp_path / "val2017" / "000000000001.jpg")
    blank(tmp_path / "val2017" / "000000000002.jpg")
    car = {"image_id": 1, "category_id": 3, "segmentation": [[8, 8, 39, 8, 39, 23, 8, 23], [48, 8, 55, 8, 55, 15]]}
    crowd = {"image_id": 1, "category_id": 1, "iscrowd": 1, "segmentation": {"counts": [1], "size": [64, 96]}}
    names = [{"id": 2, "file_name": "000000000002.jpg"}, {"id": 1, "file_name": "000000000001.jpg"},
             {"id": 3, "file_name": "gone.jpg"}]  # fmt: skip
    instances = tmp_path / "annotations" / "instances_val2017.json"
    write(instances, {"images": names, "annotations": [car, crowd]})
    with pytest.warns(UserWarning, match="'gone.jpg' is not in"):
        first, second = coco_scenes(tmp_path, "val2017")
    assert [len(first.objects), len(second.objects)] == [1, 0]
    assert first.detections().category.tolist() == [[NUMBER["car"]]]
    assert first.detections().corners.tolist() == [[[8, 8, 55, 23]]]
    assert int(first.masks()[0, :, :44].sum()) == 32 * 16
    write(instances, {"images": names, "annotations": [{**car, "category_id": 12}]})
    with pytest.raises(FileError, match="annotation 0: 'category_id' must be one of COCO's"):
        list(coco_scenes(tmp_path, "val2017"))
    for broken, message in (
        ({"images": names, "annotations": [{**car, "image_id": [1]}]}, "annotation 0: 'image_id' must be a number"),
        ({"images": names, "annotations": [{**car, "segmentation": [[1] * 7]}]}, "annotation 0: an outline must be"),
        ({"images": [3], "annotations": []}, "image 0: must have an 'id' and a 'file_name'"),
    ):
        write(instances, broken)
        with pytest.raises(FileError, match=message):
            list(coco_scenes(tmp_path, "val2017"))
    write(instances, {"images": names})
    with pytest.raises(FileError, match="must hold the lists 'images' and 'annotations'"):
        list(coco_scenes(tmp_path, "val2017"))


def test_yolo_files_are_read_and_their_faults_counted(tmp_path):
    blank(tmp_path / "images" / "train2017" / "a.jpg")
    blank(tmp_path / "images" / "train2017" / "b.jpg")
    labels = tmp_path / "labels" / "train2017"
    square = "0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5"
    write(
        labels / "a.txt",
        f"2 {square}\n\n2 0.1 0.1\nno numbers\n2 0.1 0.1 0.2 0.2 7 7\n999 {square}\n0.5 {square}\nnan {square}\n",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first, second = coco_scenes(tmp_path)
    messages = [str(warning.message) for warning in caught]
    assert messages[0] == "1 pictures have no file of outlines, as 'b'; they have no objects"
    assert messages[1].startswith("6 lines in ")
    assert messages[1].endswith("are no outlines, as in 'a.txt'; they are left out")
    assert first.detections().category.tolist() == [[NUMBER["car"]]]
    assert first.detections().corners.tolist() == [[[24, 16, 48, 32]]]
    assert len(second.objects) == 0


def test_yolo_files_with_cocos_own_numbers(tmp_path):
    blank(tmp_path / "images" / "train2017" / "a.jpg")
    square = "0.25 0.25 0.5 0.25 0.5 0.5"
    write(tmp_path / "labels" / "train2017" / "a.txt", f"3 {square}\n90 {square}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (scene,) = coco_scenes(tmp_path)
    assert [COCO[i] for i in scene.detections().category[0]] == ["car", "toothbrush"]


def test_coco_says_what_is_missing(tmp_path):
    with pytest.raises(FileError, match="neither 'images/train2017' nor 'train2017' is there"):
        coco_scenes(tmp_path)
    blank(tmp_path / "train2017" / "a.jpg")
    with pytest.raises(FileError, match="no outlines in"):
        coco_scenes(tmp_path)


def test_coco128_has_its_outlined_pictures(data_folder):
    with pytest.warns(UserWarning, match="28 pictures have no file"):
        scenes = list(coco_scenes(data_folder / "coco128"))
    # Two of the hundred files are empty.
    assert (len(scenes), sum(bool(scene.objects) for scene in scenes)) == (128, 98)
    for scene in scenes[:20]:
        masks, boxes = scene.masks(), scene.detections().corners[0]
        for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
            rows, cols = mask.nonzero().unbind(1)
            assert left - 1 <= cols.min() <= cols.max() <= right + 1
            assert top - 1 <= rows.min() <= rows.max() <= bottom + 1


# -- from masks to patches


def test_masks_label_the_patches_they_touch():
    masks = torch.zeros(2, 40, 50, dtype=torch.bool)
    masks[0, 15:17, 3] = True
    masks[1, 39, 49] = masks[1, 0, 0] = True
    labels = importance_of_masks(masks, torch.tensor([2, 1]))
    assert labels.tolist() == [[[2, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]]]
    assert importance_of_masks(masks[:0], torch.zeros(0, dtype=torch.int64)).tolist() == [[[0] * 4] * 3]
    with pytest.raises(ParameterError, match="'importance' must hold labels 0 to 3"):
        importance_of_masks(masks, torch.tensor([4, 1]))
    with pytest.raises(DimensionError, match=r"must be \[2\], a label per mask \(got \[1\]\)"):
        importance_of_masks(masks, torch.tensor([1]))


def test_known_labels_and_boxes_are_joined():
    image = torch.zeros(1, 3, 32, 48)
    known = torch.tensor([[[1, 3, 0], [0, 0, 2]]])
    boxes = PatchImportance()(image=image, known=known)
    assert torch.equal(boxes, known)
    from linksim import Boxes

    drawn = Boxes(torch.tensor([[[0.0, 0, 32, 16]]]), torch.tensor([[2]]))
    assert PatchImportance()(image=image, boxes=drawn, known=known).tolist() == [[[2, 3, 0], [0, 0, 2]]]
    with pytest.raises(DimensionError, match=r"'known' must be \[1, 2, 3\], a label per patch \(got \[1, 2, 2\]\)"):
        PatchImportance()(image=image, known=known[:, :, :2])
    with pytest.raises(ParameterError, match="'known' must hold labels 0 to 3"):
        PatchImportance()(image=image, known=known + 1)
    small = PatchImportance()(image=image, known=known.int())
    assert small.dtype == torch.int64
