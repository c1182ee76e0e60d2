"""The words for COCO's classes: synonyms, kinds, and what things are for."""

import re
from collections.abc import Iterable, Mapping

from linksim.blocks.semantics.categories import COCO

SYNONYMS: Mapping[str, str] = {
    "person": "human, people, man, men, woman, women, child, children, boy, girl, kid, baby, adult, lady, gentleman, "
    "guy, pedestrian, passenger, driver, rider, cyclist, player, worker, skier, surfer, skater, somebody, someone, "
    "anyone, everyone, everybody, crowd",
    "bicycle": "bike, cycle, pushbike",
    "car": "automobile, auto, sedan, taxi, cab, suv",
    "motorcycle": "motorbike, moped, scooter",
    "airplane": "plane, aeroplane, aircraft, airliner, jet",
    "bus": "coach, minibus",
    "train": "tram, locomotive, railcar",
    "truck": "lorry, pickup, pickup truck",
    "boat": "ship, vessel, sailboat, canoe, kayak, yacht, ferry",
    "traffic light": "traffic signal, stoplight, signal light",
    "fire hydrant": "hydrant",
    "stop sign": "stop signal",
    "bench": "park bench",
    "bird": "duck, goose, geese, gull, seagull, pigeon, chicken, swan, parrot",
    "cat": "kitty, kitten, pussycat",
    "dog": "puppy, puppies, pup, hound",
    "horse": "pony, ponies, foal, mare, stallion",
    "sheep": "lamb, ewe, ram",
    "cow": "cattle, bull, calf, calves, ox, oxen",
    "bear": "grizzly",
    "backpack": "rucksack, knapsack",
    "umbrella": "parasol",
    "handbag": "purse, bag",
    "tie": "necktie",
    "suitcase": "trunk, travel case",
    "frisbee": "flying disc",
    "skis": "ski",
    "sports ball": "ball, football, soccer ball, basketball, tennis ball, baseball",
    "baseball glove": "mitt, glove",
    "baseball bat": "bat",
    "tennis racket": "racket, racquet, tennis racquet",
    "bottle": "flask",
    "wine glass": "goblet, glass, stemware",
    "cup": "mug, tumbler",
    "hot dog": "hotdog, frankfurter",
    "donut": "doughnut",
    "chair": "armchair, stool, seat",
    "couch": "sofa, settee",
    "potted plant": "house plant, houseplant, plant, pot plant, flowerpot",
    "bed": "mattress, mattresses",
    "dining table": "table, desk",
    "toilet": "lavatory, loo",
    "tv": "television, television set, monitor, screen, telly",
    "laptop": "notebook computer, notebook, portable computer",
    "mouse": "computer mouse, mice",
    "remote": "remote control",
    "keyboard": "computer keyboard",
    "cell phone": "phone, mobile phone, mobile, cellphone, smartphone, telephone",
    "microwave": "microwave oven",
    "oven": "stove, cooker",
    "sink": "basin, washbasin",
    "refrigerator": "fridge, freezer",
    "book": "novel, textbook",
    "clock": "watch, wall clock",
    "scissors": "scissor, shears",
    "teddy bear": "teddy, stuffed bear, plush bear",
    "hair drier": "hair dryer, hairdryer, blow dryer",
    "knife": "knives",
}
KINDS: Mapping[str, str] = {
    "vehicle, means of transport": "bicycle, car, motorcycle, airplane, bus, train, truck, boat",
    "road user": "person, bicycle, car, motorcycle, bus, truck",
    "two-wheeler, two wheeler": "bicycle, motorcycle",
    "animal, creature, beast": "bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe",
    "pet": "cat, dog",
    "livestock, farm animal": "horse, sheep, cow",
    "furniture": "chair, couch, bed, dining table",
    "food, foodstuff": "banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake",
    "fruit": "banana, apple, orange",
    "vegetable": "broccoli, carrot",
    "dessert, sweet dessert, pastry, pastries": "donut, cake",
    "electronic device, electronics, electronic, gadget": "tv, laptop, mouse, remote, keyboard, cell phone",
    "computer": "laptop",
    "appliance, kitchen appliance": "microwave, oven, toaster, sink, refrigerator",
    "cutlery, silverware, flatware": "fork, knife, spoon",
    "tableware, crockery, dishes, dish": "wine glass, cup, fork, knife, spoon, bowl",
    "drinking vessel": "wine glass, cup",
    "luggage, baggage": "backpack, handbag, suitcase",
    "sports equipment": "frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, "
    "surfboard, tennis racket",
    "traffic sign, road sign, sign": "stop sign",
}
"""Names of kinds, and the classes that belong to each: COCO's own groups where it has them."""
FUNCTIONS: Mapping[str, str] = {
    r"\bsit(s|ting)?\b": "chair, couch, bench",
    r"\b(sleep|lie|lies|lying)(s|ing)?\b": "bed",
    r"\btyp(e|es|ing)\b": "laptop, keyboard",
    r"\bdrink(s|ing)?\b": "wine glass, cup, bottle",
    r"\beats? with\b|\beating with\b": "fork, knife, spoon",
    r"\b(fly|flies|flying)\b": "airplane, kite, bird, frisbee",
    r"\b(heat|heats|cook|cooks|bake|bakes)\b": "microwave, oven, toaster",
    r"\bcools?\b|\bkeeps? .*(cold|fresh)\b": "refrigerator",
    r"\b(stop|stops|control|controls|regulates?) (the )?(traffic|cars)\b": "stop sign, traffic light",
    r"\bfloat(s|ing)?\b": "boat, surfboard",
    r"\b(rail|rails|railway|tracks)\b": "train",
    r"\bread(s|ing)?\b": "book",
    r"\brain\b": "umbrella",
    r"\blong neck\b": "giraffe",
    r"\bstrip(es|ed)\b": "zebra",
    r"\b(largest|biggest|heaviest) land animal\b|\b(a|its|with) trunk\b": "elephant",
    r"\baround (the|his|her|one's) neck\b": "tie",
    r"\b(tell|tells|show|shows) (the )?time\b": "clock",
    r"\bwool\b": "sheep",
    r"\b(give|gives) (us )?milk\b": "cow",
    r"\bbark(s|ing)?\b": "dog",
    r"\bm(e|i)ow(s|ing)?\b": "cat",
    r"\b(cut|cuts) (the |his |her )?(hair|paper)\b": "scissors",
    r"\bcuts?\b": "knife, scissors",
    r"\b(calls?|phones?) with\b": "cell phone",
    r"\bbrush(es)? .*teeth\b": "toothbrush",
    r"\b(dry|dries) .*hair\b": "hair drier",
    r"\bwash(es)? .*hands\b": "sink",
    r"\bput(s)? out (the )?fires?\b|\bfire brigade\b": "fire hydrant",
    r"\bpa(y|ys) for parking\b": "parking meter",
    r"\bpedal(s)?\b": "bicycle",
    r"\bwhoever\b|\bwho is\b|\banybody\b": "person",
}
"""What a request says of a thing, and the classes that it is true of."""
PLACES = ("road", "street", "sky", "grass", "water", "sea", "tree", "building", "house", "wall", "floor", "ground",
          "sidewalk", "pavement", "mountain", "window", "door", "pole", "fence", "vegetation", "terrain")  # fmt: skip
