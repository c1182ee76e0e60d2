"""Keras models and TensorFlow functions as blocks."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

if find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is an extra", allow_module_level=True)

from linksim import Flowgraph
from linksim.blocks import AWGN, KerasBlock, Rayleigh
from linksim.blocks.tensorflow.runtime import tensorflow, to_tensorflow, to_torch
from linksim.errors import LinksimError, ParameterError, PortError
from linksim.flowgraphs import keras_deepjscc

FLOATS = {"inputs": {"x": "float [batch, n]"}, "outputs": {"out": "float [batch, n]"}}
COMPLEX = {"inputs": {"x": "complex [batch, n]"}, "outputs": {"out": "complex [batch, n]"}}


def keras_model(*more):
    import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, activation="tanh"), *more])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128, torch.uint8,
                                   torch.int64, torch.bool, torch.bfloat16])  # fmt: skip
def test_tensors_cross_without_a_copy(dtype):
    tensor = torch.ones(3, 5).to(dtype)
    across = to_tensorflow(tensor)
    back = to_torch(across, torch.device("cpu"))
    assert back.data_ptr() == tensor.data_ptr()
    assert back.dtype == dtype
    assert back.shape == tensor.shape


def test_a_block_reads_the_memory_it_is_given_and_gives_what_tensorflow_made():
    seen = []
    tf = tensorflow()

    def look(x):
        seen.append(to_torch(x, torch.device("cpu")).data_ptr())
        return tf.identity(x)

    block = KerasBlock(model=lambda x: tf.py_function(look, [x], x.dtype), **FLOATS)
    given = torch.ones(2, 3)
    block(x=given)
    assert seen == [given.data_ptr()]


def test_strides_and_conjugates_cross_as_they_read():
    tensor = torch.randn(3, 4, dtype=torch.complex64).T.conj()
    assert (to_tensorflow(tensor).numpy() == tensor.resolve_conj().numpy()).all()


def test_gradients_agree_with_finite_differences():
    tf = tensorflow()
    block = KerasBlock(model=tf.function(lambda x: tf.sin(x) * x), **FLOATS)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x=x), (x,))


def test_complex_gradients_agree_with_finite_differences():
    tf = tensorflow()
    block = KerasBlock(model=lambda x: x * x * tf.math.conj(x) * tf.constant(2 - 1j, tf.complex128), **COMPLEX)
    x = torch.randn(2, 3, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x=x), (x,))


def test_a_models_weights_train_here_and_go_back_to_keras():
    model = keras_model()
    block = KerasBlock(model=model, **FLOATS).train()
    x = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))
    assert sum(p.numel() for p in block.parameters()) == model.count_params()
    torch.testing.assert_close(block(x=x).detach(), torch.tensor(model(x.numpy()).numpy()))
    expected = torch.autograd.grad(block(x=x).square().sum(), list(block.parameters()))
    twin = torch.nn.Linear(6, 6)
    kernel, bias = (p.detach() for p in block.parameters())
    twin.weight.data, twin.bias.data = kernel.T.clone(), bias.clone()
    torch.tanh(twin(x)).square().sum().backward()
    torch.testing.assert_close(expected[0], twin.weight.grad.T)
    torch.testing.assert_close(expected[1], twin.bias.grad)
    optimizer = torch.optim.Adam(block.parameters(), 0.01)
    losses = []
    for _ in range(30):
        loss = (block(x=x) - 0.5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    trained = block.trained_model()
    torch.testing.assert_close(torch.tensor(trained(x.numpy()).numpy()), block(x=x).detach())


def test_states_move_in_training_only_and_noise_is_the_blocks_own():
    import keras

    block = KerasBlock(model=keras_model(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)), **FLOATS)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    before = block.state_dict()
    before = {name: value.clone() for name, value in before.items()}
    block.eval()(x=x)
    assert all(torch.equal(value, before[name]) for name, value in block.state_dict().items())
    state = torch.random.get_rng_state()
    first = block.train().seed(1)(x=x)
    assert any(not torch.equal(value, before[name]) for name, value in block.state_dict().items())
    again, other = block.seed(1)(x=x), block.seed(2)(x=x)
    assert torch.equal(first == 0, again == 0)
    assert not torch.equal(first == 0, other == 0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_changes_before_the_way_back_is_noticed():
    block = KerasBlock(model=lambda x: x * x, **FLOATS)
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    between = x * 1
    out = block(x=between)
    with torch.no_grad():
        between.mul_(10)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_a_second_derivative_is_refused_and_not_wrong():
    block = KerasBlock(model=lambda x: x * x * x, **FLOATS)
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    with pytest.raises(LinksimError, match="no second derivative"):
        torch.autograd.grad((block(x=x) + x**3).sum(), x, create_graph=True)


def test_outputs_that_are_not_declared_are_refused():
    for model, count in ((lambda x: (x, x), 2), (lambda x: [x, x, x], 3)):
        with pytest.raises(PortError, match=f"declares 1 outputs, but its model gives {count}"):
            KerasBlock(model=model, **FLOATS)(x=torch.ones(1, 2))
    named = KerasBlock(model=lambda x: {"out": 2 * x}, **FLOATS)
    assert named(x=torch.ones(1, 2)).tolist() == [[2.0, 2.0]]


def test_frames_of_several_lengths_and_broken_bits_are_refused():
    from linksim import Symbols

    block = KerasBlock(model=lambda x: x, inputs={"x": "Symbols"}, outputs={"out": "Symbols"})
    with pytest.raises(LinksimError, match=r"all be 4 uses long here \(got \[4, 2\]\)"):
        block(x=Symbols(torch.ones(2, 4) + 0j, torch.tensor([4, 2])))
    bits = KerasBlock(model=lambda x: x * 0.5, inputs={"x": "float [batch, n]"}, outputs={"out": "Bits"})
    with pytest.raises(LinksimError, match="no whole numbers from 0 to 255"):
        bits(x=torch.ones(2, 4))
    for name in ("batch", "a b", ""):
        with pytest.raises(PortError, match="cannot name a port"):
            KerasBlock(model=lambda x: x, inputs={name: "Bits"}, outputs={"out": "Bits"})


def test_a_seed_sets_the_weights_at_the_start():
    import random

    state = random.getstate()
    first, again, other = (keras_deepjscc(height=8, width=8, filters=4, seed=seed) for seed in (1, 1, 2))
    assert random.getstate() == state
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.dim() == 1 or not torch.equal(a, c)


def test_several_inputs_and_outputs():
    tf = tensorflow()
    block = KerasBlock(
        model=lambda a, b: (a + b, tf.complex(a, b)),
        inputs={"a": "float [batch, n]", "b": "float [batch, n]"},
        outputs={"sum": "float [batch, n]", "pair": "Symbols"},
    )
    total, symbols = block(a=torch.ones(2, 3), b=2 * torch.ones(2, 3))
    assert total.tolist() == [[3.0] * 3] * 2
    assert symbols.length.tolist() == [3, 3]
    assert symbols.samples[0, 0] == 1 + 2j


def test_what_is_wrong_is_said():
    import keras

    with pytest.raises(ParameterError, match="must be built"):
        KerasBlock(model=keras.Sequential([keras.layers.Dense(3)]), **FLOATS)
    with pytest.raises(ParameterError, match="a Keras model or a callable"):
        KerasBlock(model=3, **FLOATS)
    with pytest.raises(PortError, match="no port type 'Bitz'"):
        KerasBlock(model=keras_model(), inputs={"x": "Bitz"}, outputs={"out": "Bits"})
    block = KerasBlock(model=keras_model(), **FLOATS)
    with pytest.raises(LinksimError, match="expected float"):
        block(x=torch.ones(2, 6, dtype=torch.uint8))
    with pytest.raises(LinksimError, match="2 dimensions|rank"):
        block(x=torch.ones(6))
    fg = Flowgraph("own", inputs={"x": block.input_ports["x"].spec.annotation})
    fg.model = block
    fg.connect(fg["x"], fg.model, fg["out"])
    with pytest.raises(LinksimError, match="plain values|no name"):
        fg.save("never.yaml")


def test_torchs_optimizers_work_beside_tensorflow():
    code = (
        "import torch\nfrom linksim.flowgraphs import keras_deepjscc\n"
        "link = keras_deepjscc(height=8, width=8)\n"
        "torch.optim.Adam(link.parameters())\nprint('fine')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "fine\n", run.stderr


def test_without_tensorflow_it_says_how_to_get_it():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from linksim.blocks import KerasBlock\n"
        "KerasBlock(model=lambda x: x)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'linksim[tensorflow]'" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("channel", [AWGN(), Rayleigh()])
def test_deepjscc_in_keras_learns_through_a_torch_channel(channel, photograph):
    link = keras_deepjscc(height=32, width=32, filters=16, channel=channel).train()
    link.seed(1)
    crops = torch.nn.functional.avg_pool2d(photograph, 4)[..., :128, :128].unfold(2, 32, 32).unfold(3, 32, 32)
    batch = crops.reshape(3, -1, 32, 32).movedim(1, 0)
    optimizer = torch.optim.Adam(link.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        result = link(image=batch, snr_db=torch.full((len(batch),), 10.0))
        loss = torch.nn.functional.mse_loss(result["image"], batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    run = link.eval().run(image=batch, snr_db=10.0, seed=1)
    assert run["image"].shape == batch.shape
    power = link.run(image=batch, snr_db=10.0, seed=1, probe=["encoder.out"])["encoder.out"].samples.abs().square()
    assert torch.allclose(power.mean(1), torch.ones(len(batch)), atol=1e-3)
