"""Kills bulk runs at random moments, resumes them, and counts what is lost or doubled.

    python tests/kill_loop.py --kills 100
    python tests/kill_loop.py --kills 20 --model default --documents 2000

Each round codes one archive (JSON Lines, gzip, zstd, CSV and text files, with bad lines, a truncated file, a pipe, a
broken link and one that leads in a circle) into a new directory and is killed (SIGKILL, the program alone or with its
workers) until it comes to its end. Then every record of the archive must be a document or a skipped record, once, and
the rows must be those of a run that was never killed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TESTS = Path(__file__).parent
RULES = [sys.executable, str(TESTS / "cli_with_rules.py")]
REAL = [sys.executable, "-m", "geoevents"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    "OMP_NUM_THREADS": "1",
}

_SENTENCES = (
    "Putin met Xi in Moscow on Monday.",
    "Iran attacked Iraq.",
    "The weather in the valley was mild.",
    "Iran and Russia signed it.",
    "Turkey never bombed Syria in May.",
)


@dataclass(frozen=True)
class Outcome:
    """What the kills have done.

    Attributes:
        kills: Number of runs that were killed.
        shards: Number of shards that were finished at each kill.
        rounds: Number of archives coded to their end.
        records: Number of records that went in, in all rounds.
        lost: Identifiers and bad lines that are nowhere in the output.
        doubled: Those that are there more often than in the archive.
        differing: Files of rows that are not those of a run without kills.
    """

    kills: int
    shards: tuple[int, ...]
    rounds: int
    records: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    differing: tuple[str, ...]


def write_archive(folder: Path, documents: int, chance: random.Random) -> Counter[str]:
    """Write an archive; the identifiers of its documents and, as "file:line", its unreadable records."""
    folder.mkdir()
    expected: Counter[str] = Counter()
    share = documents // 4
    for number, suffix in enumerate((".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv")):
        name = f"news{number}{suffix}"
        lines = ["id,text"] if suffix == ".csv" else []
        for record in range(share):
            text = " ".join(chance.choices(_SENTENCES, k=chance.randint(0, 6)))
            line = json.dumps({"id": f"{name}-{record}", "text": text})
            if chance.random() < 0.02:
                line = '"unbalanced' if suffix != ".csv" else "too,many,fields"
                expected[f"{folder.name}/{name}:{len(lines) + 1}"] += 1
            else:
                line = f"{name}-{record},{text}" if suffix == ".csv" else line
                expected[f"{name}-{record}"] += 1
            lines.append(line)
        _write(folder / name, "\n".join(lines).encode())
    for number in range(20):
        (folder / f"story{number:02}.txt").write_text(chance.choice(_SENTENCES))
        expected[f"{folder.name}/story{number:02}.txt"] += 1
    whole = gzip.compress(b'"Iran attacked Iraq."\n' * 1000)
    (folder / "truncated.txt.gz").write_bytes(whole[:-10])
    expected[f"{folder.name}/truncated.txt.gz:None"] += 1
    (folder / "circle").symlink_to(".")
    (folder / "gone.txt").symlink_to("nowhere")
    expected[f"{folder.name}/gone.txt:None"] += 1
    os.mkfifo(folder / "pipe.jsonl")
    expected[f"{folder.name}/pipe.jsonl:None"] += 1
    return expected


def _write(path: Path, data: bytes) -> None:
    if path.suffix == ".gz":
        data = gzip.compress(data)
    if path.suffix == ".zst":
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, "zstd") as stream:
            stream.write(data)
        data = buffer.getvalue().to_pybytes()
    path.write_bytes(data)


def found_records(output: Path) -> Counter[str]:
    """What a finished run holds, as `write_archive` names it; the list of skipped records must say the same."""
    documents = pq.read_table(output / "documents").to_pylist()
    skipped = [row for row in documents if row["skipped"] is not None]
    listed = [json.loads(line) for line in (output / "skipped.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"], row["skipped"]) for row in skipped] == [
        (row["file"], row["line"], row["cause"]) for row in listed
    ]
    found = Counter(row["document"] for row in documents if row["skipped"] is None)
    return found + Counter(f"{row['file']}:{row['line']}" for row in skipped)


def kill_loop(
    folder: Path,
    *,
    kills: int,
    seed: int,
    documents: int = 4000,
    program: Sequence[str] = RULES,
    options: Sequence[str] = ("--shard-size", "250", "--workers", "2"),
) -> Outcome:
    """Kill until there have been enough kills, and the round has come to its end.

    Args:
        folder: An empty folder to work in.
        kills: Number of kills.
        seed: Seed of the archive and of the moments.
        documents: Number of records in the archive.
        program: The command line to run.
        options: Options of `extract`.
    """
    chance = random.Random(seed)
    expected = write_archive(folder / "archive", documents, chance)
    command = [*program, "extract", "archive", *options, "--resume", "-o"]
    began = time.monotonic()
    _wait(_start([*command, "reference/"], folder))
    longest = time.monotonic() - began
    lost: Counter[str] = Counter()
    doubled: Counter[str] = Counter()
    differing: list[str] = []
    shards: list[int] = []
    done = rounds = 0
    while done < kills:
        output = f"round{rounds}/"
        while done < kills and not _killed_or_done([*command, output], folder, chance, longest):
            shards.append(len(list((folder / output).glob("documents/*.parquet"))))
            done += 1
        if done == kills:
            _wait(_start([*command, output], folder))
        rounds += 1
        found = found_records(folder / output)
        lost += expected - found
        doubled += found - expected
        differing += _differing(folder / "reference", folder / output)
    return Outcome(
        done,
        tuple(shards),
        rounds,
        rounds * sum(expected.values()),
        tuple(lost.elements()),
        tuple(doubled.elements()),
        tuple(differing),
    )


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, start_new_session=True)


def _wait(process: subprocess.Popen[bytes]) -> None:
    _, messages = process.communicate()
    assert process.returncode == 3, messages.decode()  # bad records are skipped


def _killed_or_done(command: Sequence[str], folder: Path, chance: random.Random, longest: float) -> bool:
    """Start a run and kill it at a random moment; whether it came to its end before."""
    process = _start(command, folder)
    try:
        _, messages = process.communicate(timeout=chance.uniform(0, longest))
        assert process.returncode == 3, messages.decode()
        return True
    except subprocess.TimeoutExpired:
        if chance.random() < 0.5:
            process.send_signal(signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return False


def _differing(reference: Path, output: Path) -> Iterator[str]:
    for path in sorted(path for path in reference.glob("*/*.parquet")):
        other = output / path.relative_to(reference)
        if not other.exists() or other.read_bytes() != path.read_bytes():
            yield str(other)
    yield from (str(path) for path in output.rglob("*.p*") if not (reference / path.relative_to(output)).exists())


def main() -> None:
    """Run the loop and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", help="a real model in place of the rules")
    parser.add_argument("--engine", default="processes", help="'ray' needs a real model")
    given = parser.parse_args()
    options = ["--shard-size", "250", "--workers", str(given.workers), "--engine", given.engine]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_loop(
            Path(folder),
            kills=given.kills,
            seed=given.seed,
            documents=given.documents,
            program=REAL if given.model else RULES,
            options=[*options, "--model", given.model] if given.model else options,
        )
    sys.stdout.write(
        f"{outcome.kills} kills, {outcome.rounds} rounds, {outcome.records} records: {len(outcome.lost)} lost, "
        f"{len(outcome.doubled)} doubled, {len(outcome.differing)} files differ ({time.monotonic() - began:.0f} s)\n"
    )
    sys.stdout.write(f"shards finished at each kill: {outcome.shards}\n")
    for name in (*outcome.lost[:5], *outcome.doubled[:5], *outcome.differing[:5]):
        sys.stdout.write(f"  {name}\n")
    sys.exit(bool(outcome.lost or outcome.doubled or outcome.differing))


if __name__ == "__main__":
    main()
