"""What a run gives back."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from linksim.errors import UnknownPortError, nearest
from linksim.port import PortRef


class Result(Mapping[str, Any]):
    """Outputs and probed values of one run, by name (`"ber"`, `"channel.out"`) or by port (`fg.channel["out"]`)."""

    def __init__(
        self, values: dict[str, Any], name_of: Callable[[PortRef], str], labels: Mapping[str, str] | None = None
    ) -> None:
        self.labels = dict(labels or {})
        """How the result was made where that matters, as `{"header": "ideal", "csi": "perfect"}`."""
        self._values = values
        self._name_of = name_of

    def __getitem__(self, key: str | PortRef) -> Any:
        name = self._name_of(key) if isinstance(key, PortRef) else key
        if name not in self._values:
            raise UnknownPortError(
                f"the run holds no '{name}'; {nearest(name, self._values)}. Name it in probe=[...] to keep it"
            )
        return self._values[name]

    def __contains__(self, key: object) -> bool:
        return (self._name_of(key) if isinstance(key, PortRef) else key) in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        labels = "".join(f"; {name}: {label}" for name, label in self.labels.items())
        return f"Result({', '.join(self._values)}{labels})"
