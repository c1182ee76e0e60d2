"""Which of ImageNet's 1,000 classes belong to which of COCO's."""

from collections.abc import Mapping, Sequence


def _numbers(text: str) -> tuple[int, ...]:
    """Of a list as "7-24 80"."""
    spans = [part.split("-") for part in text.split()]
    return tuple(number for span in spans for number in range(int(span[0]), int(span[-1]) + 1))


IMAGENET: Mapping[str, Sequence[int]] = {
    name: _numbers(text)
    for name, text in {
        "bicycle": "444 671", "car": "407 436 468 511 609 627 656 661 734 751 817", "motorcycle": "665 670",
        "airplane": "404 895", "bus": "654 779 874", "train": "466 547 820 829",
        "truck": "555 569 675 717 864 867", "boat": "472 484 510 554 576 625 628 724 780 814 914",
        "traffic light": "920", "stop sign": "919", "parking meter": "704", "bench": "703",
        "bird": "7-24 80-100 127-146", "cat": "281-285", "dog": "151-268", "horse": "339", "sheep": "348-349",
        "cow": "345", "elephant": "101 385-386", "bear": "294-297", "zebra": "340", "backpack": "414",
        "umbrella": "879", "handbag": "636 748", "tie": "451 906", "skis": "795",
        "sports ball": "429-430 574 722 768 805 852 890", "tennis racket": "752", "bottle": "440 720 737 898 907",
        "wine glass": "572", "cup": "504 968", "spoon": "910", "bowl": "659 809", "banana": "954",
        "sandwich": "933", "orange": "950", "broccoli": "937", "hot dog": "934", "pizza": "963",
        "chair": "423 559 765", "couch": "831", "potted plant": "738", "bed": "520 564", "dining table": "532",
        "toilet": "861", "tv": "664 782 851", "laptop": "620 681", "mouse": "673", "remote": "761",
        "keyboard": "508", "cell phone": "487", "microwave": "651", "oven": "827", "toaster": "859", "sink": "896",
        "refrigerator": "760", "book": "917 921", "clock": "409 530 892", "vase": "883", "teddy bear": "850",
        "hair drier": "589",
    }.items()
}  # fmt: skip
"""Classes of COCO that ImageNet has no photographs of, as persons, are missing."""
