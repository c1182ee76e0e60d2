"""A sentence that asks for a part of a picture, read by rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from linksim.blocks.intent.vocabulary import meant_by_function, noun_at

COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
NUMBERS = {"one": 1, "two": 2, "both": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
           "ten": 10}  # fmt: skip
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
SIZES = {"largest": True, "biggest": True, "tallest": True, "smallest": False, "tiniest": False}
DISTANCES = {"nearest": True, "closest": True, "farthest": False, "furthest": False}
SIDES = {"left": "left", "leftmost": "left", "right": "right", "rightmost": "right", "top": "top", "upper": "top",
         "topmost": "top", "bottom": "bottom", "lower": "bottom", "middle": "middle", "centre": "middle",
         "center": "middle"}  # fmt: skip
FILLERS = frozenset(
    word
    for words in (
        "please transmit send give show display me us i we want need would like to see get just only simply the a an",
        "of in on at from for picture image photo scene frame this that these those is are it its all every each any",
        "piece kind sort which what whatever one ones most very side part corner half here there my your some can",
        "could you and with colour color coloured colored object objects thing things something",
    )
    for word in words.split()
)
EXCEPT = re.compile(r"\b(?:but not|except for|except|but|other than|apart from|without|excluding|not)\b")
WHOLE = re.compile(r"\b(?:everything|(?:whole|entire|complete) (?:picture|image|photo|scene))\b")
PICTURE = re.compile(r"\b(?:picture|image|photo)\b")
ALL_THINGS = re.compile(r"\ball (?:the )?(?:objects|things)\b")
BACKGROUND = re.compile(r"\bbackground\b")
LONGEST_REQUEST = 500


@dataclass(frozen=True)
class Clause:
    """One group of objects: the classes, and which of them.

    `many` says that the words are plural. `sides` holds "left", "right", "top", "bottom", "middle"; `ordinal` counts
    from the first of them.
    """

    words: str
    categories: frozenset[str]
    many: bool = False
    colour: str | None = None
    count: int | None = None
    ordinal: int | None = None
    largest: bool | None = None
    nearest: bool | None = None
    sides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked for: clauses that add up, clauses that are taken away, or all pixels or the background to start
    with; and what was not understood."""

    clauses: tuple[Clause, ...] = ()
    without: tuple[Clause, ...] = ()
    whole: bool = False
    background: bool = False
    problems: tuple[str, ...] = field(default=())

    @property
    def understood(self) -> bool:
        """Whether every word was."""
        return not self.problems and bool(self.clauses or self.whole or self.background)


def read_request(sentence: str, scene: Iterable[str] = ()) -> Request:
    """Read a sentence in English; `scene` has names of classes beyond COCO's.

    What the rules do not know, as relations between objects ("who has the ball"), is a problem that is named.
    """
    text = re.sub(r"[^a-z0-9' -]+", " , ", sentence.lower()[:LONGEST_REQUEST]).strip()
    if not re.search(r"[a-z0-9]", text):
        return Request(problems=("there is no word in it",))
    scene = tuple(scene)
    wanted, *unwanted = EXCEPT.split(text)
    problems: list[str] = []
    without = _clauses(" and ".join(unwanted), scene, problems) if unwanted else ()
    background = bool(BACKGROUND.search(wanted))
    plain = all(word in FILLERS or word == "," for word in WHOLE.sub(" ", wanted).split())
    whole = plain and bool(WHOLE.search(wanted) or PICTURE.search(wanted) or without)
    if not background and not whole and ALL_THINGS.search(wanted):
        clauses: tuple[Clause, ...] = (Clause("all objects", frozenset(), many=True),)
    elif background or whole:
        clauses = ()
    else:
        clauses = _clauses(wanted, scene, problems)
    return Request(clauses, without, whole, background, tuple(problems))


CONJUNCTIONS = re.compile(r",|\band\b|\bor\b|\bplus\b|\bas well as\b")


