"""CSV logs that a resumed run continues."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path


class CsvLog:
    """Rows of figures in one file. A row is in the file when `write` returns; a figure that is new gets a column, empty
    in the rows before."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, row: Mapping[str, object]) -> None:
        """Append one row."""
        columns, rows = self._read()
        if columns and not row.keys() <= set(columns):
            columns += [name for name in row if name not in columns]
            self._rewrite(columns, rows)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns or list(row))
            if not columns:
                writer.writeheader()
            writer.writerow(row)

    def forget_after(self, step: int) -> None:
        """Drop the rows of steps that a resumed run will do again, and one cut short by a crash."""
        columns, rows = self._read()
        if not columns:
            self.path.unlink(missing_ok=True)
            return
        self._rewrite(columns, [row for row in rows if None not in row.values() and int(row["step"]) <= step])

    def _rewrite(self, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        fresh = self.path.with_suffix(".partial")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(self.path)

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        if not self.path.exists():
            return [], []
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
