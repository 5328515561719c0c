"""Where the time goes from a Parquet file of texts to a Parquet file of events, and how it grows with the input.

    python benchmarks/stages.py --json stages.json
    python benchmarks/stages.py --beside fast --threads 2 --documents 1000 100000 --json stages.json

Documents are 20 random sentences of seeds/. Three things are measured: the share of each stage on one thread, by a
clock around the real functions; the sentences a second of the model on ONNX Runtime, of the same on torch and of other
models, all in one process and in turns, so that what else the machine does meets them alike; and time and memory of
`geoevents extract` on inputs of growing size, from start to exit.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
from report import markdown, option_parser, percent, publish, report
from speed import SENTENCES_A_DOCUMENT, random_document, watch

from geoevents import Extractor, load, pipeline, runtime
from geoevents.decoding import Decoder
from geoevents.encoding import TextEncoder
from geoevents.formats import open_writer, parquet, read_records
from geoevents.resolution import Resolver

_ROWS_A_GROUP = 1000

READING, REST = "reading", "batching and the rest"
MODEL = ("words.onnx", "events.onnx")

# The functions that make up each stage, by where the line looks them up.
_STAGES: tuple[tuple[str, Any, str], ...] = (
    ("sentence splitting", pipeline, "normalise"),
    ("sentence splitting", pipeline, "sentence_offsets"),
    ("tokenising", TextEncoder, "encode"),
    ("padding", runtime, "pad_windows"),
    ("words.onnx", runtime.OnnxScorer, "words"),
    ("trigger decoding", Decoder, "triggers"),
    ("events.onnx", runtime.OnnxScorer, "events"),
    ("event decoding", Decoder, "events"),
    ("building events", pipeline, "_event"),
    ("building events", pipeline, "direct"),
    ("resolution", Resolver, "resolve"),
    ("writing", parquet.Writer, "write"),
    ("writing", parquet.Writer, "close"),
)


class StageClock:
    """Charges every moment to the stage that was entered last and not left yet.

    Attributes:
        seconds: Seconds by stage; a stage inside another is not counted twice.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stages = [REST]
        self._since = time.perf_counter()

    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge the block to a stage."""
        self._charge()
        self._stages.append(name)
        try:
            yield
        finally:
            self._charge()
            self._stages.pop()

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """The function, charged to a stage; what it yields, if it is a generator, included."""

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.stage(stage):
                result = function(*args, **kwargs)
            return self.timed_items(result, stage) if isinstance(result, Iterator) else result

        return wrapper

    def timed_items(self, items: Iterator[Any], stage: str) -> Iterator[Any]:
        """The items, the time that they take to come charged to a stage."""
        done = object()
        while True:
            with self.stage(stage):
                item = next(items, done)
            if item is done:
                return
            yield item

    @contextmanager
    def around_the_line(self) -> Iterator[None]:
        """Time the stages of all extractors inside the block."""
        with ExitStack() as stack:
            for stage, owner, name in _STAGES:
                stack.enter_context(mock.patch.object(owner, name, self.timed(getattr(owner, name), stage)))
            with self.stage(REST):
                yield

    def _charge(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now


@dataclass(frozen=True, slots=True)
class Profile:
    """Milliseconds a sentence of each stage, in the order of the line, on one thread.

    Attributes:
        stages: Milliseconds by stage; of the repeats, the one that took least in all.
        beside_model: Share of everything but the model, 0 to 1.
    """

    stages: dict[str, float]
    beside_model: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Sentences a second of a model from Parquet to Parquet.

    Attributes:
        model: Name or directory of the model.
        backend: "onnx" or "torch".
        threads: Threads of the model.
        median: Median of the repeats.
        slowest: The slowest repeat.
        fastest: The fastest repeat.
        ratio: How many times as fast the first model on ONNX Runtime is with as many threads: median over the rounds,
            in each of which every model has its turn.
    """

    model: str
    backend: str
    threads: int
    median: float
    slowest: float
    fastest: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Growth:
    """One run of `geoevents extract` from Parquet to Parquet, from start to exit.

    Attributes:
        model: Name or directory of the model.
        documents: Number of documents.
        sentences: Number of sentences.
        seconds: Time from start to exit.
        peak_mib: Peak memory of the process, in MiB.
    """

    model: str
    documents: int
    sentences: int
    seconds: float
    peak_mib: float


def main(argv: Sequence[str]) -> None:
    """Measure, print and save."""
    options = _parser().parse_args(argv)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # Children before models: a child's peak counts what its parent held when it was started.
        growths = [
            measure_growth(model, documents, folder, options)
            for model in (options.model, *options.beside)
            for documents in options.documents
        ]
        source = folder / "in.parquet"
        write_documents(source, options.sample, options.seed, options.sentences)
        profile = measure_profile(source, options)
        rates = [rate for threads in options.threads for rate in measure_rates(source, threads, options)]
    results = {
        "sentences_a_document": options.sentences,
        "profile": asdict(profile),
        "rates": [asdict(rate) for rate in rates],
        "growth": [asdict(growth) for growth in growths],
    }
    tables = [profile_table(profile), rate_table(rates), growth_table(growths)]
    publish(report("stages", results, options=options, argv=argv), tables, options.json)


