"""CSV logs that a resumed run continues."""

import csv
from collections.abc import Mapping
from pathlib import Path


class CsvLog:
    """Rows of figures, one file, one set of columns. A row is in the file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, row: Mapping[str, object]) -> None:
        """Append one row; the first row's names are the columns, which later rows must have."""
        columns, _ = self._read()
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
        fresh = self.path.with_suffix(".partial")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(row for row in rows if None not in row.values() and int(row["step"]) <= step)
        fresh.replace(self.path)

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        if not self.path.exists():
            return [], []
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
