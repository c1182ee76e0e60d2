"""The loading code on a tiny random model; the real one was measured by hand, see the end."""

import pytest
import torch

from linksim.blocks import SentenceSimilarity
from linksim.errors import LinksimError
from linksim.types import Text

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "happy", "person", "dog", "sunny", "day"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with a model of sentence-transformers, and its network."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    with torch.random.fork_rng():
        network = BertModel(BertConfig(vocab_size=len(WORDS), **size)).eval()
    base, whole = str(folder / "base"), str(folder / "whole")
    network.save_pretrained(base)
    BertTokenizerFast(vocab={word: place for place, word in enumerate(WORDS)}, do_lower_case=True).save_pretrained(base)
    transformer = Transformer(base)
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(whole)
    return whole, network


def test_it_is_the_cosine_of_mean_word_vectors(tiny):
    folder, network = tiny
    sent, received = ["a happy person", "a sunny day"], ["a happy dog", "a dog"]
    found = SentenceSimilarity(model=folder)(sent=Text.of(sent), received=Text.of(received)).value

    def vector(sentence):
        places = [2, *(WORDS.index(word) for word in sentence.split()), 3]
        with torch.no_grad():
            return network(input_ids=torch.tensor([places])).last_hidden_state.mean(1)[0]

    expected = [torch.cosine_similarity(vector(a), vector(b), 0) for a, b in zip(sent, received, strict=True)]
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)


def test_alike_sentences_are_one_and_nothing_received_is_zero(tiny):
    sentences = Text.of(["a happy person", "a dog"])
    block = SentenceSimilarity(model=tiny[0])
    assert torch.allclose(block(sent=sentences, received=sentences).value, torch.ones(2), atol=1e-5)
    assert block(sent=sentences, received=Text.of(["", "a dog"])).value.tolist()[0] == 0


def test_loading_leaves_the_global_generator_alone(tiny):
    state = torch.random.get_rng_state()
    SentenceSimilarity(model=tiny[0])(sent=Text.of(["a dog"]), received=Text.of(["a dog"]))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_missing_model_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    one = Text.of(["a dog"])
    with pytest.raises(LinksimError, match="is neither a folder nor in the hub's cache, and cannot be fetched") as said:
        SentenceSimilarity(model="nobody/has-this")(sent=one, received=one)
    assert "\n" not in str(said.value)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(LinksimError, match="holds no model that can be read"):
        SentenceSimilarity(model=str(tmp_path))(sent=one, received=one)


# With the published all-MiniLM-L6-v2, the block gives what its model card says: "That is a happy person" beside
# "That is a very happy person", "That is a happy dog", "Today is a sunny day": 0.9429, 0.6946, 0.2569.
