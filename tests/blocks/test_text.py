import math
import os
import random
import re

import pytest
import torch

from linksim.blocks import (
    AWGN,
    MutualInformationBound,
    NoiseAttention,
    PictureFlow,
    Rayleigh,
    SemanticTextDecoder,
    SemanticTextEncoder,
    TextChannelDecoder,
    TextChannelEncoder,
    TextShortener,
    TextSource,
    WordDetokenizer,
    WordTokenizer,
)
from linksim.blocks.text.beam import search
from linksim.blocks.text.channel_coder import USES_PER_WORD
from linksim.blocks.text.word_list import PADDING, START, UNKNOWN, read_word_list, split_words
from linksim.errors import FileError, ParameterError, PortError, WeightsError
from linksim.types import Received, Symbols, Text, Words

SENTENCES = ["we agree .", "the house is open to all members of this parliament .", "no"]


@pytest.fixture
def words():
    return WordTokenizer()(text=Text.of(SENTENCES)).words


def drawn_sentences(count, seed=1):
    """Of words of the list, 1 to 32 long."""
    chance = random.Random(seed)
    known = [word for word in read_word_list("europarl").words[3:] if word.isalpha()]
    return [" ".join(chance.choices(known, k=chance.randint(1, 32))) for _ in range(count)]


# -- words


def test_text_and_words_come_back():
    sentences = ["", "we agree .", "überall 同意", *drawn_sentences(20)]
    assert Text.of(sentences).sentences == sentences
    plain = drawn_sentences(50)
    assert WordDetokenizer()(words=WordTokenizer()(text=Text.of(plain)).words).sentences == plain


def test_punctuation_stands_where_it_belongs():
    text = "Is this (the house) of the People? We don't agree; no!"
    assert split_words(text)[:4] == ["is", "this", "(", "the"]
    assert "don't" in split_words(text)
    assert split_words("don’t") == ["don't"]
    assert split_words("a <unk> b") == ["a", "<unk>", "b"]


def test_unknown_words_are_counted():
    out = WordTokenizer()(text=Text.of(["we xqz agree", "qqq 同意"]))
    assert out.unknown.errors.tolist() == [1, 2]
    assert out.unknown.trials.tolist() == [3, 2]
    assert out.words.indices[0, 1] == UNKNOWN
    assert WordDetokenizer()(words=out.words).sentences == ["we <unk> agree", "<unk> <unk>"]
    half = WordTokenizer(unknown_share=0.5).seed(1)(text=Text.of(drawn_sentences(200))).unknown
    assert 0.45 < float(half.errors.sum() / half.trials.sum()) < 0.55


@pytest.mark.parametrize(
    ("sentence", "complaint"),
    [
        ("", "1 to 32 words and punctuation marks (got 0)"),
        ("   ", "(got 0)"),
        ("word " * 33, "(got 33)"),
        ("word " * 10_000, "(got 10000)"),
        ("a\x07b", "no control characters and no line breaks (got '\\x07')"),
        ("a\nb", "(got '\\n')"),
        ("a\u202eb", "(got '\\u202e')"),
    ],
)
def test_what_is_no_sentence_is_refused(sentence, complaint):
    with pytest.raises(ParameterError) as refused:
        WordTokenizer()(text=Text.of([sentence]))
    assert complaint in str(refused.value)


