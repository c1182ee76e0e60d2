"""The long-term memory of training."""

import pytest
import torch

from linksim.errors import DimensionError, LinksimError, ParameterError
from linksim.training import Memory
from linksim.training.memory import least_alike


def clusters(sizes, width=8, spread=0.1):
    """Features in tight groups far from each other, and the group of each."""
    generator = torch.Generator().manual_seed(1)
    centres = 10 * torch.randn(len(sizes), width, generator=generator)
    group = [number for number, size in enumerate(sizes) for _ in range(size)]
    return centres[group] + spread * torch.randn(len(group), width, generator=generator), group


def test_diverse_keeps_what_is_rare():
    features, group = clusters([200, 10, 10])
    memory = Memory(rule="diverse", long_term=60, short_term=50)
    memory.see(group, features)
    memory.settle()
    common, *rare = (memory.items.count(number) for number in range(3))
    assert common + sum(rare) == 60
    assert min(rare) / 10 > 2 * common / 200


def test_diverse_keeps_one_of_each_before_it_keeps_doubles():
    features = torch.randn(40, 8, generator=torch.Generator().manual_seed(1)).repeat(10, 1)
    memory = Memory(rule="diverse", long_term=40, short_term=400)
    memory.see([number % 40 for number in range(400)], features)
    assert sorted(memory.items) == list(range(40))


def test_diverse_leaves_out_the_double():
    features = torch.tensor([[0.0], [0.001], [5.0], [9.0]])
    kept = least_alike(features, 3)
    assert len(kept) == 3
    assert {2, 3} <= set(kept)


def test_printed_takes_everything_that_is_near_and_nothing_that_is_far():
    """With tau = 10 normalised features of width 128 are always near: what the paper's rule keeps is all."""
    generator = torch.Generator().manual_seed(1)
    features = torch.nn.functional.layer_norm(torch.randn(300, 128, generator=generator), (128,))
    memory = Memory(rule="printed", long_term=1000, short_term=100)
    memory.see(range(300), features)
    assert memory.items == list(range(300))
    memory.see(range(300, 400), features[:100] + 100)
    assert memory.items == list(range(300))
    small = Memory(rule="printed", long_term=120, short_term=100)
    small.see(range(300), features)
    assert small.items == list(range(120))


def test_a_reservoir_keeps_each_with_the_same_probability():
    """1,000 memories of 10 out of 100: how often each sample is kept is binomial, 100 +- 9.5."""
    kept = torch.zeros(100)
    for seed in range(1000):
        memory = Memory(rule="reservoir", long_term=10, short_term=7, seed=seed)
        memory.see(range(100), torch.zeros(100, 1))
        memory.settle()
        assert len(set(memory.items)) == 10
        kept[memory.items] += 1
    assert float(((kept - 100) / 9.49).square().sum()) < 140.2
    assert float((kept[50:].sum() - kept[:50].sum()).abs()) < 5 * (1000 * 10) ** 0.5


def test_the_short_term_memory_waits_until_it_is_full():
    memory = Memory(long_term=5, short_term=4)
    memory.see(["a", "b", "c"], torch.eye(3))
    assert memory.items == []
    memory.see(["d"], torch.ones(1, 3))
    assert memory.items == ["a", "b", "c", "d"]
    memory.settle()
    assert memory.items == ["a", "b", "c", "d"]


def test_wrong_use_is_named():
    with pytest.raises(ParameterError, match="'rule' must be diverse or printed or reservoir"):
        Memory(rule="best")
    with pytest.raises(ParameterError, match="'long_term' must be at least 1"):
        Memory(long_term=0)
    with pytest.raises(DimensionError, match="one row for each of 2 items"):
        Memory().see(["a", "b"], torch.zeros(3, 4))


# -- training over tasks


def learned(tmp_path, method, steps=40, **settings):
    from linksim.flowgraphs.recipes.text_tasks import TextTasks
    from linksim.training import Budget, Course, learn

    tasks = {"farm": ["a brown dog", "a brown cat", "a gray dog", "a gray cat"],
             "sky": ["this bird is blue", "this bird is red", "the bird looks blue"]}  # fmt: skip
    files = {}
    for name, sentences in tasks.items():
        path = tmp_path / f"{name}.txt"
        path.write_text("\n".join(sentences * 20))
        files[name] = (str(path), str(path))
    learner = TextTasks(files=files, uses_per_word=1, batch=8, snr_db=12.0)
    course = Course(method=method, budget=Budget(None, steps), **settings)
    return learn(learner, course, tmp_path / "run")


def test_training_over_tasks_scores_all_after_each_and_goes_on(tmp_path):
    table = learned(tmp_path, "diverse", short_term=20, long_term=30)
    assert table[["after", "task"]].to_numpy().tolist() == [
        ["farm", "farm"], ["farm", "sky"], ["sky", "farm"], ["sky", "sky"]
    ]  # fmt: skip
    remembered = (tmp_path / "run" / "2_sky_diverse" / "memory.txt").read_text().split("\n")
    assert len(remembered) - 1 == 30
    assert all("dog" in line or "cat" in line for line in remembered[:-1])
    again = learned(tmp_path, "diverse", short_term=20, long_term=30)
    assert again.equals(table)
    with pytest.raises(LinksimError, match="other settings .seed: 1, now 2"):
        learned(tmp_path, "diverse", short_term=20, long_term=30, seed=2)