def _parser() -> argparse.ArgumentParser:
    parser = option_parser(__doc__)
    parser.add_argument("--beside", nargs="*", default=[], metavar="MODEL", help="other models to measure in turns")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--sample", type=int, default=200, metavar="N", help="documents for shares and rates")
    parser.add_argument("--documents", nargs="*", type=int, default=[1000, 10_000], help="input sizes of the growth")
    parser.add_argument("--sentences", type=int, default=SENTENCES_A_DOCUMENT, metavar="N", help="per document")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    return parser


def write_documents(path: Path, documents: int, seed: int, sentences: int = SENTENCES_A_DOCUMENT) -> None:
    """Write documents of random sentences of seeds/ as Parquet."""
    rng = random.Random(seed)
    with pq.ParquetWriter(path, pa.schema([(name, pa.string()) for name in ("id", "date", "text")])) as writer:
        for first in range(0, documents, _ROWS_A_GROUP):
            numbers = range(first, min(first + _ROWS_A_GROUP, documents))
            rows = [random_document(number, rng, sentences=sentences) for number in numbers]
            writer.write_table(pa.Table.from_pylist(rows, writer.schema))


def measure_profile(source: Path, options: argparse.Namespace) -> Profile:
    """The share of each stage."""
    extractor = load(options.model, threads=1)
    gc.freeze()  # as `geoevents extract` does
    run_line(extractor, source)
    clocks = []
    for _ in range(options.repeats):
        clock = StageClock()
        with clock.around_the_line():
            run_line(extractor, source, clock)
        clocks.append(clock)
    best = min(clocks, key=StageClock.total)
    scale = 1000 / (options.sample * options.sentences)
    order = dict.fromkeys((READING, *(stage for stage, _, _ in _STAGES), REST))
    stages = {stage: scale * best.seconds[stage] for stage in order}
    return Profile(stages, 1 - sum(stages[stage] for stage in MODEL) / sum(stages.values()))


def run_line(extractor: Extractor, source: Path, clock: StageClock | None = None) -> float:
    """Read a Parquet file, write the events to another beside it, and return the seconds."""
    began = time.perf_counter()
    records = read_records(source)
    if clock is not None:
        records = clock.timed_items(records, READING)
    with open_writer(source.with_name("out.parquet")) as writer:
        for document in extractor.pipe(records):
            writer.write(document)
    return time.perf_counter() - began


def measure_rates(source: Path, threads: int, options: argparse.Namespace) -> Iterator[Rate]:
    """Sentences a second of all models and backends, measured in turns."""
    settings = [(options.model, "onnx"), *((model, "onnx") for model in options.beside)]
    if find_spec("torch"):
        settings.insert(1, (options.model, "torch"))
    extractors = [load(model, backend=backend, threads=threads) for model, backend in settings]
    gc.freeze()  # the memory of one model is not to cost the others time
    rounds = [[run_line(extractor, source) for extractor in extractors] for _ in range(options.repeats + 1)][1:]
    sentences = options.sample * options.sentences
    for (model, backend), seconds in zip(settings, zip(*rounds, strict=True), strict=True):
        ratio = statistics.median(own / first for own, (first, *_) in zip(seconds, rounds, strict=True))
        rates = [sentences / one for one in seconds]
        yield Rate(model, backend, threads, statistics.median(rates), min(rates), max(rates), ratio)


def measure_growth(model: str, documents: int, folder: Path, options: argparse.Namespace) -> Growth:
    """What the command line takes for so many documents."""
    source, target = folder / f"{documents}.parquet", folder / "events.parquet"
    if not source.exists():
        write_documents(source, documents, options.seed, options.sentences)
    command = [sys.executable, "-m", "geoevents", "extract", source, "-o", target, "--model", model]
    seconds, peak, _ = watch(command)
    return Growth(model, documents, documents * options.sentences, seconds, peak)


def profile_table(profile: Profile) -> str:
    """Milliseconds and shares of the stages."""
    total = sum(profile.stages.values())
    sums = {"all": total, "all but the model": profile.beside_model * total}
    rows = [(stage, f"{ms:.3f}", percent(ms / total)) for stage, ms in (profile.stages | sums).items()]
    return markdown(("one thread", "ms a sentence", "%"), rows)


def rate_table(rates: Iterable[Rate]) -> str:
    """Sentences a second: median (slowest to fastest)."""
    return markdown(
        ("Parquet to Parquet", "backend", "threads", "sentences a second", "slowest to fastest", "time, first = 1"),
        [
            (
                rate.model,
                rate.backend,
                rate.threads,
                f"{rate.median:.0f}",
                f"{rate.slowest:.0f} to {rate.fastest:.0f}",
                f"{rate.ratio:.2f}",
            )
            for rate in rates
        ],
        text_columns=2,
    )


def growth_table(growths: Iterable[Growth]) -> str:
    """Runs of the command line by number of documents."""
    return markdown(
        ("geoevents extract", "documents", "sentences", "seconds", "ms a document", "sentences a second", "peak, MiB"),
        [
            (
                one.model,
                one.documents,
                one.sentences,
                f"{one.seconds:.1f}",
                f"{1000 * one.seconds / one.documents:.2f}",
                f"{one.sentences / one.seconds:.0f}",
                f"{one.peak_mib:.0f}",
            )
            for one in growths
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
