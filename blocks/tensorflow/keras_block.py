"""A Keras model or a TensorFlow function as a block."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from linksim.blocks.tensorflow.runtime import Crossing, seeds_from, tensorflow, to_torch
from linksim.declared import DeclaredBlock
from linksim.errors import LinksimError, ParameterError, PortError

KERAS_SEED = "seed_generator_state"


class KerasBlock(DeclaredBlock):
    """A Keras model, or a function of TensorFlow tensors, between torch blocks.

    Args:
        model: a built Keras model of the TensorFlow backend, or a callable, as a `tf.function`.
        inputs: the ports in the order of the model's inputs, from name to type, see `DeclaredBlock`.
        outputs: the ports in the order of what the model gives, a dict's in its own; one alone is best called "out".
        complex_pairs: complex tensors cross as pairs of real ones, with one more dimension of size 2 at the end, for
            models that know real numbers only.

    Shapes: as declared. Tensors cross by DLPack, without a copy where both libraries have the device. Gradients pass
    both ways. A Keras model's weights are parameters here: `parameters()`, optimizers, `state_dict()` and `train()`
    work as for any block, and `trained_model()` gives them back to Keras. Its random layers draw from this block's
    generator. A callable's own variables stay TensorFlow's and are not trained. Import `linksim.blocks` and, if you use
    torch's optimizers, torch.optim or triton before TensorFlow: the other way round their two LLVMs end the process.
    Source: https://keras.io/api/models/model/ (`stateless_call`); https://dmlc.github.io/dlpack

    Raises:
        LinksimError: TensorFlow is not installed, or Keras runs on another backend.
        ParameterError: the model is not built, or is neither a model nor callable.

    >>> import torch
    >>> ports = {"inputs": {"x": "float [batch, n]"}, "outputs": {"out": "float [batch, n]"}}
    >>> double = KerasBlock(model=lambda x: 2 * x, **ports)
    >>> double(x=torch.ones(1, 2)).tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self,
        *,
        model: Any,
        inputs: Mapping[str, str] = {"image": "Image"},
        outputs: Mapping[str, str] = {"out": "Symbols"},
        complex_pairs: bool = False,
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs)
        tensorflow()
        self.complex_pairs = complex_pairs
        self._model, self._is_keras = model, _is_keras(model)
        self.weights, self._state_names, self._dtypes = nn.ParameterList(), [], []
        if self._is_keras:
            self._adopt_weights()
        elif not callable(model):
            raise ParameterError(f"'model' must be a Keras model or a callable (got {type(model).__name__})")
        self._graph: Any = None

    def _adopt_weights(self) -> None:
        if not self._model.built:
            raise ParameterError("'model' must be built: give it a keras.Input, or call it once")
        cpu = torch.device("cpu")
        for variable in self._model.trainable_variables:
            self.weights.append(nn.Parameter(to_torch(variable.value, cpu).clone()))
        for index, variable in enumerate(self._model.non_trainable_variables):
            self._state_names.append(f"state_{index}")
            self.register_buffer(f"state_{index}", to_torch(variable.value, cpu).clone())
        self._seeds = [v.path.endswith(KERAS_SEED) for v in self._model.non_trainable_variables]

    def __getstate__(self) -> dict[str, Any]:
        # A traced function belongs to its process.
        return {**self.__dict__, "_graph": None}

    def trained_model(self) -> Any:
        """The Keras model, with the weights as they are here now; a callable as it was given."""
        if self._is_keras:
            for variable, value in zip(self._model.trainable_variables, self.weights, strict=True):
                variable.assign(value.detach().cpu().numpy())
            for variable, value in zip(self._model.non_trainable_variables, self._states(), strict=True):
                variable.assign(value.cpu().numpy())
        return self._model

    def call(self, tensors: list[Tensor], batch: int | None) -> list[Tensor]:
        if batch is not None:
            raise LinksimError(f"{self.label}: a Keras model needs at least one input")
        if self.complex_pairs:
            tensors = [torch.view_as_real(t.resolve_conj()) if t.is_complex() else t for t in tensors]
        states = self._drawn(self._states())
        given = [*tensors, *self.weights, *states]
        count = len(self.output_ports)
        found = Crossing.apply(self._function, count, *given)
        if len(found) != count + len(states):
            made = len(found) - len(states)
            raise PortError(f"{self.label} declares {count} outputs, but its model gives {made}")
        if self.training:
            for state, value in zip(self._states(), found[count:], strict=True):
                state.copy_(value)
        results = list(found[:count])
        return [self._as_complex(t, p.spec) for t, p in zip(results, self.output_ports.values(), strict=True)]

    def _states(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._state_names]

    def _drawn(self, states: list[Tensor]) -> list[Tensor]:
        """The states, with those of Keras's random numbers drawn anew."""
        if not any(getattr(self, "_seeds", ())):
            return states
        fresh = seeds_from(self.rng, states)
        return [new if seed else old for old, new, seed in zip(states, fresh, self._seeds, strict=True)]

    def _as_complex(self, tensor: Tensor, spec: Any) -> Tensor:
        wanted = any(leaf.family == "complex" for _, leaf in spec.leaves())
        if self.complex_pairs and wanted and not tensor.is_complex():
            return torch.view_as_complex(tensor.contiguous())
        return tensor

    def _function(self, given: list[Any]) -> list[Any]:
        """On TensorFlow's side: inputs, weights and states to outputs and states."""
        if self._graph is None:
            self._graph = tensorflow().function(self._body, reduce_retracing=True)
        return self._graph(given, self.training)

    def _body(self, given: list[Any], training: bool) -> list[Any]:
        count = len(self.input_ports)
        inputs, rest = given[:count], given[count:]
        if not self._is_keras:
            return _listed(self._model(*inputs))
        weights, states = rest[: len(self.weights)], rest[len(self.weights) :]
        single = inputs[0] if count == 1 else inputs
        outputs, states = self._model.stateless_call(weights, states, single, training=training)
        return [*_listed(outputs), *states]


def _listed(outputs: Any) -> list[Any]:
    if isinstance(outputs, Mapping):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _is_keras(model: Any) -> bool:
    try:
        import keras
    except ImportError:
        return False
    if not isinstance(model, keras.Model):
        return False
    if keras.backend.backend() != "tensorflow":
        raise LinksimError(f"Keras must run on TensorFlow (it runs on {keras.backend.backend()}); set KERAS_BACKEND")
    return True
