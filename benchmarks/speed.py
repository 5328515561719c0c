"""How fast and how large the extractor is, by backend, threads and batch size, and how its cost grows with the input.

    python benchmarks/speed.py --json speed.json
    python benchmarks/speed.py --backends onnx --threads 1 --megabytes 1 10 100

The texts are those of seeds/: sentences of exactly 25 words (about 160 characters) for throughput and latency, all
sentences in random order, 20 to a document, for the growth. All that is measured begins with the text and ends with
events; "with resolution" is what `geoevents.load()` gives, "model" leaves codes of actors, places and dates out. The
intervals of throughputs are the slowest and the fastest of the repeats. Files lie in the disk cache.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from report import SEEDS, markdown, option_parser, publish, report

from geoevents import Extractor, load
from geoevents.corpora import read_corpus
from geoevents.errors import GeoEventsError
from geoevents.sentences import split_sentences

WORDS = 25
SENTENCES_A_DOCUMENT = 20
MEGABYTE = 10**6

# Measures import, first extraction and memory in a process where nothing is loaded yet.
_FRESH = """
import json, sys, time
text, model, backend, texts = json.load(sys.stdin)
began = time.perf_counter()
import geoevents
imported = time.perf_counter()
if backend == "onnx":
    def extract(texts):
        return geoevents.extract(texts, model=model)
else:
    extractor = geoevents.load(model, backend=backend)
    def extract(texts):
        return list(extractor.pipe(texts))
