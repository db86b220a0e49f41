"""Header lines of requests and answers."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Mapping, Tuple


class Headers(Mapping[str, str]):
    """Header lines in the order received. Names are matched without regard to case; a name that is
    repeated maps to its first value, `get_all` has the others, too. Values are decoded as Latin-1;
    `raw` has the bytes."""

    __slots__ = ("raw", "_values")

    def __init__(self, raw: Iterable[Tuple[str, bytes]] = ()) -> None:
        self.raw: Tuple[Tuple[str, bytes], ...] = tuple(raw)
        """Every line: its name in lower case, and its value."""
        self._values: dict[str, List[str]] = {}
        for name, value in self.raw:
            self._values.setdefault(name.lower(), []).append(value.decode("latin-1"))

    def get_all(self, name: str) -> List[str]:
        """The values of all lines of this name."""
        return list(self._values.get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Names only: values may be credentials, and what is printed ends up in logs.
        return f"<Headers {', '.join(name for name, _ in self.raw)}>"
