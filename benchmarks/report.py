"""What the benchmarks share: their options, what they ran on, and how results are printed and saved."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import geoevents
from geoevents.runtime import WORDS_FILE, model_directory
from geoevents.scores import Measure

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers", "ray", "fastapi", "uvicorn")


def option_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark; the description's first paragraph is its help."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n\n")[0])
    parser.add_argument("--model", default="default", help="name of a shipped model or a model directory")
    parser.add_argument("--json", type=Path, metavar="PATH", help="file for the results as JSON")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    return parser


def tuning_option_parser(description: str | None, *, data: str, test: str) -> argparse.ArgumentParser:
    """A parser with the options of the benchmarks that fine-tune.

    Args:
        description: See `option_parser`.
        data: Name of the file with the train part.
        test: Name of the file with the test part.
    """
    parser = option_parser(description)
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--test", type=Path, help=f"{test}, scored in place of the cross-validation")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="trainings on each fold")
    parser.add_argument("--mixed-precision", action="store_true", help="train in bfloat16")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="samples for the intervals")
    return parser


def cross_validated(
    items: Sequence[Item],
    answer: Callable[[Sequence[Item], Sequence[Item]], Sequence[Answer]],
    *,
    folds: int,
    seed: int,
) -> list[Answer]:
    """The answer to each item by what was learned from the other folds.

    Args:
        items: The items.
        answer: Learns from its first argument and gives an answer to each item of its second.
        folds: Number of folds.
        seed: Seed of the division into folds.
    """
    order = np.random.default_rng(seed).permutation(len(items)).tolist()
    found: dict[int, Answer] = {}
    for fold in range(folds):
        held_out = order[fold::folds]
        others = set(order) - set(held_out)
        made = answer([items[i] for i in order if i in others], [items[i] for i in held_out])
        found |= zip(held_out, made, strict=True)
    return [found[i] for i in range(len(items))]


def report(
    benchmark: str, results: Mapping[str, Any], *, options: argparse.Namespace, argv: Sequence[str]
) -> dict[str, Any]:
    """The results with all that is needed to judge and repeat them, as plain JSON types."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["python", f"benchmarks/{benchmark}.py", *argv]),
        "seed": options.seed,
        "machine": machine(),
        "versions": versions(),
        "model": {"name": options.model, "sha256": _digest(model_directory(options.model) / WORDS_FILE)},
        "results": results,
    }


def publish(document: Mapping[str, Any], tables: Iterable[str], path: Path | None) -> None:
    """Print a report's tables under what it ran on, and write the report where a path is given."""
    system, packages = document["machine"], document["versions"]
    print(f"{document['benchmark']}, {document['date']}: {document['command']}")
    print(f"{system['cpu']}, {system['cores']} cores, {system['memory_gib']} GiB, {system['os']}")
    print(", ".join(f"{name} {number}" for name, number in packages.items()))
    for table in tables:
        print(f"\n{table}")
    if path is not None:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, memory and operating system; None for what the system does not tell."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": _cpu_model(), "cores": usable, "memory_gib": _memory(), "os": platform.platform(terse=True)}


def versions() -> dict[str, str]:
    """Versions of geoevents, Python and the packages that the figures depend on, as far as they are installed."""
    installed = {package: version(package) for package in _PACKAGES if find_spec(package)}
    return {"geoevents": geoevents.__version__, "python": platform.python_version(), **installed}


def markdown(headers: Sequence[str], rows: Iterable[Sequence[object]], *, text_columns: int = 1) -> str:
    """A table that reads well as it stands and in Markdown; the first `text_columns` are set left, the others right."""
    cells = [[*map(str, headers)], *([*map(str, row)] for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    aligns = ["<" if i < text_columns else ">" for i in range(len(widths))]
    rule = [
        "-" * width if align == "<" else "-" * (width - 1) + ":" for width, align in zip(widths, aligns, strict=True)
    ]
    lines = [[f"{cell:{a}{w}}" for cell, a, w in zip(row, aligns, widths, strict=True)] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def percent(value: float | None) -> str:
    """A share from 0 to 1 in percent, "-" for none."""
    return "-" if value is None else f"{100 * value:.1f}"


def interval(low: float | None, high: float | None) -> str:
    """The bounds of a share in percent, "" without bounds."""
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"


def measured(measure: Measure) -> list[str]:
    """Value and interval in percent."""
    return [percent(measure.value), interval(measure.low, measure.high)]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _cpu_model() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or None)


def _memory() -> float | None:
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= names.keys():
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