extract([text])
first = time.perf_counter()
import resource
one = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
extract(texts)
print(json.dumps([imported - began, first - imported, one, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""

# Runs a command and prints seconds, exit status, peak memory and output as JSON. What the kernel counts as a process's
# peak includes the memory of the process that started it, so this small one stands between.
_WATCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
output = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([time.perf_counter() - began, process.returncode, usage.ru_maxrss, output]))
"""

# `ru_maxrss` counts kilobytes on Linux, bytes on macOS.
_MIB = 2**20 if sys.platform == "darwin" else 2**10


@dataclass(frozen=True, slots=True)
class Start:
    """A fresh process of one backend: medians over the repeats.

    Attributes:
        backend: The backend.
        import_s: Seconds of `import geoevents`.
        first_s: Seconds of the first extraction of one sentence, with loading the model.
        first_mib: Peak memory of the process by then, in MiB.
        peak_mib: Peak memory after all sentences in batches of 32, in MiB.
    """

    backend: str
    import_s: float
    first_s: float
    first_mib: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from one sentence to its events, with resolution."""

    backend: str
    threads: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Sentences a second: median, slowest and fastest of the repeats."""

    backend: str
    threads: int
    batch_size: int
    resolution: bool
    median: float
    slowest: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Growth:
    """One run of `geoevents extract` on JSON Lines, from start to exit.

    Attributes:
        megabytes: Size of the input.
        documents: Number of documents.
        sentences: Number of sentences.
        events: Number of events written.
        seconds: Time from start to exit.
        peak_mib: Peak memory of the process, in MiB.
    """

    megabytes: float
    documents: int
    sentences: int
    events: int
    seconds: float
    peak_mib: float


def main(argv: Sequence[str]) -> None:
    """Measure, print and save."""
    options = _parser().parse_args(argv)
    texts = sentences_of(WORDS)[: options.sentences]
    settings = [(backend, threads) for backend in options.backends for threads in options.threads]
    # Children before models: a child's peak counts what its parent held when it was started.
    starts = [measure_start(backend, texts, options) for backend in options.backends]
    growths = [measure_growth(size, options) for size in options.megabytes]
    latencies: list[Latency] = []
    throughputs: list[Throughput] = []
    for backend, threads in settings:
        extractor = load(options.model, backend=backend, threads=threads)
        latencies.append(measure_latency(extractor, texts, backend, threads))
        throughputs += measure_throughputs(extractor, texts, backend, threads, options)
    results = {
        "sentences": len(texts),
        "starts": [asdict(start) for start in starts],
        "latencies": [asdict(latency) for latency in latencies],
        "throughputs": [asdict(throughput) for throughput in throughputs],
        "growth": [asdict(growth) for growth in growths],
    }
    tables = [start_table(starts), latency_table(latencies), throughput_table(throughputs), growth_table(growths)]
    publish(report("speed", results, options=options, argv=argv), tables, options.json)


def _parser() -> argparse.ArgumentParser:
    parser = option_parser(__doc__)
    backends = ["onnx", *(["torch"] if find_spec("torch") else [])]
    parser.add_argument("--backends", nargs="+", default=backends, choices=("onnx", "torch"))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 8, 32, 128])
    parser.add_argument("--megabytes", nargs="*", type=float, default=[1, 10], help="input sizes of the growth")
    parser.add_argument("--sentences", type=int, default=256, metavar="N", help="sentences for throughput and latency")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    return parser


@cache
def sentences_of(words: int | None = None) -> tuple[str, ...]:
    """The different sentences of seeds/, of so many words where a number is given, in the files' order."""
    documents = read_corpus(sorted(SEEDS.glob("*.evt")))
    found = (span.text for document in documents for span in split_sentences(document.text))
    return tuple(dict.fromkeys(text for text in found if words in (None, len(text.split()))))


def measure_start(backend: str, texts: Sequence[str], options: argparse.Namespace) -> Start:
    """Import, first extraction and memory of fresh processes."""
    data = json.dumps([texts[0], options.model, backend, texts])
    runs = [json.loads(watch([sys.executable, "-c", _FRESH], data)[2]) for _ in range(options.repeats)]
    import_s, first_s, first, peak = map(statistics.median, zip(*runs, strict=True))
    return Start(backend, import_s, first_s, first / _MIB, peak / _MIB)


def watch(command: Sequence[str | Path], data: str = "") -> tuple[float, float, str]:
    """Run a command with data on standard input; seconds, peak memory in MiB, standard output."""
    watched = [sys.executable, "-c", _WATCH, *map(str, command)]
    done = subprocess.run(watched, input=data, capture_output=True, text=True, check=True)
    seconds, status, peak, output = json.loads(done.stdout)
    if status:
        raise GeoEventsError(f"{shlex.join(watched[3:])} failed with status {status}: {done.stderr}")
    return seconds, peak / _MIB, output


def measure_latency(extractor: Extractor, texts: Sequence[str], backend: str, threads: int) -> Latency:
    """The time that single sentences take."""
    extractor(texts[0])
    p50, p95 = np.percentile([_seconds([text], extractor, 1) for text in texts], [50, 95]) * 1000
    return Latency(backend, threads, float(p50), float(p95))


def measure_throughputs(
    extractor: Extractor, texts: Sequence[str], backend: str, threads: int, options: argparse.Namespace
) -> Iterator[Throughput]:
    """Sentences a second at each batch size, with and without resolution."""
    bare = replace(extractor, resolver=None)
    for batch_size in options.batch_sizes:
        for tried in (bare, extractor):
            _seconds(texts[:batch_size], tried, batch_size)
            rates = [len(texts) / _seconds(texts, tried, batch_size) for _ in range(options.repeats)]
            spread = statistics.median(rates), min(rates), max(rates)
            yield Throughput(backend, threads, batch_size, tried is extractor, *spread)


def _seconds(texts: Iterable[str], extractor: Extractor, batch_size: int) -> float:
    began = time.perf_counter()
    for _ in extractor.pipe(texts, batch_size=batch_size):
        pass
    return time.perf_counter() - began


def measure_growth(megabytes: float, options: argparse.Namespace) -> Growth:
    """What the command line takes for JSON Lines of this size."""
    with TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "in.jsonl", Path(scratch) / "out.jsonl"
        documents = write_documents(source, round(megabytes * MEGABYTE), seed=options.seed)
        command = [sys.executable, "-m", "geoevents", "extract", source, "-o", target, "--model", options.model]
        seconds, peak, _ = watch(command)
        with target.open(encoding="utf-8") as file:
            events = sum(1 for _ in file)
    return Growth(megabytes, documents, documents * SENTENCES_A_DOCUMENT, events, seconds, peak)


def write_documents(path: Path, size: int, *, seed: int) -> int:
    """Write documents of random sentences of seeds/ as JSON Lines of so many bytes, and return their number."""
    rng = random.Random(seed)
    written = documents = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        while written < size:
            written += file.write(json.dumps(random_document(documents, rng)) + "\n")
            documents += 1
    return documents


def random_document(number: int, rng: random.Random, *, sentences: int = SENTENCES_A_DOCUMENT) -> dict[str, str]:
    """A dated document of random sentences of seeds/."""
    return {"id": str(number), "date": "2022-01-20", "text": " ".join(rng.sample(sentences_of(), sentences))}


def start_table(starts: Iterable[Start]) -> str:
    """Fresh processes."""
    return markdown(
        ("fresh process", "import, s", "first extract, s", "peak then, MiB", "peak at batch 32, MiB"),
        [
            (s.backend, f"{s.import_s:.3f}", f"{s.first_s:.2f}", f"{s.first_mib:.0f}", f"{s.peak_mib:.0f}")
            for s in starts
        ],
    )


def latency_table(latencies: Iterable[Latency]) -> str:
    """Single sentences."""
    return markdown(
        ("one sentence", "threads", "p50, ms", "p95, ms"),
        [(one.backend, one.threads, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}") for one in latencies],
    )


def throughput_table(throughputs: Iterable[Throughput]) -> str:
    """Sentences a second: median (slowest to fastest)."""
    return markdown(
        ("sentences a second", "threads", "batch", "measured", "median", "slowest to fastest"),
        [
            (
                one.backend,
                one.threads,
                one.batch_size,
                "with resolution" if one.resolution else "model",
                f"{one.median:.0f}",
                f"{one.slowest:.0f} to {one.fastest:.0f}",
            )
            for one in throughputs
        ],
    )


def growth_table(growths: Iterable[Growth]) -> str:
    """Runs of the command line by size of the input."""
    return markdown(
        ("input, MB", "documents", "sentences", "events", "seconds", "s per MB", "sentences a second", "peak, MiB"),
        [
            (
                f"{one.megabytes:g}",
                one.documents,
                one.sentences,
                one.events,
                f"{one.seconds:.1f}",
                f"{one.seconds / one.megabytes:.1f}",
                f"{one.sentences / one.seconds:.0f}",
                f"{one.peak_mib:.0f}",
            )
            for one in growths
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
