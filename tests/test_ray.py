from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kill_loop import REAL, kill_loop
from mortal_tagger import MortalSource, StillbornSource
from rule_tagger import RuleTagger

import geoevents.ray
from geoevents import Extractor
from geoevents.bulk import extract_files, skipped_records
from geoevents.corpora import read_corpus
from geoevents.errors import GeoEventsError, InputError, MissingExtraError, ModelError

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    # Ray Data sets its own deprecated options.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

TESTS = Path(__file__).parent
SEEDS = TESTS.parent / "seeds"


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A local cluster of two processors that leaves no process behind."""
    before = children()  # such as the resource tracker of the bulk runs' workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS.parent), str(TESTS)]))
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    started = children() - before
    assert started
    yield
    ray.shutdown()
    deadline = time.monotonic() + 20
    while started & children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not started & children()


def children() -> set[int]:
    """The processes that this one has started and that are not dead."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(status.parent.name))
    return found


def test_the_output_is_that_of_one_machine(tmp_path: Path) -> None:
    """Of the same batches, so that sums are rounded alike."""
    documents = read_corpus([SEEDS / "dev.evt"])
    inputs, one = tmp_path / "in", []
    inputs.mkdir()
    for start in range(0, 60, 20):
        batch = documents[start : start + 20]
        rows = [{"url": document.id, "body": document.text, "day": document.date, "more": 1} for document in batch]
        path, output = inputs / f"{start}.parquet", tmp_path / f"{start}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        names = ["--text-column", "body", "--id-column", "url", "--date-column", "day", "--threads", "1"]
        subprocess.run([sys.executable, "-m", "geoevents", "extract", path, *names, "-o", output], check=True)
        one.append(pq.read_table(output))

    dataset = ray.data.read_parquet(str(inputs), override_num_blocks=3)
    events = geoevents.ray.extract(
        dataset, text_column="body", id_column="url", date_column="day", batch_size=20, concurrency=2
    )
    events.write_parquet(str(tmp_path / "many"))

    expected, found = pa.concat_tables(one), pq.read_table(tmp_path / "many")
    assert found.schema.remove_metadata() == expected.schema.remove_metadata()
    assert expected.num_rows > 50
    assert by_id(found) == by_id(expected)


def by_id(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: row["id"])


def test_every_document_comes_out_or_is_reported_whatever_happens(tmp_path: Path) -> None:
    texts: list[Any] = [f"Iran{'x' * n} met Cuba." for n in range(40)]
    texts[3] = None
    texts[7] = "Faulty met Cuba."
    texts[13] = "Poison met Cuba."
    texts[14] = "Poison again met Cuba."
    texts[22] = "Unlucky met Cuba."
    rows = [{"id": f"d{n:02}", "text": text, "date": "2022-01-20"} for n, text in enumerate(texts)]
    rows[5]["date"] = "20 of May"

    coded = geoevents.ray.extract(
        ray.data.from_items(rows, override_num_blocks=4),
        output="both",
        model=MortalSource(tmp_path),
        batch_size=5,
        concurrency=2,
    ).materialize()

    documents = geoevents.ray.document_rows(coded).take_all()
    assert len(documents) == len(rows)
    unreadable = [row["skipped"] for row in documents if row["document"] is None]
    assert sorted(unreadable) == [
        "the date '20 of May' cannot be read; write it as YYYY-MM-DD, or leave it out (document 'd05')",
        "the text is missing (document 'd03')",
    ]
    skipped = {row["document"]: row["skipped"] for row in documents if row["skipped"] and row["document"]}
    died = "the worker died twice on this text: it crashed, or took longer than 300 seconds"
    assert skipped == {
        "d07": "the text cannot be coded: RuntimeError: a fault",
        "d13": died,
        "d14": died,
    }
    assert (tmp_path / "died").exists()
    good = [row["id"] for row in rows if row["id"] not in (*skipped, "d03", "d05")]
    assert sorted(row["document"] for row in documents if not row["skipped"]) == good
    assert sorted(row["document"] for row in geoevents.ray.event_rows(coded).take_all()) == good


def test_documents_without_events_are_documents_and_leave_empty_tables(tmp_path: Path) -> None:
    dataset = ray.data.from_items([{"text": "Nothing happened."}, {"text": None}])
    extract = partial(geoevents.ray.extract, dataset, model=MortalSource(tmp_path), columns="gdelt")
    extract(output="both").write_parquet(str(tmp_path / "coded"))
    coded = ray.data.read_parquet(str(tmp_path / "coded"))
    documents = geoevents.ray.document_rows(coded).take_all()
    assert [(row["events"], row["skipped"]) for row in documents] == [(0, None), (None, "the text is missing")]
    assert geoevents.ray.event_rows(coded).take_all() == []
    assert extract().take_all() == []


