"""Results on disk: one SQLite file, in which a chunk is there whole or not at all."""

import json
import os
import sqlite3
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linksim.errors import LinksimError, StoreError
from linksim.montecarlo.tally import Tally, tally_from

VERSION = 1
BUSY_SECONDS = 60
PAGES_BESIDE = 100
"""Of 4096 bytes, which SQLite keeps beside the store's file before it writes them into it."""
SCHEMA = """
CREATE TABLE links (digest TEXT PRIMARY KEY, description TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE points (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, point TEXT NOT NULL, link TEXT NOT NULL, labels TEXT NOT NULL
);
CREATE TABLE chunks (
    point INTEGER NOT NULL, number INTEGER NOT NULL, frames INTEGER NOT NULL, seconds REAL NOT NULL,
    tallies TEXT NOT NULL, error TEXT, PRIMARY KEY (point, number)
) WITHOUT ROWID;
CREATE TABLE sweeps (key TEXT PRIMARY KEY, made REAL NOT NULL, settings TEXT NOT NULL, points TEXT NOT NULL)
    WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Chunk:
    """What one chunk gave: its sums by metric, or the text of the exception that ended it."""

    number: int
    frames: int
    seconds: float
    tallies: Mapping[str, Tally]
    error: str | None = None

    def row(self, point: int) -> tuple[int, int, int, float, str, str | None]:
        """As the store keeps it."""
        tallies = json.dumps({name: tally.plain() for name, tally in self.tallies.items()})
        return point, self.number, self.frames, self.seconds, tallies, self.error


@dataclass(frozen=True)
class StoredSweep:
    """A sweep as it was last run on this store: its settings, and the ids of its points in the grid's order."""

    key: str
    settings: Mapping[str, Any]
    points: Sequence[int]