"""Nouns that are understood, and that only a scene with names of its own can have."""
IRREGULAR = {"people": "person", "men": "man", "women": "woman", "children": "child", "knives": "knife",
             "mice": "mouse", "geese": "goose", "calves": "calf", "oxen": "ox"}  # fmt: skip


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",")]


def _table() -> dict[str, frozenset[str]]:
    found = {name: frozenset({name}) for name in COCO}
    for category, others in SYNONYMS.items():
        found |= {name: frozenset({category}) for name in _names(others)}
    for names, categories in KINDS.items():
        found |= {name: frozenset(_names(categories)) for name in _names(names)}
    return found


NOUNS: Mapping[str, frozenset[str]] = _table()
"""Each word or phrase that names things, and the classes that it means."""
LONGEST = max(len(noun.split()) for noun in NOUNS)


def singulars(word: str) -> list[str]:
    """What a word may be the plural of, the word itself first."""
    found = [word, IRREGULAR.get(word, word)]
    for ending, instead in (("ies", "y"), ("ves", "fe"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            found.append(word[: -len(ending)] + instead)
    return list(dict.fromkeys(found))


def noun_at(words: list[str], at: int, scene: Iterable[str] = ()) -> tuple[int, frozenset[str], bool] | None:
    """The longest noun that begins at a word: how many words it has, the classes that it means, whether it is a plural.

    `scene` has names beyond COCO's, which mean themselves.
    """
    own = {name: frozenset({name}) for name in scene}
    for count in range(min(LONGEST, len(words) - at), 0, -1):
        *before, last = words[at : at + count]
        for singular in singulars(last):
            name = " ".join([*before, singular])
            classes = own.get(name) or NOUNS.get(name)
            if classes is None and name in PLACES:
                classes = frozenset({name})
            if classes is not None:
                return count, classes, singular != last or last in IRREGULAR
    return None


def meant_by_function(text: str) -> tuple[frozenset[str], str] | None:
    """The classes that a description of their use or look is true of, and the words that say it."""
    for pattern, categories in FUNCTIONS.items():
        found = re.search(pattern, text)
        if found:
            return frozenset(_names(categories)), found[0]
    return None
