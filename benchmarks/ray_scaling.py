"""How the speed of bulk runs grows with the number of workers, on Ray and in processes of one machine.

    python benchmarks/ray_scaling.py --json ray_scaling.json
    python benchmarks/ray_scaling.py --engines ray --workers 1 2 4 8 --documents 16000

The documents are 20 sentences of seeds/ each, in random order, as JSON Lines. "processes" and "ray" are `geoevents
extract --engine`, from the files to the shards; "dataset" is `geoevents.ray.extract` on a dataset read from the same
file and written as Parquet. A worker has one thread and one processor. A run on one document gives the time to start
(the cluster, the workers, the model), which is told apart and not part of the rates. Chunks are 200 documents: give a
number that divides by 200 and by the workers, or some are idle at the end. With as many workers as cores, reading and
writing take from the workers' time. Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from report import markdown, option_parser, publish, report
from speed import SENTENCES_A_DOCUMENT, write_documents

from geoevents.bulk import extract_files

# More bytes than a document takes on average.
_AMPLE = 4000


@dataclass(frozen=True, slots=True)
class Scaling:
    """Runs of one engine with so many workers.

    Attributes:
        engine: "processes", "ray" or "dataset".
        workers: Number of workers.
        sentences: Sentences in a run.
        start_s: Seconds of a run of one document: median of the repeats.
        seconds: Seconds of a run without these: median.
        rate: Sentences a second by that.
        slowest: The lowest rate of the repeats.
        fastest: The highest.
        efficiency: Rate by that of the fewest workers, per worker, 0 to about 1.
    """

    engine: str
    workers: int
    sentences: int
    start_s: float
    seconds: float
    rate: float
    slowest: float
    fastest: float
    efficiency: float


Run = Callable[[Path, Path, int, str], None]
"""Codes a file of JSON Lines into a directory, with so many workers and a model."""


def main(argv: Sequence[str]) -> None:
    """Measure, print and save."""
    options = _parser().parse_args(argv)
    scalings: list[Scaling] = []
    for engine in options.engines:
        for workers in sorted(options.workers):
            first = next((one for one in scalings if one.engine == engine), None)
            scalings.append(measure(engine, workers, options, first))
    results = {"scaling": [asdict(one) for one in scalings]}
    publish(report("ray_scaling", results, options=options, argv=argv), [table(scalings)], options.json)


def _parser() -> argparse.ArgumentParser:
    parser = option_parser(__doc__)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--documents", type=int, default=2000, metavar="N", help="documents in the input")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    return parser


def measure(engine: str, workers: int, options: argparse.Namespace, first: Scaling | None) -> Scaling:
    """The speed of an engine with so many workers; `first` are the runs to compare with, None for these."""
    with TemporaryDirectory() as scratch:
        large, small = Path(scratch) / "in.jsonl", Path(scratch) / "one.jsonl"
        write_input(large, options.documents, seed=options.seed)
        write_input(small, 1, seed=options.seed)

        def seconds(source: Path, number: int) -> float:
            began = time.perf_counter()
            ENGINES[engine](source, Path(scratch) / f"{source.stem}-{number}", workers, options.model)
            return time.perf_counter() - began

        start = statistics.median(seconds(small, number) for number in range(options.repeats))
        spent = [seconds(large, number) - start for number in range(options.repeats)]
    sentences = SENTENCES_A_DOCUMENT * options.documents
    rate = sentences / statistics.median(spent)
    base = first.rate / first.workers if first else rate / workers
    return Scaling(
        engine=engine,
        workers=workers,
        sentences=sentences,
        start_s=start,
        seconds=statistics.median(spent),
        rate=rate,
        slowest=sentences / max(spent),
        fastest=sentences / min(spent),
        efficiency=rate / workers / base,
    )


def write_input(path: Path, documents: int, *, seed: int) -> None:
    """Write so many documents as JSON Lines."""
    write_documents(path, documents * _AMPLE, seed=seed)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:documents]), encoding="utf-8", newline="\n")


def run_processes(source: Path, output: Path, workers: int, model: str) -> None:
    """`geoevents extract --engine processes`."""
    extract_files(source, output, extractor=model, workers=workers)


def run_ray(source: Path, output: Path, workers: int, model: str) -> None:
    """`geoevents extract --engine ray`."""
    extract_files(source, output, extractor=model, engine="ray", workers=workers)


def run_dataset(source: Path, output: Path, workers: int, model: str) -> None:
    """`geoevents.ray.extract`, on a cluster with one processor more for reading and writing."""
    import ray

    import geoevents.ray

    ray.init(num_cpus=workers + 1, include_dashboard=False, logging_level="ERROR")
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        dataset = ray.data.read_json(str(source), lines=True).repartition(4 * workers)
        geoevents.ray.extract(dataset, model=model, concurrency=(workers, workers)).write_parquet(str(output))
    finally:
        ray.shutdown()


ENGINES: dict[str, Run] = {"processes": run_processes, "ray": run_ray, "dataset": run_dataset}


def table(scalings: Iterable[Scaling]) -> str:
    """Rates and efficiencies by engine and workers."""
    return markdown(
        (
            "engine",
            "workers",
            "sentences",
            "start, s",
            "seconds",
            "sentences a second",
            "slowest to fastest",
            "efficiency",
        ),
        [
            (
                one.engine,
                one.workers,
                one.sentences,
                f"{one.start_s:.1f}",
                f"{one.seconds:.1f}",
                f"{one.rate:.0f}",
                f"{one.slowest:.0f} to {one.fastest:.0f}",
                f"{one.efficiency:.2f}",
            )
            for one in scalings
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
