"""Links saved with their weights: what is read again is the same, and what is damaged is refused."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from linksim import Block, Flowgraph, Image
from linksim.blocks import FixedRate
from linksim.errors import FileError, LinksimError, ParameterError, WeightsError
from linksim.flowgraphs import bpsk, deepjscc_cnn, sa_oosc, sgdjscc, swinjscc, vlm_csc
from linksim.flowgraphs.parts import Codec, DeepJSCCCNNCodec
from linksim.pretrained import from_pretrained, save_pretrained

FILES = {"config.json", "model.safetensors", "README.md"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("make", [sa_oosc, swinjscc, deepjscc_cnn, vlm_csc])
def test_what_is_read_again_gives_the_same_picture(make, tmp_path):
    link = make().eval()
    save_pretrained(link, tmp_path / "saved", about="For a test.")
    assert {path.name for path in (tmp_path / "saved").iterdir()} == FILES
    again = from_pretrained(tmp_path / "saved").eval()
    known = {"image": torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1)), "snr_db": 10.0}
    first, second = (each.run(**known, seed=3)["image"] for each in (link, again))
    assert torch.equal(first, second)
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "For a test." in card
    # The terms of what the weights were trained on go with them.
    assert "**Data**" in card or "## Data" in card


def test_what_was_trained_since_is_saved_and_half_precision_loses_nothing(tmp_path):
    link = deepjscc_cnn(codec=DeepJSCCCNNCodec(None), rate=FixedRate(target_cbr=1 / 12))
    with torch.no_grad():
        for parameter in link.parameters():
            parameter.add_(1e-4 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    save_pretrained(link, tmp_path)
    again = from_pretrained(str(tmp_path))
    before, after = link.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_different_weights_of_one_name_get_files_of_their_own(tmp_path):
    save_pretrained(sgdjscc(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "model-2.safetensors"}
    from_pretrained(tmp_path)


class Scaled(Block):
    """A block with a weight that no file gives."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, image: Image) -> Image:
        return image * self.scale