def test_word_lists_are_found_or_named(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("one\ntwo\n")
    assert WordTokenizer(word_list=str(own))(text=Text.of(["two one three"])).words.indices.tolist() == [[4, 3, 2]]
    with pytest.raises(ParameterError, match="no word list 'europal'; did you mean 'europarl'"):
        WordTokenizer(word_list="europal")
    for content, complaint in (("", "is empty"), ("one one", "has a word twice")):
        bad = tmp_path / f"bad{len(content)}.txt"
        bad.write_text(content)
        with pytest.raises(FileError, match=complaint):
            WordTokenizer(word_list=str(bad))
    with pytest.raises(FileError, match="is no list of words"):
        WordTokenizer(word_list=str(tmp_path / "none.txt"))


def test_a_source_gives_all_sentences_in_order_or_draws_them(tmp_path):
    lines, captions = tmp_path / "a.txt", tmp_path / "b.json"
    lines.write_text("one\n\ntwo\nthree\n")
    captions.write_text('{"items": [{"caption": "four"}, {"captions": ["five", "six"]}]}')
    source = TextSource(files=(str(lines), str(captions)), sentences=("seven",))
    assert source(batch=8).sentences == ["one", "two", "three", "four", "five", "six", "seven", "one"]
    assert source(batch=1).sentences == ["two"]
    assert source.seed(1)(batch=1).sentences == ["one"]
    drawn = TextSource(files=(str(lines), str(captions)), shuffle=True).seed(3)(batch=400).sentences
    assert set(drawn) == {"one", "two", "three", "four", "five", "six"}
    assert TextSource(files=(str(lines),), hold_out=3)(batch=3).sentences == ["one", "two", "one"]
    again = TextSource(files=(str(lines), str(captions)), shuffle=True).seed(3)(batch=400).sentences
    assert again == drawn
    with pytest.raises(ParameterError, match="at least one"):
        TextSource()
    for content, complaint in (
        ('{"labels": 1}', "is no file of sentences: 'items'"), ("[", "is no file of sentences"),
        ('{"items": []}', "has no sentences"), ('{"items": ["a b"]}', "is no file of sentences"),
        ('{"items": [{"caption": null}]}', "caption 1: a sentence must be text"),
        ('{"items": [{"caption": "a\\tb"}]}', "caption 1: a sentence"),
    ):  # fmt: skip
        captions.write_text(content)
        with pytest.raises(FileError, match=complaint):
            TextSource(files=(str(captions),))
    with pytest.raises(FileError, match="is no file of sentences"):
        TextSource(files=(str(tmp_path / "none.txt"),))


# -- networks


def send(sentences, snr_db, uses_per_word=8, channel=None, **settings):
    """(sent words, received words, confidence) by an untrained codec."""
    tokenized = WordTokenizer()(text=Text.of(sentences)).words
    snr = torch.full((len(sentences),), float(snr_db))
    features, length = SemanticTextEncoder(**settings)(words=tokenized, snr_db=snr)
    encoder = TextChannelEncoder(uses_per_word=uses_per_word, **settings)
    symbols = encoder(features=features, length=length, snr_db=snr)
    received = (channel or AWGN()).seed(1)(symbols=symbols, snr_db=snr)
    decoder = TextChannelDecoder(uses_per_word=uses_per_word, **settings)
    features, length, seen = decoder(received=received, length=length)
    found = SemanticTextDecoder(**settings)(features=features, length=length, snr_db=seen)
    return tokenized, found.words, found.confidence


@pytest.mark.parametrize("noise_attention", [True, False])
def test_untrained_it_is_a_random_code_that_the_decoder_reads(noise_attention):
    sentences = drawn_sentences(30)
    sent, found, confidence = send(sentences, 20.0, noise_attention=noise_attention)
    assert torch.equal(sent.indices, found.indices)
    assert bool((confidence[sent.mask] > 0.99).all())
    assert bool((confidence[~sent.mask] == 0).all())
    wrong = [float((a.indices != b.indices)[a.mask].float().mean())
             for a, b, _ in (send(sentences, snr_db) for snr_db in (10.0, 4.0, -2.0))]  # fmt: skip
    assert wrong[0] < 0.02 < wrong[1] < wrong[2]


def test_the_random_code_is_decoded_as_well_as_by_the_nearest_codeword():
    """The untrained decoder against maximum likelihood, computed apart."""
    sentences = drawn_sentences(60, seed=2)
    tokenized = WordTokenizer()(text=Text.of(sentences)).words
    snr = torch.full((60,), 3.0)
    features, length = SemanticTextEncoder()(words=tokenized, snr_db=snr)
    symbols = TextChannelEncoder()(features=features, length=length, snr_db=snr)
    received = AWGN().seed(1)(symbols=symbols, snr_db=snr)
    decoded = TextChannelDecoder()(received=received, length=length)
    found = SemanticTextDecoder()(features=decoded.features, length=length, snr_db=decoded.snr_db).words
    codebook = SemanticTextEncoder().embedding.weight[:, :16].detach()
    codewords = torch.view_as_complex(codebook.reshape(-1, 8, 2).contiguous())
    samples = received.symbols.samples.unflatten(1, (-1, 8))
    distance = (samples[:, :, None] - codewords[UNKNOWN:]).abs().square().sum(-1)
    nearest = distance.argmin(-1) + UNKNOWN
    assert float((nearest == found.indices)[tokenized.mask].float().mean()) > 0.999


def test_a_gain_is_undone():
    sentences = drawn_sentences(20)
    sent, found, _ = send(sentences, 25.0, channel=Rayleigh())
    assert float((sent.indices == found.indices)[sent.mask].float().mean()) > 0.9


@pytest.mark.parametrize("uses_per_word", USES_PER_WORD)
def test_power_is_one_over_each_sentences_own_uses(words, uses_per_word):
    snr = torch.zeros(3)
    features, length = SemanticTextEncoder()(words=words, snr_db=snr)
    encoder = TextChannelEncoder(uses_per_word=uses_per_word)
    torch.nn.init.normal_(encoder.out.weight)
    symbols = encoder(features=features, length=length, snr_db=snr)
    assert symbols.length.tolist() == [3 * uses_per_word, 11 * uses_per_word, uses_per_word]
    energy = symbols.samples.abs().square().sum(1)
    assert torch.allclose(energy, symbols.length.float(), rtol=1e-5)
    assert bool((symbols.samples[~symbols.mask] == 0).all())


def test_a_sentence_does_not_see_who_else_is_in_the_batch(words):
    snr = torch.tensor([0.0, 5.0, 9.0])
    encoder = SemanticTextEncoder()
    for layer in encoder.layers:
        torch.nn.init.normal_(layer.own.out.weight, std=0.1)
        torch.nn.init.normal_(layer.noise_attention.read_features.weight, std=0.1)
    whole = encoder(words=words, snr_db=snr).features
    alone = encoder(words=Words(words.indices[:1, :3], words.length[:1]), snr_db=snr[:1]).features
    assert torch.allclose(whole[:1, :3], alone, atol=1e-5)


def test_gradients_reach_all_weights(words):
    snr = torch.tensor([0.0, 5.0, 9.0])
    parts = [SemanticTextEncoder(), TextChannelEncoder(), TextChannelDecoder(), SemanticTextDecoder()]
    for part in parts:
        for parameter in part.parameters():
            # Where zero stands behind, no gradient comes through: what training leaves at once.
            torch.nn.init.normal_(parameter, std=0.05)
    encoder, channel_encoder, channel_decoder, decoder = parts
    features, length = encoder(words=words, snr_db=snr)
    received = AWGN().seed(1)(symbols=channel_encoder(features=features, length=length, snr_db=snr), snr_db=snr)
    out = channel_decoder(received=received, length=length)
    decoder.logits(out.features, words, out.snr_db)[words.mask].log_softmax(-1)[:, 5].sum().backward()
    silent = [name for part in parts for name, parameter in part.named_parameters()
              if parameter.grad is None or not bool(parameter.grad.abs().sum() > 0)]  # fmt: skip
    assert silent == []


def test_the_decoder_is_told_no_word_that_comes_later(words):
    """Causality: a later true word changes no earlier logit."""
    decoder = SemanticTextDecoder()
    torch.nn.init.normal_(decoder.previous.weight, std=0.1)
    torch.nn.init.normal_(decoder.last.own.out.weight, std=0.1)
    features, snr = torch.randn(3, 11, 128), torch.zeros(3)
    before = decoder.logits(features, words, snr)
    changed = words.indices.clone()
    changed[1, 6] = 77
    after = decoder.logits(features, Words(changed, words.length), snr)
    assert torch.equal(before[1, :7], after[1, :7])
    assert not torch.equal(before[1, 7:], after[1, 7:])


def test_an_empty_or_cut_frame_gives_the_words_that_there_are():
    received = Received(
        Symbols(torch.ones(2, 20) + 0j, torch.tensor([20, 5])), torch.ones(2, 20) + 0j, torch.full((2, 20), 0.1),
        torch.zeros(2, dtype=torch.int64), "perfect",
    )  # fmt: skip
    out = TextChannelDecoder()(received=received, length=torch.tensor([0, 3]))
    assert out.length.tolist() == [0, 0]
    found = SemanticTextDecoder()(features=out.features, length=out.length, snr_db=out.snr_db)
    assert WordDetokenizer()(words=found.words).sentences == ["", ""]


def test_a_beam_finds_the_likelier_sentence():
    """A chain in which the best first word leads into a dead end: greedy takes it, a beam does not."""
    first = torch.tensor([0.0, 0.5, 0.5, 0.0]).log()
    first[1], first[2] = math.log(0.55), math.log(0.45)
    after = {1: [0.0, 0.34, 0.33, 0.33], 2: [0.0, 0.98, 0.01, 0.01]}

    def following(before, _rows):
        if before.shape[1] == 0:
            return first.expand(len(before), -1)
        return torch.tensor([after.get(int(row[-1]), [0.25] * 4) for row in before]).log()

    length = torch.tensor([2])
    greedy, probability = search(following, length, 2, 1)
    assert greedy.tolist() == [[1, 1]]
    assert float(probability.prod()) == pytest.approx(0.55 * 0.34)
    best, probability = search(following, length, 2, 3)
    assert best.tolist() == [[2, 1]]
    assert float(probability.prod()) == pytest.approx(0.45 * 0.98)


def test_in_a_batch_of_several_lengths_a_beam_finds_what_it_finds_alone():
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(3, 6, 20, 20, generator=generator).log_softmax(-1)

    def following(before, rows):
        last = before[:, -1] if before.shape[1] else torch.zeros(len(before), dtype=torch.int64)
        return table[rows, before.shape[1], last]

    length = torch.tensor([2, 6, 4])
    together, _ = search(following, length, 6, 4)
    for row in range(3):
        count = int(length[row])
        alone, _ = search(lambda b, r, row=row: following(b, r + row), length[row : row + 1], count, 4)
        assert together[row, :count].tolist() == alone[0].tolist()


def test_noise_attention_weighs_by_the_snr():
    block = NoiseAttention(width=8)
    torch.nn.init.normal_(block.read_features.weight)
    torch.nn.init.normal_(block.read_features.bias)
    features = torch.randn(1, 4, 8)
    low, high = (block(features=features, snr_db=torch.tensor([snr])) for snr in (-5.0, 15.0))
    assert not torch.allclose(low, high)
    assert bool(((low / features) < 2).all())
    hidden = torch.tensor([[0.7]])
    for layer in block.read_snr:
        hidden = layer(hidden)
    gate = torch.sigmoid((features @ block.read_features.weight.T + block.read_features.bias) * hidden)
    assert torch.allclose(block(features=features, snr_db=torch.tensor([7.0])), 2 * gate * features)


def test_sizes_and_weights_that_do_not_fit_are_named():
    with pytest.raises(ParameterError, match="'uses_per_word' must be one of 1, 2, 4, 8"):
        TextChannelEncoder(uses_per_word=3)
    with pytest.raises(ParameterError, match="'beam' must be in"):
        SemanticTextDecoder(beam=0)
    with pytest.raises(WeightsError, match="hold no 'semantic_text_encoder'"):
        SemanticTextEncoder(weights="small")


def test_the_bound_finds_the_mutual_information_of_a_gaussian_channel():
    """Trained on unit-variance Gaussian symbols at 0 dB: ln 2 nats per complex use, and never more."""
    torch.manual_seed(1)
    bound = MutualInformationBound(uses_per_word=1)
    optimizer = torch.optim.Adam(bound.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(2)
    snr, channel, late = torch.zeros(64), AWGN().seed(3), []
    for step in range(400):
        samples = torch.randn(64, 20, generator=generator, dtype=torch.complex64)
        sent = Symbols(samples, torch.full((64,), 20))
        value = bound(sent=sent, received=channel(symbols=sent, snr_db=snr)).value.mean()
        optimizer.zero_grad()
        (-value).backward()
        optimizer.step()
        if step >= 300:
            late.append(float(value.detach()))
    found = sum(late) / len(late)
    assert 0.85 * math.log(2) < found < 1.03 * math.log(2)
    with pytest.raises(PortError, match="at least two words"):
        one = Symbols(torch.ones(1, 1) + 0j, torch.tensor([1]))
        bound(sent=one, received=AWGN()(symbols=one, snr_db=torch.zeros(1)))


def told(bound, make, steps, lr=1e-3):
    """The last values of a bound that is trained over AWGN of 10 dB."""
    optimizer, channel, late = torch.optim.Adam(bound.parameters(), lr), AWGN().seed(3), []
    for _ in range(steps):
        sent = make()
        snr = torch.full((len(sent.samples),), 10.0)
        value = bound(sent=sent, received=channel(symbols=sent, snr_db=snr)).value.mean()
        optimizer.zero_grad()
        (-value).backward()
        optimizer.step()
        late.append(float(value.detach()))
    return late[-50:]


def test_the_bound_claims_no_more_than_the_words_can_show():
    """Gaussian symbols, 8 uses a word, 10 dB: 19.2 nats, and 1,024 words. Unheld, T runs away to 170 nats."""
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)

    def make():
        samples = torch.randn(64, 128, generator=generator, dtype=torch.complex64)
        return Symbols(samples, torch.full((64,), 128))

    late = told(MutualInformationBound(uses_per_word=8).seed(4), make, 300)
    assert 0.6 * math.log(1024) < sum(late) / len(late)
    assert max(late) < math.log(1024)


def test_the_other_word_of_the_bound_is_not_a_neighbour():
    """Sentences that repeat one symbol: a neighbour would tell as much as the word itself."""
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)

    def make():
        word = torch.randn(64, 1, generator=generator, dtype=torch.complex64)
        return Symbols(word.expand(64, 16), torch.full((64,), 16))

    late = told(MutualInformationBound(uses_per_word=1).seed(4), make, 300, lr=3e-3)
    assert 1.5 < sum(late) / len(late) < 1.05 * math.log(11)