def store_files(path: Path) -> list[Path]:
    """The files that make up a store: its own, and those that SQLite keeps beside it."""
    return [path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal"))]


def _reading(path: Path) -> str:
    """How SQLite opens a store to read it."""
    if not os.access(path.parent, os.W_OK):
        # Then nobody writes: no lock files are needed, nor possible.
        return "immutable=1"
    # With the right to write, it leaves no files of its own behind, and takes in what a run that was cut off left.
    return "mode=rw" if os.access(path, os.W_OK) else "mode=ro"


class Store:
    """A file of results, made where there is none. Several processes may use it at once.

    Raises `StoreError` where the file is no store, damaged, of a newer version, cannot be written, or the disk is full.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        with self.telling():
            self._database = self._open()
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise

    def _open(self) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(":memory:", isolation_level=None)
        if self.path.exists() and not self.path.is_file():
            raise StoreError(f"'{self.path}' is not a file; name the .db file of the results")
        if self.read_only and not self.path.is_file():
            raise StoreError(f"no store at '{self.path}'")
        if not self.path.parent.is_dir():
            raise StoreError(f"no folder '{self.path.parent}' for the store")
        how = "mode=rwc"
        if self.read_only:
            how = _reading(self.path)
        uri = f"{self.path.resolve().as_uri()}?{how}"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)

    def _prepare(self) -> None:
        database = self._database
        if self.read_only or self._is_foreign():
            database.execute("PRAGMA query_only = ON")
            self._check_version(database.execute("PRAGMA user_version").fetchone()[0])
            return
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BESIDE}")
        with self._transaction():
            if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in filter(str.strip, SCHEMA.split(";")):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {VERSION}")
        # From now on a copy of the file itself is a store, though one without what stands beside it.
        database.execute("PRAGMA wal_checkpoint")

    def _is_foreign(self) -> bool:
        """Whether the file holds something that is not of this version: then nothing may be changed in it."""
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        return version != VERSION and bool(self._database.execute("SELECT 1 FROM sqlite_master").fetchone())

    def _check_version(self, version: int) -> None:
        if version > VERSION:
            raise StoreError(f"'{self.path}' was written by a newer linksim (store version {version}, this one knows "
                             f"{VERSION}); install the newer one, or name another file")  # fmt: skip
        if version < VERSION and not self._database.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreError(f"'{self.path}' holds nothing; the last results of a run that was cut off are in "
                             f"'{self.path}-wal', which belongs beside it")  # fmt: skip
        if version < VERSION:
            raise StoreError(f"'{self.path}' is a database, but no store of linksim's; name another file")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def telling(self) -> Generator[None]:
        """Within, SQLite's errors, and those of content that nobody wrote like that, are `StoreError`s in words that
        help."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # What was written whole by this class reads back; what does not, somebody has changed.
            if isinstance(error, LinksimError):
                raise
            raise StoreError(
                f"store '{self.path}': it is damaged ({error}); keep a copy, and name another file"
            ) from error
        except sqlite3.DatabaseError as error:
            text = str(error)
            if "full" in text:
                what = "the disk is full; what was done is kept: free space and run the same again"
            elif "readonly" in text or "unable to open" in text or "read-only" in text:
                what = "it cannot be written; check the rights of the file and of its folder"
            elif "locked" in text:
                what = f"another process has kept it locked for {BUSY_SECONDS} s"
            elif "not a database" in text or "malformed" in text:
                what = "it is damaged, or no store at all; keep a copy, and name another file"
            elif "disk I/O" in text:
                what = "the disk failed to read or write; what was committed before is kept"
            else:
                what = text
            raise StoreError(f"store '{self.path}': {what}") from error

    # -- writing

    def add_links(self, links: Mapping[str, str]) -> None:
        """Keep the canonical forms of links by their digests."""
        with self.telling(), self._transaction():
            self._database.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", list(links.items()))

    def add_points(self, points: Iterable[tuple[str, str, str]]) -> dict[str, int]:
        """Give each (key, canonical point, digest of its link) an id, new or known; returns key to id."""
        rows = list(points)
        with self.telling(), self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO points (key, point, link, labels) VALUES (?, ?, ?, '{}')", rows
            )
            known = dict(self._database.execute("SELECT key, id FROM points").fetchall())
        return {key: known[key] for key, _, _ in rows}

    def set_labels(self, point: int, labels: Mapping[str, str]) -> None:
        """Keep how a point's results were made, as `{"csi": "perfect"}`."""
        with self.telling(), self._transaction():
            self._database.execute("UPDATE points SET labels = ? WHERE id = ?", (json.dumps(dict(labels)), point))

    def add_sweep(self, sweep: StoredSweep) -> None:
        """Keep what a sweep asked for, so that its table can be made without its flowgraph."""
        row = (sweep.key, time.time(), json.dumps(dict(sweep.settings)), json.dumps(list(sweep.points)))
        with self.telling(), self._transaction():
            self._database.execute("INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?, ?)", row)

    def add_chunks(self, chunks: Sequence[tuple[int, Chunk]]) -> None:
        """Commit chunks of points, all in one transaction; one that is there already stays, unless it had failed."""
        with self.telling(), self._transaction():
            rows = [chunk.row(point) for point, chunk in chunks]
            self._database.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (point, number) DO UPDATE SET frames = "
                "excluded.frames, seconds = excluded.seconds, tallies = excluded.tallies, error = excluded.error "
                "WHERE chunks.error IS NOT NULL",
                rows,
            )

    # -- reading

    def chunks(self, points: Iterable[int]) -> dict[int, list[Chunk]]:
        """All chunks of these points, in order."""
        wanted = set(points)
        found: dict[int, list[Chunk]] = {point: [] for point in wanted}
        with self.telling():
            rows = self._database.execute("SELECT * FROM chunks ORDER BY point, number")
            for point, number, frames, seconds, tallies, error in rows:
                if point in wanted:
                    found[point].append(Chunk(number, frames, seconds, _read_tallies(tallies), error))
        return found

    def chunks_of(self, point: int, beyond: int) -> list[Chunk]:
        """The chunks of one point from number `beyond` on, in order."""
        with self.telling():
            rows = self._database.execute(
                "SELECT * FROM chunks WHERE point = ? AND number >= ? ORDER BY number", (point, beyond)
            ).fetchall()
            return [
                Chunk(n, frames, seconds, _read_tallies(tallies), error)
                for _, n, frames, seconds, tallies, error in rows
            ]

    def points(self) -> dict[int, tuple[dict[str, Any], str, dict[str, str]]]:
        """Every point by its id: (values, digest of its link, labels)."""
        with self.telling():
            rows = self._database.execute("SELECT id, point, link, labels FROM points").fetchall()
            return {row[0]: (json.loads(row[1]), row[2], json.loads(row[3])) for row in rows}

    def link(self, digest: str) -> dict[str, Any]:
        """The canonical form of a link."""
        with self.telling():
            row = self._database.execute("SELECT description FROM links WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise StoreError(f"store '{self.path}' holds no link {digest[:12]}")
        return json.loads(row[0])

    def sweeps(self) -> list[StoredSweep]:
        """The sweeps that were run, the last one last."""
        with self.telling():
            rows = self._database.execute("SELECT key, settings, points FROM sweeps ORDER BY made").fetchall()
            return [StoredSweep(key, json.loads(settings), json.loads(points)) for key, settings, points in rows]


def _read_tallies(text: str) -> dict[str, Tally]:
    return {name: tally_from(plain) for name, plain in json.loads(text).items()}
