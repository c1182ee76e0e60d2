import math
import random

import pytest
from sacrebleu import metrics as sacrebleu

from linksim.blocks import BLEU, SentenceErrors, WordErrors
from linksim.blocks.text.word_list import read_word_list
from linksim.types import Text


def drawn_sentences(count, seed):
    """Of words of the list, 1 to 32 long."""
    chance = random.Random(seed)
    known = [word for word in read_word_list("europarl").words[3:] if word.isalpha()]
    return [" ".join(chance.choices(known, k=chance.randint(1, 32))) for _ in range(count)]


def test_bleu_is_that_of_sacrebleu():
    chance = random.Random(5)
    pairs = []
    for sentence in drawn_sentences(60, seed=4):
        found = sentence.split()
        for place in range(len(found)):
            if chance.random() < 0.2:
                found[place] = chance.choice(found)
        pairs.append((sentence, " ".join(found[: chance.randint(0, len(found))] if chance.random() < 0.3 else found)))
    scores = BLEU()(sent=Text.of([a for a, _ in pairs]), received=Text.of([b for _, b in pairs]))
    for order, score in enumerate(scores, 1):
        judge = sacrebleu.BLEU(max_ngram_order=order, smooth_method="none", tokenize="none", effective_order=False)
        for (sent, received), value in zip(pairs, score.value.tolist(), strict=True):
            if len(sent.split()) < order:
                assert math.isnan(value)
            else:
                expected = judge.sentence_score(received, [sent]).score / 100 if received else 0.0
                assert value == pytest.approx(expected, abs=1e-6)


def test_errors_count_words_and_sentences():
    sent = Text.of(["a b c d", "a b", "one", "x y z"])
    received = Text.of(["a c d", "a b", "", "z y x w"])
    errors = WordErrors()(sent=sent, received=received)
    assert errors.errors.tolist() == [1, 0, 1, 3]
    assert errors.trials.tolist() == [4, 2, 1, 3]
    assert SentenceErrors()(sent=sent, received=received).errors.tolist() == [1, 0, 1, 1]