def test_a_memory_keeps_what_is_forgotten_without(tmp_path):
    from linksim.training import forgetting

    without, with_memory = (learned(tmp_path, method, steps=100) for method in ("none", "diverse"))
    assert forgetting(without) > forgetting(with_memory) + 0.1
    # Before a method changes anything there is one run, for both.
    assert sorted(run.name for run in (tmp_path / "run").iterdir()) == ["1_farm", "2_sky_diverse", "2_sky_none"]
    assert without["score"][:2].equals(with_memory["score"][:2])


def test_consolidation_holds_what_the_first_task_needs(tmp_path):
    """Its anchors are the weights after each task, the importance is summed, and the weights are held the more, the
    more important they are."""
    from linksim.weights import read_weights

    learned(tmp_path, "ewc", steps=60)
    first, second = (tmp_path / "run" / name for name in ("1_farm", "2_sky_ewc"))
    mean, after = read_weights(first / "anchor.safetensors", "mean"), read_weights(second / "weights.safetensors")
    fisher, summed = (read_weights(run / "anchor.safetensors", "fisher") for run in (first, second))
    assert all(torch.allclose(mean[name].half(), tensor.half()) for name, tensor in
               read_weights(first / "weights.safetensors").items())  # fmt: skip
    assert all(bool((summed[name] >= importance).all()) for name, importance in fisher.items())
    moved, held = (torch.cat([each[name].flatten() for name in fisher]) for each in (
        {name: (after[name] - mean[name]).abs() for name in fisher}, fisher))  # fmt: skip
    held_most = held > held[held > 0].quantile(0.99)
    seen = (held > 0) & ~held_most
    assert float(moved[held_most].mean()) < float(moved[seen].mean())


def test_joint_training_is_one_round(tmp_path):
    assert learned(tmp_path, "joint", steps=5)["after"].tolist() == ["sky", "sky"]
    with pytest.raises(ParameterError, match="'method' must be none or joint or ewc or diverse"):
        learned(tmp_path, "best")


def test_forgetting_is_the_best_less_the_last():
    import pandas as pd

    from linksim.training import forgetting

    scores = [[0.9, 0.1, 0.1], [0.6, 0.8, 0.2], [0.3, 0.7, 0.9]]
    names = ["a", "b", "c"]
    rows = [{"method": "none", "after": names[i], "task": names[j], "score": scores[i][j]}
            for i in range(3) for j in range(3)]  # fmt: skip
    table = pd.DataFrame(rows)
    assert forgetting(table) == pytest.approx((0.6 + 0.1) / 2)
    for other in (pd.concat([table, table.assign(method="diverse")]), table.assign(method="joint")):
        with pytest.raises(ParameterError, match="'table' must be that of one method"):
            forgetting(other)


# -- pictures


def textures(folder, flat):
    """A task: pictures of one kind, stripes that are fine or plain colours."""
    from PIL import Image

    make = torch.Generator().manual_seed(int(flat))
    folder.mkdir()
    for number in range(6):
        colour = torch.rand(3, 1, 1, generator=make)
        wave = torch.sin(torch.arange(64) * (0.05 if flat else 2.2) + number)
        pixels = (colour + (0.05 if flat else 0.5) * wave[None, None]).clamp(0, 1).expand(3, 64, 64)
        Image.fromarray((255 * pixels).byte().permute(1, 2, 0).numpy()).save(folder / f"{number}.png")
    return str(folder), str(folder)


@pytest.mark.parametrize("method", ["reservoir", "ewc"])
def test_picture_codecs_learn_over_tasks_too(tmp_path, method):
    from linksim.flowgraphs.recipes.picture_tasks import PictureTasks
    from linksim.training import Budget, Course, learn
    from linksim.weights import read_weights

    folders = {name: textures(tmp_path / name, name == "flat") for name in ("fine", "flat")}
    learner = PictureTasks(folders=folders, settings={"crop": 64, "batch": 2})
    course = Course(method=method, budget=Budget(None, 3), short_term=4, long_term=3)
    table = learn(learner, course, tmp_path / "run")
    assert table[["after", "task"]].to_numpy().tolist() == [
        ["fine", "fine"], ["fine", "flat"], ["flat", "fine"], ["flat", "flat"]
    ]  # fmt: skip
    assert table["score"].between(10, 60).all()
    if method == "ewc":
        fisher = read_weights(tmp_path / "run" / "2_flat_ewc" / "anchor.safetensors", "fisher")
        assert sum(float(each.sum()) for each in fisher.values()) > 0
    else:
        kept = list((tmp_path / "run" / "2_flat_reservoir" / "memory").iterdir())
        assert len(kept) == 3
        recipe = learner.recipe(["flat"], None, [str(path) for path in kept], tmp_path)
        assert len(recipe.pictures) == 3, "three pictures, twice, are half of twelve"
    assert learn(learner, course, tmp_path / "run").equals(table)