def test_the_mean_of_the_bound_over_frames_is_the_bound_over_words():
    bound = MutualInformationBound(uses_per_word=1)
    torch.nn.init.normal_(bound.tell[0].weight)
    sent = Symbols(torch.randn(2, 6, dtype=torch.complex64), torch.tensor([6, 2]))
    received = AWGN().seed(1)(symbols=sent, snr_db=torch.zeros(2))
    values = bound.seed(5)(sent=sent, received=received).value
    flat = torch.cat([sent.samples[0], sent.samples[1, :2]])[:, None]
    one_each = Symbols(flat, torch.ones(8, dtype=torch.long))
    heard = torch.cat([received.symbols.samples[0], received.symbols.samples[1, :2]])[:, None]
    same = Received(
        Symbols(heard, one_each.length), torch.ones_like(heard), torch.ones(8, 1), received.overhead, "perfect"
    )
    assert torch.allclose(values.mean(), bound.seed(5)(sent=one_each, received=same).value.mean(), atol=1e-5)


def test_neither_padding_nor_start_is_ever_decided(words):
    decoder = SemanticTextDecoder()
    decided = decoder(features=torch.randn(3, 11, 128), length=words.length, snr_db=torch.zeros(3)).words
    assert not bool(((decided.indices == PADDING) | (decided.indices == START))[words.mask].any())


