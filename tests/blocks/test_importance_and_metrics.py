import json
import math

import pytest
import torch

from linksim import Boxes, Received, Symbols
from linksim.blocks import PSNR, SAD, BitErrors, CBRLedger, FrameErrors, HeaderErrors, PatchImportance, PatchPSNR
from linksim.blocks.importance import read_boxes
from linksim.errors import FileError, ParameterError


def importance_of(boxes, height=48, width=64):
    corners = torch.tensor([[list(map(float, box)) for box, _ in boxes]])
    labels = torch.tensor([[label for _, label in boxes]])
    return PatchImportance()(image=torch.zeros(1, 3, height, width), boxes=Boxes(corners, labels))[0]


def test_an_object_that_touches_a_patch_counts():
    labels = importance_of([((16, 16, 32, 32), 2)])
    assert labels.tolist() == [[0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]
    labels = importance_of([((15.9, 16, 32.1, 32), 2)])
    assert labels.tolist() == [[0, 0, 0, 0], [2, 2, 2, 0], [0, 0, 0, 0]]


def test_the_most_important_object_wins():
    labels = importance_of([((0, 0, 64, 48), 1), ((20, 0, 30, 48), 3), ((16, 0, 40, 10), 2)])
    assert labels.tolist() == [[1, 3, 2, 1], [1, 3, 1, 1], [1, 3, 1, 1]]


def test_boxes_beyond_the_picture_and_odd_sizes():
    labels = importance_of([((-50, -50, 5, 5), 3), ((60, 40, 500, 500), 1)], height=41, width=65)
    assert labels.shape == (3, 5)
    assert labels[0].tolist() == [3, 0, 0, 0, 0]
    assert labels[2].tolist() == [0, 0, 0, 1, 1]


def test_no_boxes_and_padding_are_background():
    image = torch.zeros(2, 3, 32, 32)
    assert int(PatchImportance()(image=image).sum()) == 0
    empty = Boxes(torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.int64))
    assert int(PatchImportance()(image=image, boxes=empty).sum()) == 0
    padded = Boxes(torch.tensor([[[0.0, 0, 16, 16]], [[0.0, 0, 32, 32]]]), torch.tensor([[3], [0]]))
    assert PatchImportance()(image=image, boxes=padded).sum((1, 2)).tolist() == [3, 0]


def box(x1, y1, x2, y2, **more):
    return {"box": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}, **more}


@pytest.fixture
def write(tmp_path):
    def dump(name, base_rate):
        path = tmp_path / name
        path.write_text(base_rate if isinstance(base_rate, str) else json.dumps(base_rate))
        return path

    return dump


def test_boxes_from_one_list(write):
    boxes = read_boxes(write("b.json", [box(1, 2, 3.5, 4, importance=3), box(0, 0, 9, 9, importance=0)]))
    assert boxes.corners.tolist() == [[[1, 2, 3.5, 4], [0, 0, 9, 9]]]
    assert boxes.importance.tolist() == [[3, 0]]
    assert read_boxes(write("e.json", [])).corners.shape == (1, 0, 4)


def test_boxes_and_labels_from_two_files_that_do_not_match(write):
    detections = write("d.json", [box(1, 2, 3, 4, track_id=1), box(5, 6, 7, 8, track_id=2)])
    assert read_boxes(detections, write("l.json", {"1": 3, "2": 1})).importance.tolist() == [[3, 1]]
    with pytest.warns(UserWarning, match="1 detections have no label and 2 labels have no detection"):
        boxes = read_boxes(detections, write("m.json", {"2": 1, "7": 2, "8": 2}))
    assert boxes.importance.tolist() == [[1]]


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        ("{", None, "no valid JSON"),
        ({"box": 1}, None, "must hold a list"),
        ([1], None, "entry 0: must have a 'box'"),
        ([box(1, 2, 3, "4", importance=1)], None, "numbers x1, y1, x2, y2"),
        ([box(1, 2, 3, 4)], None, "'importance' must be 0, 1, 2 or 3 .got None"),
        ([box(1, 2, 3, 4, importance=4)], None, "got 4"),
        ([box(1, 2, 3, 4, importance=True)], None, "got True"),
        ([box(1, 2, 3, 1e300, importance=1)], None, "numbers"),
        ([box(1, 2, 3, 4, track_id=1)], [1], "must map ids"),
        ([box(1, 2, 3, 4, track_id=1)], {"1": 7}, "labels 0 to 3"),
        ("[" * 100_000, None, "no valid JSON"),
    ],
)
def test_bad_box_files_are_named(write, boxes, labels, message):
    paths = [write("boxes.json", boxes), None if labels is None else write("labels.json", labels)]
    with pytest.raises(FileError, match=message):
        read_boxes(*paths)


