"""CSV logs that a resumed run continues."""

import csv
from collections.abc import Mapping
from pathlib import Path


class CsvLog:
    """Rows of figures, one file; the first row's names are the columns. A row is on file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, row: Mapping[str, object]) -> None:
        """Append one row."""
        new = not self.path.exists() or self.path.stat().st_size == 0
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    def forget_after(self, step: int) -> None:
        """Drop the rows of steps that a resumed run will do again, and one cut short by a crash."""
        if not self.path.exists():
            return
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if None not in row.values() and int(row["step"]) <= step]
            names = reader.fieldnames or []
        fresh = self.path.with_suffix(".partial")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(self.path)