def test_text_that_was_copied_has_signs_of_no_width():
    tokenized = WordTokenizer()(
        text=Text.of(["it costs 5\u00a0000 euros", "\ufeffwe ag\u00adree", "a \U0001f468\u200d\U0001f467"])
    )
    assert tokenized.words.length.tolist() == [5, 2, 3]
    assert tokenized.unknown.errors[1] == 0


@pytest.mark.parametrize(("word", "parts"), [
    ("e-mail", "'e' and '-' and 'mail'"), ("Dog", "'dog'"), ("don’t", '"don\'t"'),
])  # fmt: skip
def test_a_word_that_no_sentence_has_is_refused_in_a_list(tmp_path, word, parts):
    (tmp_path / "own.txt").write_text(f"a\n{word}\n")
    with pytest.raises(FileError, match=re.escape(f"has '{word}', which no sentence has") + ".*" + re.escape(parts)):
        WordTokenizer(word_list=str(tmp_path / "own.txt"))


def test_a_list_may_begin_with_a_mark_of_byte_order_and_is_read_again_once_changed(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("dog\n", encoding="utf-8-sig")
    assert WordTokenizer(word_list=str(own))(text=Text.of(["dog"])).unknown.errors.tolist() == [0]
    own.write_text("cat\n")
    os.utime(own, ns=(1, 1))
    assert WordTokenizer(word_list=str(own))(text=Text.of(["dog"])).unknown.errors.tolist() == [1]


def test_a_word_outside_the_list_is_refused():
    with pytest.raises(ParameterError, match="'words' must be places in a list of 3997 words"):
        WordDetokenizer()(words=Words(torch.tensor([[3, -1]]), torch.tensor([2])))
    other, count = Words(torch.tensor([[3, 3000]]), torch.tensor([2])), len(read_word_list("captions"))
    for use in (
        lambda: SemanticTextEncoder(word_list="captions")(words=other, snr_db=torch.zeros(1)),
        lambda: PictureFlow(word_list="captions")(words=other),
    ):
        with pytest.raises(ParameterError, match=f"'words' must be places in a list of {count} words"):
            use()


def test_an_overlong_first_word_is_cut():
    short = TextShortener()(text=Text.of(["一只棕色的狗" * 20, "?" * 60, "a " + "b" * 300, "\t"])).sentences
    assert short[0] == ("一只棕色的狗" * 20)[:84]
    assert short[1:] == ["?" * 32, "a", ""]


def test_a_source_that_holds_out_all_is_refused():
    with pytest.raises(ParameterError, match="'hold_out' must be 0, or at least 2"):
        TextSource(sentences=("a dog",), hold_out=1)