def noun_phrases(sentence: str) -> tuple[list[str], list[str]]:
    """What a sentence asks for and what it leaves out, as phrases for a network that knows words itself."""
    text = re.sub(r"[^\w' -]+", " , ", sentence.lower())
    wanted, *unwanted = EXCEPT.split(text)
    return _phrases(wanted), [phrase for part in unwanted for phrase in _phrases(part)]


def _phrases(text: str) -> list[str]:
    """Without the words at both ends that say nothing."""
    found: list[str] = []
    for part in CONJUNCTIONS.split(text):
        words = part.split()
        while words and words[0] in FILLERS:
            words.pop(0)
        while words and words[-1] in FILLERS:
            words.pop()
        if words:
            found.append(" ".join(words))
    return found


def _clauses(text: str, scene: tuple[str, ...], problems: list[str]) -> tuple[Clause, ...]:
    parts = [part.strip() for part in CONJUNCTIONS.split(text)]
    found: list[Clause] = []
    for part in parts:
        if any(word not in FILLERS for word in part.split()):
            clause = _clause(part, scene, problems)
            if clause is not None:
                found.append(clause)
    if not found and not problems:
        problems.append(f"no object is named in '{text.strip(' ,')}'")
    return tuple(found)


def _clause(text: str, scene: tuple[str, ...], problems: list[str]) -> Clause | None:
    function = meant_by_function(text)
    if function is not None and not _whole_noun(text, scene):
        return Clause(text, function[0], many=True)
    words, at = text.split(), 0
    categories: frozenset[str] = frozenset()
    many = any(word in ("all", "every", "each", "both", "any") for word in words)
    unknown: list[str] = []
    which: dict[str, object] = {}
    sides: list[str] = []
    while at < len(words):
        noun = noun_at(words, at, scene) if words[at] not in COLOURS or not _colours_next(words, at, scene) else None
        if noun is not None:
            count, found, plural = noun
            if categories:
                problems.append(
                    f"how '{' '.join(words[at : at + count])}' relates to the rest of '{text}' is not known"
                )
                return None
            categories, many, at = found, many or plural, at + count
            continue
        if not _modifier(words[at], which, sides) and words[at] not in FILLERS:
            unknown.append(words[at])
        at += 1
    if unknown or not categories:
        problems.append(
            f"{_quoted(unknown)} in '{text}' is not known" if unknown else f"no object is named in '{text}'"
        )
        return None
    return Clause(text, categories, many=many, sides=tuple(dict.fromkeys(sides)), **which)  # pyright: ignore[reportArgumentType]


def _whole_noun(text: str, scene: tuple[str, ...]) -> bool:
    """Whether the words, without those that say nothing, are one noun: "the teddy bear" is no function."""
    words = [word for word in text.split() if word not in FILLERS]
    noun = noun_at(words, 0, scene) if words else None
    return noun is not None and noun[0] == len(words)


def _colours_next(words: list[str], at: int, scene: tuple[str, ...]) -> bool:
    """Whether a word that is a colour and a thing, as orange, is the colour of what follows."""
    return any(noun_at(words, later, scene) is not None for later in range(at + 1, len(words)))


def _modifier(word: str, which: dict[str, object], sides: list[str]) -> bool:
    colour = "grey" if word == "gray" else word
    if colour in COLOURS:
        which["colour"] = colour
    elif word in NUMBERS:
        which["count"] = NUMBERS[word] if word != "one" else which.get("count")
    elif word.isdigit() and 0 < int(word) < 100:
        which["count"] = int(word)
    elif word in ORDINALS:
        which["ordinal"] = ORDINALS[word]
    elif word in SIZES:
        which["largest"] = SIZES[word]
    elif word in DISTANCES:
        which["nearest"] = DISTANCES[word]
    elif word in SIDES:
        sides.append(SIDES[word])
    else:
        return False
    return True


def _quoted(words: list[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