def test_bulk_runs_leave_the_same_shards_and_skip_what_kills_their_workers(tmp_path: Path) -> None:
    texts = [f"Iran{'x' * n} met Cuba." for n in range(40)]
    good = write_lines(tmp_path / "good.jsonl", [*texts, "Faulty met Cuba.", "Unlucky met Cuba."])
    here = extract_files(good, tmp_path / "here", extractor=Extractor(RuleTagger()), shard_size=15)
    there = extract_files(
        good, tmp_path / "there", extractor=MortalSource(tmp_path), engine="ray", workers=2, shard_size=15
    )
    assert (tmp_path / "died").exists()
    assert (there.records, there.documents, there.skipped, there.shards) == (42, 41, 1, 3)
    for table in ("events", "documents"):
        assert rows_of(tmp_path / "there", table)[:40] == rows_of(tmp_path / "here", table)[:40]
    assert there.events == here.events - 1

    bad = write_lines(tmp_path / "bad.jsonl", [texts[0], "Poison met Cuba.", texts[1], "Endless met Cuba.", 3])
    report = extract_files(
        bad, tmp_path / "bad", extractor=MortalSource(tmp_path), engine="ray", workers=1, time_limit=2
    )
    assert (report.records, report.documents, report.skipped, report.events) == (5, 2, 3, 2)
    assert [skip["record"] for skip in skipped_records(tmp_path / "bad")] == [2, 4, 5]


def test_workers_that_cannot_start_end_the_run(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", ["Putin met Xi."])
    with pytest.raises(GeoEventsError, match="the worker died twice while it loaded the model"):
        extract_files(path, tmp_path / "dies", extractor=StillbornSource(tmp_path), engine="ray", workers=1)
    source = StillbornSource(tmp_path, ModelError("config.json is missing"))
    with pytest.raises(GeoEventsError, match=r"config\.json is missing"):
        extract_files(path, tmp_path / "raises", extractor=source, engine="ray", workers=1)


def test_value_that_cannot_be_read_skips_its_document_alone(tmp_path: Path) -> None:
    texts = pa.array([b"Iran met Cuba.", b"caf\xe9", b"Iran met Cuba."], pa.binary()).view(pa.string())
    days = pa.array([19012, 19012, 4_000_000], pa.date32())
    dataset = ray.data.from_arrow(pa.table({"id": ["a", "b", "c"], "text": texts, "date": days}))
    coded = geoevents.ray.extract(dataset, model=MortalSource(tmp_path), output="both").materialize()
    documents = {row["document"]: row for row in geoevents.ray.document_rows(coded).take_all()}
    assert (documents["a"]["events"], documents["a"]["date"]) == (1, "2022-01-20")
    unreadable = [row["skipped"] for row in geoevents.ray.document_rows(coded).take_all() if row["skipped"]]
    assert [cause.partition(": ")[0] for cause in unreadable] == [
        "the value in column 'text' cannot be read",
        "the value in column 'date' cannot be read",
    ]
    assert [cause[-14:] for cause in unreadable] == ["(document 'b')", "(document 'c')"]


def write_lines(path: Path, texts: list[Any]) -> Path:
    path.write_text("".join(json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts)))
    return path


def rows_of(output: Path, table: str) -> list[dict[str, Any]]:
    return pq.read_table(output / table).to_pylist()


def test_a_run_that_was_killed_goes_on_without_loss(tmp_path: Path) -> None:
    """The program, its cluster and its workers; with the real model, since the rules' workers are not Ray's."""
    options = ["--engine", "ray", "--shard-size", "100", "--workers", "2"]
    outcome = kill_loop(tmp_path, kills=2, seed=3, documents=400, program=REAL, options=options)
    assert outcome.kills == 2
    assert not outcome.lost
    assert not outcome.doubled
    assert not outcome.differing


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"text_column": "body"}, InputError, "no column 'body'; found: 'text'"),
        ({"columns": "icews"}, ValueError, "columns 'icews' are unknown"),
        ({"output": "documents"}, ValueError, "output='documents': allowed are"),
        ({"concurrency": (2, 1)}, ValueError, r"concurrency=\(2, 1\): give"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_options_fail_before_anything_runs(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        geoevents.ray.extract(ray.data.from_items([{"text": "Iran met Cuba."}]), **options)


def test_without_ray_the_error_names_the_pip_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'geoevents\[ray\]'"):
        extract_files(write_lines(tmp_path / "in.jsonl", ["Iran met Cuba."]), tmp_path / "out", engine="ray")
    assert not (tmp_path / "out").exists()