def test_a_link_without_weights_is_its_configuration(tmp_path):
    save_pretrained(bpsk(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "README.md"}
    assert from_pretrained(tmp_path).name == "bpsk"


def test_weights_that_would_be_lost_are_named_and_nothing_is_written(tmp_path):
    fg = Flowgraph("own", inputs={"image": Image})
    fg.scaled = Scaled()
    fg.connect(fg["image"], fg.scaled["image"])
    fg.connect(fg.scaled, fg["image"])
    save_pretrained(fg, tmp_path / "ones")
    assert isinstance(from_pretrained(tmp_path / "ones", blocks=[Scaled]).scaled, Scaled)
    with pytest.raises(LinksimError, match="Scaled"):
        from_pretrained(tmp_path / "ones")
    with torch.no_grad():
        fg.scaled.scale.fill_(2)
    with pytest.raises(WeightsError, match=r"'scaled\.scale' would be lost"):
        save_pretrained(fg, tmp_path / "twos")
    assert not (tmp_path / "twos").exists()


@pytest.fixture
def saved(tmp_path):
    save_pretrained(sa_oosc(codec=Codec("small")), tmp_path / "saved")
    return tmp_path / "saved"


def test_damaged_folders_are_refused(saved):
    weights, config = saved / "model.safetensors", saved / "config.json"
    good, said = weights.read_bytes(), config.read_text()
    digest = hashlib.sha256(good).hexdigest()
    from_pretrained(saved, digests={"model.safetensors": digest})
    with pytest.raises(WeightsError, match="digests says abc"):
        from_pretrained(saved, digests={"model.safetensors": "abc"})
    with pytest.raises(FileError, match="holds no other"):
        from_pretrained(saved, digests={"other": "abc"})
    weights.write_bytes(good[:-5])
    with pytest.raises(WeightsError, match=r"but config\.json says"):
        from_pretrained(saved)
    # Weights of another link, with a digest that fits them.
    save_pretrained(deepjscc_cnn(), saved.parent / "other")
    foreign = (saved.parent / "other" / "model.safetensors").read_bytes()
    weights.write_bytes(foreign)
    config.write_text(said.replace(digest, hashlib.sha256(foreign).hexdigest()))
    with pytest.raises(WeightsError, match="hold no|lacks"):
        from_pretrained(saved)
    weights.unlink()
    with pytest.raises(FileError, match=r"holds no model\.safetensors"):
        from_pretrained(saved)
    weights.write_bytes(good)
    for text, reason in (
        ("<html>", "no valid JSON"), ("[1]", '"linksim": 1'), ('{"linksim": 2}', '"linksim": 1'),
        ('{"linksim": 1}', "'weights' must"), ('{"linksim": 1, "weights": {"../x": "0"}}', "'weights' must"),
        (json.dumps({"linksim": 1, "weights": {}}), "the flowgraph must be a mapping"),
        (said.replace("HVVectorizer", "os"), "os"),
    ):  # fmt: skip
        config.write_text(text)
        with pytest.raises(LinksimError, match=reason):
            from_pretrained(saved)


def test_places_that_are_none_are_refused(saved):
    with pytest.raises(ParameterError, match="no folder at"):
        from_pretrained(saved / "none" / "here")
    with pytest.raises(ParameterError, match="has no revisions"):
        from_pretrained(saved, revision=COMMIT)
    for revision in ("", "main"):
        with pytest.raises(ParameterError, match="40 hexadecimal digits"):
            from_pretrained("owner/name", revision=revision)
    with pytest.raises(ParameterError, match="cannot be made"):
        save_pretrained(bpsk(), saved / "config.json" / "below")


class Hub:
    """A server on the loopback that gives a folder's files as the hub does, or misbehaves."""

    def __init__(self, folder):
        self.folder, self.asked, self.fault = folder, [], ""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, body):
                hub.asked.append(self.path)
                file = hub.folder / self.path.rpartition("/")[2]
                known = self.path.startswith(f"/owner/name/resolve/{COMMIT}/") and file.is_file()
                data = file.read_bytes() if known else b"no"
                if hub.fault == "html" and file.suffix == ".json":
                    data = b"<html>log in</html>"
                if hub.fault == "other" and file.suffix == ".safetensors":
                    data = data[:-1] + b"x"
                status = {"forbidden": 403, "broken": 500}.get(hub.fault, 200 if known else 404)
                self.send_response(status)
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if body:
                    self.wfile.write(data[: len(data) // 2] if hub.fault == "short" else data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(saved, tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    served = Hub(saved)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
    template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "cache"), raising=False)
    yield served
    served.server.shutdown()
    served.server.server_close()


def test_a_repository_is_fetched_once_and_then_read_without_the_network(hub):
    link = from_pretrained("owner/name", revision=COMMIT)
    assert link.name == "sa_oosc"
    asked = len(hub.asked)
    assert asked > 0
    hub.fault = "broken"
    from_pretrained("owner/name", revision=COMMIT)
    assert len(hub.asked) == asked


@pytest.mark.parametrize(("fault", "kind", "reason"), [
    ("forbidden", FileError, "cannot be fetched"), ("html", FileError, "no valid JSON"),
    ("other", WeightsError, r"but config\.json says"),
])  # fmt: skip
def test_a_hub_that_misbehaves_is_named(hub, fault, kind, reason):
    hub.fault = fault
    with pytest.raises(kind, match=reason):
        from_pretrained("owner/name", revision=COMMIT)


def test_what_the_hub_does_not_have_is_named(hub):
    hub.fault = ""
    with pytest.raises(FileError, match=rf"config\.json of 'owner/other' at {COMMIT[:12]} .* cannot be fetched"):
        from_pretrained("owner/other", revision=COMMIT)