def test_psnr_against_its_definition():
    original, image = torch.rand(2, 3, 20, 30), torch.rand(2, 3, 20, 30) * 1.4 - 0.2
    rounded = (image.clamp(0, 1) * 255).round() - (original * 255).round()
    expected = [10 * math.log10(255**2 / float(rounded[i].double().square().mean())) for i in range(2)]
    assert PSNR()(image=image, original=original).value.tolist() == pytest.approx(expected, abs=1e-4)
    assert PSNR()(image=original, original=original).value.tolist() == [100.0, 100.0]


def test_psnr_agrees_with_scikit_image():
    from skimage.metrics import peak_signal_noise_ratio

    original = (torch.rand(1, 3, 33, 17) * 255).round() / 255
    image = (original + 0.1 * torch.randn_like(original)).clamp(0, 1)
    image = (image * 255).round() / 255
    theirs = peak_signal_noise_ratio(original.numpy(), image.numpy(), data_range=1.0)
    assert PSNR()(image=image, original=original).value.item() == pytest.approx(theirs, abs=1e-3)


def test_patch_psnr_by_class():
    original = torch.zeros(1, 3, 32, 48)
    image = original.clone()
    image[..., :16, :16] = 51 / 255
    image[..., 16:, 32:] = 25.5 / 255
    importance = torch.tensor([[[3, 0, 0], [0, 0, 1]]])
    out = PatchPSNR()(image=image, original=original, importance=importance)
    high, low = -20 * math.log10(51 / 255), -20 * math.log10(26 / 255)
    assert out.high.value.item() == pytest.approx(high, abs=1e-3)
    assert out.low.value.item() == pytest.approx(low, abs=1e-3)
    assert out.background.value.item() == pytest.approx(60.0, abs=1e-4)
    assert math.isnan(out.medium.value.item())
    assert out.nonbackground.value.item() == pytest.approx((high + low) / 2, abs=1e-3)
    weights = torch.tensor([8.0, 1, 1, 1, 1, 2]) / 14
    qualities = torch.tensor([high, 60, 60, 60, 60, low])
    sad = SAD()(image=image, original=original, importance=importance).value.item()
    assert sad == pytest.approx(float((weights * qualities).sum()), abs=1e-3)


def test_patches_cut_by_the_edge_count_their_own_pixels():
    original = torch.zeros(1, 3, 17, 16)
    image = original.clone()
    image[..., 16:, :] = 0.1
    scores = PatchPSNR()(image=image, original=original, importance=torch.tensor([[[0], [3]]]))
    assert scores.high.value.item() == pytest.approx(-20 * math.log10(26 / 255), abs=1e-3)


def test_the_ledger_bills_by_purpose():
    def symbols(*lengths):
        return Symbols(torch.zeros(len(lengths), max(lengths)) + 0j, torch.tensor(lengths))

    frame = symbols(10, 20)
    received = Received(frame, frame.samples, frame.samples.real, torch.tensor([4, 0]), "perfect")
    original = torch.zeros(2, 3, 5, 8)
    bill = CBRLedger()(
        original=original,
        payload=symbols(6, 12),
        received=received,
        header=symbols(3, 6),
        side_information=symbols(1, 2),
    )
    assert bill.cbr.value.tolist() == pytest.approx([6 / 120, 12 / 120])
    assert bill.cbr_total.value.tolist() == pytest.approx([14 / 120, 20 / 120])
    assert {name: value.tolist() for name, value in vars(bill.ledger).items()} == {
        "payload": [6, 12], "header": [3, 6], "side_information": [1, 2], "pilots": [4, 0],
        "source_dimensions": [120, 120],
    }  # fmt: skip


def test_error_counts():
    sent = torch.tensor([[0, 1, 1], [0, 0, 0]], dtype=torch.uint8)
    llrs = torch.tensor([[-1.0, 1.0, -1.0], [-1.0, -1.0, -1.0]])
    assert BitErrors()(received=llrs, sent=sent).errors.tolist() == [1, 0]
    assert FrameErrors()(received=llrs, sent=sent).errors.tolist() == [1, 0]
    k = torch.full((2, 1, 1), 8)
    out = HeaderErrors()(erased=torch.tensor([True, False]), lengths=k, sent=k + torch.tensor([0, 1])[:, None, None])
    assert out.erasures.errors.tolist() == [1, 0]
    assert out.undetected.errors.tolist() == [0, 1]


def test_labels_beyond_three_are_refused(write):
    for label in (4, -1):
        with pytest.raises(ParameterError, match="labels 0 to 3"):
            importance_of([((0, 0, 16, 16), label)])
    with pytest.raises(FileError, match="x1 must not exceed x2"):
        read_boxes(write("b.json", [box(9, 2, 3, 4, importance=1)]))
