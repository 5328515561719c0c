from __future__ import annotations

import json
import os
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mortal_tagger import MortalSource, MortalTagger, StillbornSource
from rule_tagger import RuleTagger

from geoevents import DictionaryError, Extractor, GeoEventsError, InputError, MissingExtraError, ModelError
from geoevents.bulk import (
    Advance,
    ExtractorOptions,
    Item,
    Report,
    chunks,
    code_items,
    extract_files,
    extraction,
    locked,
    processes,
)
from geoevents.bulk.extraction import DOCUMENT_COLUMNS
from geoevents.formats.rows import FLAT
from geoevents.prediction import PredictedEvent
from geoevents.records import Record

EXTRACTOR = Extractor(RuleTagger(keep=False))

Write = Callable[[str, list[str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes JSON Lines of texts, "bad" standing for a line that cannot be read."""
    return lambda name, texts: write_lines(tmp_path / name, texts)


def write_lines(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    lines = [
        "{bad" if text == "bad" else json.dumps({"id": f"{path.stem}-{number}", "text": text})
        for number, text in enumerate(texts)
    ]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def table(output: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(output / name).to_pylist()


def outcomes(output: Path) -> dict[str, str | None]:
    """Why each document of the output was skipped, or None."""
    return {row["document"]: row["skipped"] for row in table(output, "documents")}


def shard_files(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.glob("*/*"))}


def test_directory_holds_events_documents_and_skipped_records(write: Write, tmp_path: Path) -> None:
    write("in/a.jsonl", ["Putin met Xi. Iran attacked Iraq.", "Nothing.", "bad"])
    write("in/b.jsonl", ["Iran signed it."])
    report = extract_files(tmp_path / "in", tmp_path / "out", extractor=EXTRACTOR, date="2022-01-20", shard_size=2)
    assert (report.records, report.documents, report.events, report.skipped) == (4, 3, 3, 1)
    assert (report.shards, report.resumed) == (2, 0)
    events = table(tmp_path / "out", "events")
    assert [(row["document"], row["code"], row["date"]) for row in events] == [
        ("a-0", "040", "2022-01-20"),
        ("a-0", "190", "2022-01-20"),
        ("b-0", "057", "2022-01-20"),
    ]
    assert list(events[0]) == FLAT.names()
    documents = table(tmp_path / "out", "documents")
    assert list(documents[0]) == [column.name for column in DOCUMENT_COLUMNS]
    file = str(tmp_path / "in" / "a.jsonl")
    assert list(documents[0].values()) == ["a-0", "2022-01-20", file, 1, None, 33, 2, 2, None]
    assert [row["events"] for row in documents] == [2, 0, None, 1]
    [skipped] = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    cause = skipped.pop("cause")
    assert cause.startswith("malformed JSON") and documents[2]["skipped"] == cause
    assert skipped == {"file": file, "line": 3, "record": 3, "id": None}


def test_other_columns(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", ["Iran and Iraq attacked Turkey."])
    report = extract_files(tmp_path / "a.jsonl", tmp_path / "out", extractor=EXTRACTOR, columns="gdelt")
    assert report.events == 1
    assert [row["EventCode"] for row in table(tmp_path / "out", "events")] == ["190", "190"]
    assert [row["events"] for row in table(tmp_path / "out", "documents")] == [1]


def test_input_without_records_gives_empty_tables(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", [])
    report = extract_files(tmp_path / "a.jsonl", tmp_path / "out", extractor=EXTRACTOR)
    assert (report.records, report.shards) == (0, 1)
    assert (table(tmp_path / "out", "events"), table(tmp_path / "out", "documents")) == ([], [])


TEXTS = st.lists(st.sampled_from(["Putin met Xi.", "Nothing.", "", "bad"]), max_size=30)


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 12), st.integers(1, 5), st.data())
def test_resuming_completes_whatever_is_missing(
    files: list[list[str]], shard_size: int, chunk_size: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_ITEMS", chunk_size)
        archive, output = Path(folder, "in"), Path(folder, "out")
        for number, texts in enumerate(files):
            write_lines(archive / f"{number}.jsonl", texts)

        def run(*, resume: bool = False) -> Report:
            return extract_files(archive, output, extractor=EXTRACTOR, shard_size=shard_size, resume=resume)

        whole, before = run(), shard_files(output)
        records = [text for texts in files for text in texts]
        assert (whole.records, whole.skipped) == (len(records), records.count("bad"))
        assert whole.shards == max(1, -(-len(records) // shard_size))
        ids = [row["document"] for row in table(output, "documents") if row["skipped"] is None]
        assert ids == [f"{n}-{m}" for n, texts in enumerate(files) for m, text in enumerate(texts) if text != "bad"]

        for path in sorted((output / "documents").iterdir()):
            if data.draw(st.booleans(), label=f"{path.name} is missing"):
                path.unlink()
                if data.draw(st.booleans(), label="its events, too"):
                    (output / "events" / path.name).unlink()
        (output / "events" / ".part-000099.parquet.partial").write_bytes(b"half a")
        again = run(resume=True)
        assert shard_files(output) == before
        assert (again.records, again.documents, again.events) == (whole.records, whole.documents, whole.events)


def test_resuming_a_finished_run_does_nothing(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", ["Putin met Xi."] * 5)
    seen: list[Advance] = []
    for resume in (False, True):
        report = extract_files(
            tmp_path / "a.jsonl",
            tmp_path / "out",
            extractor=EXTRACTOR,
            resume=resume,
            shard_size=3,
            on_progress=seen.append,
        )
    assert (report.documents, report.shards, report.resumed) == (5, 2, 2)
    assert [advance.documents for advance in seen] == [3, 5]


def test_progress_counts_bytes_and_only_the_new_part_for_the_speed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_ITEMS", 100)
    files = [write(f"{name}.jsonl", ["Putin met Xi."] * 5000) for name in "ab"]
    size = files[0].stat().st_size
    seen: list[Advance] = []

    def run(resume: bool) -> None:
        seen.clear()
        extract_files(
            files, tmp_path / "out", extractor=EXTRACTOR, resume=resume, shard_size=5000, on_progress=seen.append
        )

    run(False)
    assert len(seen) == 100 and (seen[-1].done, seen[-1].total, seen[-1].worked) == (2 * size, 2 * size, 2 * size)
    assert all(abs(advance.done - (number + 1) * size / 50) < 20_000 for number, advance in enumerate(seen))
    assert seen[-1].seconds_left == 0
    (tmp_path / "out" / "documents" / "part-000001.parquet").unlink()
    run(True)
    assert (seen[-1].documents, seen[-1].worked, seen[-1].done) == (5000, size, 2 * size)
    halfway = seen[24]
    assert halfway.seconds_left == pytest.approx(halfway.seconds * (2 * size - halfway.done) / halfway.worked)
    assert halfway.seconds_left < 2 * halfway.seconds


def test_progress_in_parquet_follows_the_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["Putin met Xi."] * 1000}), tmp_path / "a.parquet")
    seen: list[Advance] = []
    extract_files(tmp_path / "a.parquet", tmp_path / "out", extractor=EXTRACTOR, on_progress=seen.append)
    assert [round(advance.done / (advance.total or 0), 2) for advance in seen] == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_second_run_into_a_directory_must_be_a_resumed_one(write: Write, tmp_path: Path) -> None:
    path = write("a.jsonl", ["Putin met Xi."] * 3)
    output = tmp_path / "out"
    extract_files(path, output, extractor=EXTRACTOR, shard_size=2)
    before = shard_files(output)

    def refused(match: str, **options: Any) -> None:
        with pytest.raises(InputError, match=match):
            extract_files(path, output, **{"extractor": EXTRACTOR, "shard_size": 2, "resume": True, **options})
        assert shard_files(output) == before

    refused("2 finished shards are here already; go on with --resume", resume=False)
    refused("shard_size was 2, is 3; use the same", shard_size=3)
    refused("min_score was 0.0, is 0.5", extractor=Extractor(RuleTagger(keep=False), min_score=0.5))
    refused("date was None, is '2022-01-20'", date="2022-01-20")
    path.write_text(path.read_text() + "\n")
    refused(r"the inputs are not those .* 1 files of \d+ bytes then")


def test_damaged_shard_is_named(write: Write, tmp_path: Path) -> None:
    path = write("a.jsonl", ["Putin met Xi."] * 3)
    extract_files(path, tmp_path / "out", extractor=EXTRACTOR, shard_size=1)
    (tmp_path / "out" / "events" / "part-000001.parquet").unlink()
    with pytest.raises(InputError, match=r"documents/part-000001.parquet: .* remove it to have it written again"):
        extract_files(path, tmp_path / "out", extractor=EXTRACTOR, shard_size=1, resume=True)
    (tmp_path / "out" / "documents" / "part-000001.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"documents/part-000001.parquet: not a finished shard"):
        extract_files(path, tmp_path / "out", extractor=EXTRACTOR, shard_size=1, resume=True)


def test_output_within_the_input_is_not_read(write: Write, tmp_path: Path) -> None:
    write("in/a.jsonl", ["Putin met Xi."] * 3)
    for resume in (False, True):
        report = extract_files(
            tmp_path / "in", tmp_path / "in" / "out", extractor=EXTRACTOR, resume=resume, shard_size=2
        )
        assert report.documents == 3


def test_two_runs_do_not_write_to_one_directory(write: Write, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = write("a.jsonl", ["Putin met Xi."])
    with locked(tmp_path / "out"), pytest.raises(InputError, match="another run writes to this directory"):
        extract_files(path, tmp_path / "out", extractor=EXTRACTOR)
    assert extract_files(path, tmp_path / "out", extractor=EXTRACTOR).documents == 1


def test_what_is_wrong_at_once_makes_no_directory(write: Write, tmp_path: Path) -> None:
    path = write("a.jsonl", ["Putin met Xi."])
    with pytest.raises(InputError, match=r"none/\*.jsonl: the pattern holds no file to read"):
        extract_files([path, "none/*.jsonl"], tmp_path / "out", extractor=EXTRACTOR)
    with pytest.raises(ModelError, match="no model 'nonesuch'"):
        extract_files(path, tmp_path / "out", extractor="nonesuch", workers=2)
    options = ExtractorOptions(dictionaries=(Path("none.tsv"),))
    with pytest.raises(DictionaryError, match=r"none.tsv: the dictionary cannot be read: No such file"):
        extract_files(path, tmp_path / "out", extractor=options, workers=2)
    for wrong in ({"workers": 0}, {"time_limit": 0.0}, {"shard_size": 0}, {"columns": "icews"}):
        with pytest.raises(ValueError, match=str(*wrong)):
            extract_files(path, tmp_path / "out", extractor=MortalSource(tmp_path), **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="an extractor works in this process only"):
        extract_files(path, tmp_path / "out", extractor=EXTRACTOR, workers=2)
    assert not (tmp_path / "out").exists()


def test_unreadable_files_are_skipped_and_counted(write: Write, tmp_path: Path) -> None:
    write("in/a.jsonl", ["Putin met Xi."])
    (tmp_path / "in" / "broken.txt").symlink_to("nowhere")
    (tmp_path / "in" / "c.parquet").write_bytes(b"PAR1")
    report = extract_files(tmp_path / "in", tmp_path / "out", extractor=EXTRACTOR)
    assert (report.records, report.documents, report.skipped) == (3, 1, 2)
    causes = {Path(row["file"]).name: row["skipped"] for row in table(tmp_path / "out", "documents")}
    assert causes["broken.txt"].startswith("cannot be opened: No such file")
    assert causes["c.parquet"].startswith("not a readable Parquet file")


def test_damaged_parquet_is_counted_and_resumed_over(tmp_path: Path) -> None:
    texts = [f"Putin met Xi in month {number}.".encode() for number in range(1500)]
    texts[20] = b"caf\xe9"
    archive, output = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    for name in ("a", "b"):
        path = archive / f"{name}.parquet"
        options: dict[str, Any] = {"use_dictionary": False, "write_batch_size": 50, "data_page_size": 1000}
        pq.write_table(pa.table({"text": pa.array(texts).view(pa.string())}), path, row_group_size=500, **options)
        column = pq.read_metadata(path).row_group(1).column(0)
        with path.open("r+b") as file:
            file.seek(column.data_page_offset + column.total_compressed_size * 3 // 4)
            file.write(b"\xff" * 60)
    whole = extract_files(archive, output, extractor=EXTRACTOR, shard_size=300)
    before = shard_files(output)
    rows = table(output, "documents")
    lost = [
        re.search(r"row group 2 is damaged .*; the (\d+) rows \d+ to 1000 cannot", row["skipped"] or "") for row in rows
    ]
    counts = [int(match[1]) for match in lost if match]
    assert len(counts) == 2 and 0 < counts[0] == counts[1] < 500
    assert (whole.documents, whole.skipped) == (2 * (1499 - counts[0]), 4)
    assert whole.records == len(rows) == whole.documents + whole.skipped
    for number in range(whole.shards):
        (output / "documents" / f"part-{number:06}.parquet").unlink()
        again = extract_files(archive, output, extractor=EXTRACTOR, shard_size=300, resume=True)
        assert (shard_files(output), again.resumed) == (before, whole.shards - 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize("pattern", ["", "**/*.jsonl"])
def test_links_and_pipes_are_counted_once_and_resumed_over(write: Write, tmp_path: Path, pattern: str) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write("in/a.jsonl", ["Putin met Xi."] * 3)
    write("in/e.jsonl", ["Putin met Xi."] * 3)
    for link, target in {"loop": ".", "b.jsonl": "a.jsonl", "d.jsonl": "nowhere"}.items():
        (archive / link).symlink_to(target)
    os.mkfifo(archive / "c.jsonl")
    for resume in (False, True):
        report = extract_files(archive / pattern, output, extractor=EXTRACTOR, shard_size=2, resume=resume)
        assert (report.records, report.documents, report.skipped, report.shards) == (8, 6, 2, 4)
        before = shard_files(output)
        assert report.resumed == (3 if resume else 0)
        (output / "documents" / "part-000001.parquet").unlink()
    extract_files(archive / pattern, output, extractor=EXTRACTOR, shard_size=2, resume=True)
    assert shard_files(output) == before
    files = [Path(row["file"]).name for row in table(output, "documents")]
    assert files == ["a.jsonl"] * 3 + ["c.jsonl", "d.jsonl"] + ["e.jsonl"] * 3


def test_text_that_cannot_be_coded_is_skipped_alone(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", ["Putin met Xi.", "A Faulty one.", "Iran attacked Iraq."])
    errors: list[str] = []
    report = extract_files(
        tmp_path / "a.jsonl",
        tmp_path / "out",
        extractor=MortalSource(tmp_path),
        on_skipped=lambda error: errors.append(str(error)),
    )
    assert (report.documents, report.events, report.skipped) == (2, 2, 1)
    assert errors == [f"{tmp_path}/a.jsonl: record 2 (a-1): the text cannot be coded: RuntimeError: a fault"]


# What follows starts worker processes.


def test_workers_leave_the_same_bytes_in_the_same_order(write: Write, tmp_path: Path) -> None:
    chance = random.Random(1)
    texts = ["Putin met Xi.", "Nothing.", "Iran attacked Iraq. " * 40, "bad"]
    write("in/a.jsonl", chance.choices(texts, k=1500))
    write("in/b.jsonl", chance.choices(texts, k=30))
    for name, workers in (("one", None), ("three", 3)):
        report = extract_files(
            tmp_path / "in", tmp_path / name, extractor=MortalSource(tmp_path), workers=workers, shard_size=500
        )
        assert (report.records, report.shards) == (1530, 4)
    assert shard_files(tmp_path / "one") == shard_files(tmp_path / "three")


def test_workers_that_die_lose_only_the_text_that_kills_them(write: Write, tmp_path: Path) -> None:
    texts = [f"Putin met Xi in month {number}." for number in range(450)]
    texts[50], texts[110], texts[420] = "A Poison text.", "An Unlucky one met Xi.", "Another Poison text."
    write("a.jsonl", texts)
    report = extract_files(tmp_path / "a.jsonl", tmp_path / "out", extractor=MortalSource(tmp_path), workers=2)
    assert (report.records, report.documents, report.skipped) == (450, 448, 2)
    found = outcomes(tmp_path / "out")
    assert list(found) == [f"a-{number}" for number in range(450)]
    assert {document: cause for document, cause in found.items() if cause} == dict.fromkeys(
        ("a-50", "a-420"), "the worker process died twice on this text (signal SIGKILL)"
    )


def test_text_that_exhausts_its_time_is_skipped(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WINDOW_SECONDS", 1.0)
    write("a.jsonl", ["Putin met Xi."] * 30 + ["Endless."] + ["Iran attacked Iraq."] * 30)
    report = extract_files(tmp_path / "a.jsonl", tmp_path / "out", extractor=MortalSource(tmp_path), time_limit=1.5)
    assert (report.documents, report.events, report.skipped) == (60, 60, 1)
    assert outcomes(tmp_path / "out")["a-30"] == "not coded within the time limit of 1.5 seconds"


def test_workers_that_cannot_start_end_the_run(write: Write, tmp_path: Path) -> None:
    path = write("a.jsonl", ["Putin met Xi."])
    with pytest.raises(GeoEventsError, match=r"the worker processes die while they load the model \(exit status 3\)"):
        extract_files(path, tmp_path / "out", extractor=StillbornSource(tmp_path), workers=2)
    for error in (ModelError("config.json is missing"), MissingExtraError("torch", "train")):
        with pytest.raises(type(error), match=re.escape(str(error))):
            extract_files(path, tmp_path / "out", extractor=StillbornSource(tmp_path, error), workers=1)


@pytest.mark.usefixtures("default_extractor")
def test_default_model_codes_the_same_in_workers(write: Write, tmp_path: Path) -> None:
    write(
        "a.jsonl", ["Iranian President Ebrahim Raisi met Vladimir Putin in Moscow.", "Police arrested ten people."] * 3
    )
    options = ExtractorOptions(threads=1)
    for name, workers in (("here", None), ("there", 2)):
        extract_files(tmp_path / "a.jsonl", tmp_path / name, extractor=options, workers=workers)
    assert shard_files(tmp_path / "here") == shard_files(tmp_path / "there")
    assert len(table(tmp_path / "here", "events")) >= 6


def test_every_column_of_the_documents_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "bulk.md").read_text(encoding="utf-8")
    section = text.split("<!-- columns: documents -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|$", section, re.MULTILINE)
    assert rows == [(column.name, column.description) for column in DOCUMENT_COLUMNS]


class CountingTagger(MortalTagger):
    """A mortal tagger that counts the texts that it is given."""

    given = 0

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        self.given += len(texts)
        return super().predict(texts)


@given(st.lists(st.sampled_from(["Putin met Xi.", "A Faulty one.", "", "bad"]), max_size=40), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_every_item_comes_out_in_its_place(texts: list[str], batch_size: int) -> None:
    contents = [InputError("bad") if text == "bad" else Record(text, str(n)) for n, text in enumerate(texts)]
    items = [Item("a", number, content) for number, content in enumerate(contents, 1)]
    extractor = Extractor(MortalTagger(Path("nowhere")))
    outcomes = list(code_items(extractor, iter(items), batch_size=batch_size))
    assert [item for item, _ in outcomes] == items
    for text, (_, outcome) in zip(texts, outcomes, strict=True):
        assert isinstance(outcome, InputError) == (text in ("bad", "A Faulty one."))
        assert isinstance(outcome, InputError) or outcome.text == text


def test_fault_has_few_texts_coded_again_and_the_reader_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Putin met Xi."] * 500 + ["A Faulty one."] + ["Iran attacked Iraq."] * 500
    items = [Item("a", number, Record(text, str(number))) for number, text in enumerate(texts)]
    tagger = CountingTagger(Path("nowhere"))

    def read() -> Iterator[Item]:
        yield from items
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        for item, outcome in code_items(Extractor(tagger), read(), batch_size=8):
            found.append((item, isinstance(outcome, InputError)))
    assert found == [(item, item.record == 500) for item in items]
    assert tagger.given < 1100
    bad = [Item("a", number, InputError("bad")) for number in range(100)]
    monkeypatch.setattr(extraction, "_MOST_IN_WORK", 10)
    read_ahead = iter([items[0], *bad])
    assert next(code_items(Extractor(tagger), read_ahead))[0] == items[0]
    assert len(list(read_ahead)) == 91
