"""The digital link in layers: within its ratio, by steps instead of a cliff, ahead of regions."""

import pytest
import torch

from linksim import Boxes
from linksim.blocks import Rayleigh
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import semantic_separation, separation
from linksim.flowgraphs.semantic_separation import FOR_10_DB, Protection
from linksim.montecarlo import Sweep

CBR = 1 / 16


@pytest.fixture(scope="module")
def face(photograph):
    """A picture, and what is said to matter in it."""
    boxes = Boxes(torch.tensor([[[100.0, 20.0, 170.0, 130.0], [180.0, 120.0, 230.0, 190.0]]]), torch.tensor([[3, 1]]))
    return {"image": photograph[..., 20:212, 100:356], "boxes": boxes}


def test_it_keeps_its_ratio_and_follows_the_snr(face):
    link = semantic_separation(target_cbr_total=CBR)
    quality = []
    for snr_db in (5.0, 10.0, 20.0):
        run = link.run(**face, snr_db=snr_db, seed=1)
        assert run["target_met"].tolist() == [True]
        assert CBR * 0.97 < float(run["cbr_total"].value) <= CBR
        assert not run["erased"].any()
        quality.append(float(run["patch_psnr.nonbackground"].value))
    assert quality[1] > quality[0] + 2
    assert quality[2] > quality[1] + 3


def test_what_matters_gains_over_regions_of_the_same_uses(face):
    ours = semantic_separation(target_cbr_total=CBR).run(**face, snr_db=10.0, seed=1)
    theirs = separation(target_cbr_total=CBR, region_gain=2.0).run(**face, snr_db=10.0, seed=1)
    for level in ("high", "nonbackground"):
        assert float(ours[f"patch_psnr.{level}"].value) > float(theirs[f"patch_psnr.{level}"].value) + 1.0


def test_a_design_without_feedback_falls_by_steps(face):
    steps = Protection((9.4, 6.8, 6.8, 4.8), -1.2, 0.1)
    # The enhancer sees pixels across a border: what arrives beside a patch changes it.
    link = semantic_separation(target_cbr_total=CBR, protection=steps, enhancer=None)
    runs = {snr_db: link.run(**face, snr_db=snr_db, seed=1) for snr_db in (-9.0, 0.0, 5.0, 7.4, 10.0, 20.0)}
    assert {snr_db: bool(run["erased"]) for snr_db, run in runs.items()} == {
        -9.0: True, 0.0: False, 5.0: False, 7.4: False, 10.0: False, 20.0: False
    }  # fmt: skip
    high, low, behind = (
        [float(runs[snr][f"patch_psnr.{level}"].value) for snr in (0.0, 5.0, 7.4, 10.0)]
        for level in ("high", "low", "background")
    )
    assert high[0] + 3 < high[1] == high[2] == high[3]
    assert low[0] == low[1] < low[2] - 3
    assert low[2] == low[3]
    assert behind[0] == behind[1] == behind[2] < behind[3] - 3
    assert torch.equal(runs[10.0]["image"], runs[20.0]["image"])


def test_fades_take_layers_not_pictures(face):
    link = semantic_separation(target_cbr_total=CBR, protection=FOR_10_DB._replace(base_share=0.1), channel=Rayleigh())
    table = Sweep(link, grid={"snr_db": [8.0]}, cases=[face], stop="psnr:frames=40", seed=2).run()
    lost = float(table.loc[table["metric"] == "erased", "estimate"].iloc[0])
    whole = separation(target_cbr_total=CBR, design_snr_db=6.8, channel=Rayleigh())
    other = Sweep(whole, grid={"snr_db": [8.0]}, cases=[face], stop="psnr:frames=40", seed=2).run()
    assert lost < float(other.loc[other["metric"] == "erased", "estimate"].iloc[0]) - 0.2


def test_a_saved_link_gives_the_same_picture(face, tmp_path):
    link = semantic_separation(target_cbr_total=CBR, protection=FOR_10_DB)
    link.save(tmp_path / "link.yaml")
    from linksim import Flowgraph

    again = Flowgraph.load(tmp_path / "link.yaml").run(**face, snr_db=10.0, seed=1)
    assert torch.equal(again["image"], link.run(**face, snr_db=10.0, seed=1)["image"])


def test_street_scenes_gain_over_regions_at_little_cost_to_the_rest(data_folder, kept):
    cases = PictureCases.scenes(data_folder / "cityscapes100")
    few = [cases[0], cases[6]]
    found = {}
    for name, link in (("layers", semantic_separation()), ("regions", separation(region_gain=2.0))):
        table = Sweep(link, grid={"snr_db": [10.0]}, cases=few, stop="psnr:frames=2", seed=1).run(store=kept)
        found[name] = dict(zip(table["metric"], table["estimate"], strict=True))
    for level in ("high", "nonbackground"):
        assert found["layers"][f"patch_psnr.{level}"] > found["regions"][f"patch_psnr.{level}"] + 1.5
    assert found["layers"]["psnr"] > found["regions"]["psnr"] - 1.5
