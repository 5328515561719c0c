from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geoevents import Document, Event, Extractor, InputError, Record
from geoevents.events import Actor, Place, Span, Time
from geoevents.formats import RowSchema, open_writer, read_records, row_schema
from geoevents.formats.rows import FLAT, Column

ROWS = [
    {"id": "a", "text": "Putin met Xi.", "date": "2022-02-04"},
    {"id": "b", "text": 'Raisi said:\n"Iran signed", and left.', "date": "2022-01-20"},
    {"id": "c", "text": "مصر 😀 Iran attacked Iraq.", "date": None},
]
RECORDS = [Record(str(row["text"]), str(row["id"]), row["date"]) for row in ROWS]


def as_jsonl(path: Path, rows: list[dict[str, str | None]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def as_csv(path: Path, rows: list[dict[str, str | None]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)


def as_parquet(path: Path, rows: list[dict[str, str | None]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


TABLES = {".jsonl": as_jsonl, ".csv": as_csv, ".tsv": as_csv, ".parquet": as_parquet}
tables = pytest.mark.parametrize(("suffix", "write"), TABLES.items(), ids=TABLES.keys())
Write = Callable[[Path, list[dict[str, str | None]]], None]


def read(path: Path, **options: object) -> tuple[list[Record], list[str]]:
    """The records and the errors of a file."""
    errors: list[str] = []
    records = list(read_records(path, on_error=lambda error: errors.append(str(error)), **options))  # type: ignore[arg-type]
    return records, errors


@tables
def test_table_is_read(tmp_path: Path, suffix: str, write: Write) -> None:
    path = tmp_path / f"news{suffix}"
    write(path, ROWS)
    assert read(path) == (RECORDS, [])


@tables
def test_columns_are_found_by_usual_names_or_named(tmp_path: Path, suffix: str, write: Write) -> None:
    path = tmp_path / f"news{suffix}"
    write(path, [{"Headline": "H", "Body": "B", "URL": "u", "Published": "2022-01-20T10:00:00Z"}])
    assert read(path)[0] == [Record("B", "u", "2022-01-20")]
    records, errors = read(path, text_column="headline", id_column="Body")
    assert (records, errors) == ([Record("H", "B", "2022-01-20")], [])


@tables
def test_missing_column_is_an_error_that_lists_the_columns(tmp_path: Path, suffix: str, write: Write) -> None:
    path = tmp_path / f"news{suffix}"
    write(path, [{"headline": "H", "n": "1"}])
    [error] = read(path)[1]
    assert str(path) in error and "'headline', 'n'" in error and "--text-column" in error
    [error] = read(path, text_column="bodi")[1]
    assert "no column 'bodi'; found: 'headline', 'n'" in error
    with pytest.raises(InputError, match="no column 'when'"):
        list(read_records(path, text_column="headline", date_column="when"))


def test_record_without_identifier_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text('{"text": "A"}\n\n"B"\n{"text": "C", "id": 7}\n')
    assert [record.id for record in read(path)[0]] == [f"{path}:1", f"{path}:3", "7"]


def test_malformed_line_is_reported_with_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    lines = [json.dumps({"text": f"Text {number}"}) for number in range(1, 1001)]
    lines[730] = '{"text": "Text 731'
    path.write_text("\n".join(lines))
    records, errors = read(path)
    assert len(records) == 999
    assert [error.partition(": malformed JSON: ")[0] for error in errors] == [f"{path}:731"]
    with pytest.raises(InputError) as raised:
        list(read_records(path))
    assert raised.value.line == 731


BAD_LINES = {
    "array": (b"[1, 2]", "expected a JSON object or string, found list"),
    "text is a number": (b'{"text": 3}', "type int, not a string"),
    "text is null": (b'{"text": null}', "the text is missing"),
    "no text": (b'{"title": "x"}', "found: 'title'"),
    "bad date": (b'{"text": "x", "date": "20 Jan"}', "'20 Jan' cannot be read"),
    "not UTF-8": (b'{"text": "caf\xe9"}', "byte 0xe9 at offset 29 of the file is not utf-8"),
    "deep": (b"[" * 100_000, "malformed JSON"),
    "long number": (b'{"text": ' + b"1" * 10_000 + b"}", "JSON"),
    "control character": (b'{"text": "a\x01b"}', "malformed JSON"),
}


@pytest.mark.parametrize(("bad", "says"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_bad_json_line_is_skipped(tmp_path: Path, bad: bytes, says: str) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + bad + b'\n{"text": "two"}\n')
    records, [error] = read(path)
    assert [record.text for record in records] == ["one", "two"]
    assert error.startswith(f"{path}:2: ") and says in error


def test_rows_of_csv_with_line_ends_quotes_and_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_bytes(
        b'\xef\xbb\xbftext;id\r\n"One\r\nline; two";1\r\n\r\nshort\r\n"caf\xe9\nau lait";3\r\n"He said ""no"".";4\r\n'
    )
    records, errors = read(path)
    assert records == [Record("One\r\nline; two", "1"), Record('He said "no".', "4")]
    assert errors[0] == f"{path}:5: the row has 1 fields, the header 2; check quotes and delimiters"
    assert errors[1].startswith(f"{path}:6: byte 0xe9 at offset ")
    offset = int(errors[1].split("offset ")[1].split()[0])
    assert path.read_bytes()[offset] == 0xE9


def test_long_field_of_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    as_csv(path, [{"text": "word " * 100_000}])
    assert len(read(path)[0][0].text) == 500_000


def test_encoding_is_named_or_the_error_says_how(tmp_path: Path) -> None:
    path = tmp_path / "news.txt"
    path.write_bytes(b"\xef\xbb\xbfA\xe8")
    assert "byte 0xe8 at offset 4" in read(path)[1][0]
    path.write_bytes("Caffè – Ankara".encode("cp1252"))
    [error] = read(path)[1]
    assert f"{path}: byte 0xe8 at offset 4" in error and "--encoding" in error
    assert read(path, encoding="cp1252") == ([Record("Caffè – Ankara", str(path))], [])
    [error] = read(path, encoding="utf-9")[1]
    assert "unknown encoding 'utf-9'" in error


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_other_encodings_are_read(tmp_path: Path, suffix: str, encoding: str) -> None:
    path = tmp_path / f"news{suffix}"
    text = {".txt": "Erdoğan\nleft", ".jsonl": '{"text": "Erdoğan\\nleft"}\n', ".csv": 'text\n"Erdoğan\nleft"\n'}[
        suffix
    ]
    path.write_bytes(text.encode(encoding))
    assert [record.text for record in read(path, encoding=encoding)[0]] == ["Erdoğan\nleft"]


def test_truncated_wide_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes('"Erdoğan"\n'.encode("utf-16")[:-1])
    assert "the file is not utf-16 throughout" in read(path, encoding="utf-16")[1][0]


def test_text_file_is_one_document_or_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "news.txt"
    path.write_bytes(b"One.\r\n\r\nTwo.\r\n")
    assert read(path)[0] == [Record("One.\r\n\r\nTwo.\r\n", str(path))]
    assert read(path, lines=True)[0] == [Record("One.", f"{path}:1"), Record("Two.", f"{path}:3")]


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b'\n{"text": "A", "id": "a"}\n', [Record("A", "a")]),
        (b'\xef\xbb\xbf{"text": "A"}\n', [Record("A", "stdin:1")]),
        (b"Plain.\n", [Record("Plain.\n", "stdin")]),
        (b"", [Record("", "stdin")]),
    ],
    ids=["JSON Lines", "byte order mark", "text", "nothing"],
)
def test_standard_input_is_told_by_its_first_character(
    monkeypatch: pytest.MonkeyPatch, data: bytes, records: list[Record]
) -> None:
    stream = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    assert list(read_records("-")) == records


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    damaged = tmp_path / "news.parquet"
    damaged.write_bytes(b"PAR1 and no more")
    assert "not a readable Parquet file" in read(damaged)[1][0]
    assert read(tmp_path / "none.txt")[1] == [f"{tmp_path / 'none.txt'}: cannot be opened: No such file or directory"]
    (tmp_path / "news.docx").touch()
    assert "'.docx' tells no format; known are .txt" in read(tmp_path / "news.docx")[1][0]
    assert "unknown input format 'xml'; allowed: txt" in read(tmp_path / "news.docx", format="xml")[1][0]
    (tmp_path / "empty.csv").touch()
    assert read(tmp_path / "empty.csv") == ([], [])


def test_parquet_types_are_dealt_with(tmp_path: Path) -> None:
    path = tmp_path / "news.parquet"
    table = pa.table(
        {
            "id": pa.array([1, None, 3]),
            "text": pa.array(["A", "B", None]).dictionary_encode(),
            "date": pa.array([datetime(2022, 1, 20, 23), None, None], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, path)
    records, errors = read(path)
    assert records == [Record("A", "1", "2022-01-20"), Record("B", f"{path}:2")]
    assert errors == [f"{path}: row 3: the text is missing"]


NOT_UTF8 = pa.array([b"Iran attacked.", b"caf\xe9", b"Xi."], pa.binary()).view(pa.string())
GOOD_TEXTS = pa.array(["Iran attacked.", "Putin met.", "Xi."])
BAD_VALUES = {
    "text": ({"text": NOT_UTF8}, "text", "codec can't decode byte 0xe9"),
    "large text": ({"text": NOT_UTF8.cast(pa.large_string())}, "text", "codec can't decode byte 0xe9"),
    "id": ({"text": GOOD_TEXTS, "id": NOT_UTF8}, "id", "codec can't decode byte 0xe9"),
    "day": ({"text": GOOD_TEXTS, "date": pa.array([19012, 4_000_000, None], pa.date32())}, "date", "out of range"),
    "moment": (
        {"text": GOOD_TEXTS, "date": pa.array([1642680000, 2**39, None], pa.timestamp("s"))},
        "date",
        "out of range",
    ),
}


@pytest.mark.parametrize(("table", "column", "cause"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_parquet_value_that_cannot_be_read_skips_its_row_alone(
    tmp_path: Path, table: dict[str, pa.Array], column: str, cause: str
) -> None:
    path = tmp_path / "news.parquet"
    pq.write_table(pa.table(table), path, store_schema=False)
    records, [error] = read(path)
    assert [record.text for record in records] == ["Iran attacked.", "Xi."]
    assert [record.date for record in records] == ["2022-01-20" if column == "date" else None, None]
    assert error.startswith(f"{path}: row 2: the value in column {column!r} cannot be read: ") and cause in error


def damage(path: Path, group: int, where: float) -> None:
    """Overwrite some bytes of the texts of a row group, at a share of their length."""
    column = pq.read_metadata(path).row_group(group).column(0)
    begin = column.data_page_offset + int(column.total_compressed_size * where)
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(b"\xff" * 60)


def test_damaged_row_group_of_parquet_is_skipped_alone(tmp_path: Path) -> None:
    path = tmp_path / "news.parquet"
    texts = [f"Text {number} {number**9}" for number in range(5000)]
    options: dict[str, Any] = {"use_dictionary": False, "compression": "snappy", "write_batch_size": 50}
    pq.write_table(pa.table({"text": texts}), path, row_group_size=1000, data_page_size=1000, **options)
    damage(path, 0, 0.0)
    damage(path, 3, 0.5)
    records, errors = read(path)
    first, last = errors
    assert first.startswith(f"{path}: row group 1 is damaged (")
    assert first.endswith("); the 1000 rows 1 to 1000 cannot be read")
    found = re.fullmatch(r".*: row group 4 is damaged \(.*\); the (\d+) rows (\d+) to 4000 cannot be read", last)
    assert found and 4000 - int(found[1]) + 1 == int(found[2]) and 3200 < int(found[2]) < 3800
    numbers = [*range(1000, int(found[2]) - 1), *range(4000, 5000)]
    assert records == [Record(texts[number], f"{path}:{number + 1}") for number in numbers]
    assert read(path) == (records, errors)


@pytest.fixture
def document() -> Document:
    """A document with one fully resolved event and one bare one."""
    text = "Iran and the | rebels met Russia in Moscow on Monday. It ended."
    event = Event(
        "e1", "d1", 0, "040", "04", "Consult", 1, 1.0, "CONSULT", "asserted", 0.97, Span("met", 22, 25),
        sources=(Actor("Iran", 0, 4, "IRNGOV", "IRN", ("GOV",), "Iran"), Actor("the | rebels", 9, 21)),
        targets=(Actor("Russia", 26, 32, "RUS", "RUS", (), "Russia"),),
        places=(Place("here", 33, 35), Place("Moscow", 36, 42, "RUS", "Moscow", 55.75, 37.62, 524901)),
        times=(Time("on Monday", 43, 52, "2022-01-17", "day"),), date="2022-01-17", mentions=(Span("It", 54, 56),),
    )  # fmt: skip
    bare = Event(
        "e2", "d1", 1, "190", "19", "Use military force", 4, -10.0, None, "negated", 0.5, Span("ended", 57, 62)
    )
    return Document("d1", text, "2022-01-20", (), (event, bare))


def test_flat_row_holds_the_event(document: Document) -> None:
    row = FLAT.row(document.events[0], document)
    assert list(row) == FLAT.names()
    assert row["source"] == "Iran|the / rebels"
    assert (row["source_code"], row["source_country"], row["target_name"]) == ("IRNGOV|", "IRN|", "Russia")
    assert (row["place"], row["place_name"], row["lat"], row["geonameid"]) == ("here|Moscow", "Moscow", 55.75, 524901)
    assert (row["date"], row["time"], row["mentions"], row["trigger_start"]) == ("2022-01-17", "on Monday", 2, 22)
    bare = FLAT.row(document.events[1], document)
    assert {bare[name] for name in ("source", "source_code", "target", "place", "place_name", "lat", "time")} == {None}


def test_every_column_is_described() -> None:
    assert all(column.description and column.name.islower() for column in FLAT.columns)
    assert len(set(FLAT.names())) == len(FLAT.names())


def test_events_are_written_and_read_back(tmp_path: Path, document: Document) -> None:
    for suffix in ("jsonl", "csv", "parquet"):
        with open_writer(tmp_path / f"events.{suffix}") as writer:
            writer.write(document)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert tuple(Event.from_dict(json.loads(line)) for line in lines) == document.events
    flat = [FLAT.row(event, document) for event in document.events]
    assert pq.read_table(tmp_path / "events.parquet").to_pylist() == flat
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {k: "" if v is None else str(v) for k, v in row.items()} for row in flat
        ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv", "events.jsonl", "events.parquet"]


def test_no_events_give_a_table_without_rows(tmp_path: Path) -> None:
    for suffix in ("jsonl", "csv", "parquet"):
        with open_writer(tmp_path / f"events.{suffix}") as writer:
            writer.write(Document("d", ""))
    assert (tmp_path / "events.jsonl").read_bytes() == b""
    assert (tmp_path / "events.csv").read_text().rstrip("\n").split(",") == FLAT.names()
    assert pq.read_schema(tmp_path / "events.parquet").names == FLAT.names()


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_rows_of_another_schema_are_written(tmp_path: Path, document: Document, suffix: str) -> None:
    schema = RowSchema((Column("EventCode", "string", "CAMEO code"),), lambda event, _: {"EventCode": event.code})
    path = tmp_path / f"events.{suffix}"
    with open_writer(path, schema=schema) as writer:
        writer.write(document)
    read_back = {
        "jsonl": lambda: [json.loads(line)["EventCode"] for line in path.read_text().splitlines()],
        "csv": lambda: path.read_text().split()[1:],
        "parquet": lambda: pq.read_table(path)["EventCode"].to_pylist(),
    }
    assert read_back[suffix]() == ["040", "190"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_lone_surrogates_do_not_stop_the_writer(tmp_path: Path, extractor: Extractor, suffix: str) -> None:
    path = tmp_path / f"events.{suffix}"
    found = extractor("Putin met Xi.", id="\ud800")
    with open_writer(path) as writer:
        writer.write(found)
    if suffix == "jsonl":
        assert Event.from_dict(json.loads(path.read_text())) == found.events[0]
    assert path.stat().st_size > 0


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_failure_leaves_the_old_file_alone(tmp_path: Path, document: Document, suffix: str) -> None:
    path = tmp_path / f"events.{suffix}"
    path.write_text("old")

    def interrupted(error: BaseException) -> None:
        with open_writer(path) as writer:
            writer.write(document)
            raise error

    with pytest.raises(RuntimeError):
        interrupted(RuntimeError())
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    with pytest.raises(KeyboardInterrupt):
        interrupted(KeyboardInterrupt())
    assert path.read_text() == "old"
    partial = path.with_name(path.name + ".partial")
    if suffix == "parquet":
        assert pq.read_table(partial).num_rows == 2
    else:
        assert partial.read_text(encoding="utf-8").count("\n") == 2 + (suffix == "csv")


def test_unknown_formats_and_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.xml' tells no output format; known are \.jsonl"), open_writer("e.xml"):
        pass
    with pytest.raises(InputError, match="cannot be written"), open_writer(tmp_path / "none" / "e.csv"):
        pass
    with pytest.raises(ValueError, match="'geoevents', 'gdelt', 'polecat'"):
        row_schema("icews")
