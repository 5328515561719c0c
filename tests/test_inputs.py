from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from geoevents import InputError, Record
from geoevents.formats import find_inputs, read_records


def zstd(data: bytes) -> bytes:
    buffer = pa.BufferOutputStream()
    with pa.CompressedOutputStream(buffer, "zstd") as stream:
        stream.write(data)
    return buffer.getvalue().to_pybytes()


COMPRESS = {".gz": gzip.compress, ".zst": zstd}
compressions = pytest.mark.parametrize(("suffix", "compress"), COMPRESS.items(), ids=COMPRESS)
Compress = Callable[[bytes], bytes]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of some files, in the working directory."""
    for name in (
        "news/b.jsonl",
        "news/a.csv.GZ",
        "news/2022/c.txt.zst",
        "news/2022/d.parquet",
        "news/.hidden.txt",
        "news/.cache/e.txt",
        "news/f.jsonl.partial",
        "news/readme.md",
        "news/g[1].txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


INPUTS = {
    "directory": (["news"], ["2022/c.txt.zst", "2022/d.parquet", "a.csv.GZ", "b.jsonl", "g[1].txt"]),
    "pattern": (["news/*.*"], ["a.csv.GZ", "b.jsonl", "g[1].txt"]),
    "pattern of any depth": (["news/**/*.t*"], ["2022/c.txt.zst", "g[1].txt"]),
    "name that looks like a pattern": (["news/g[1].txt"], ["g[1].txt"]),
    "each once": (["news/b.jsonl", "news/*.jsonl", "news/2022"], ["b.jsonl", "2022/c.txt.zst", "2022/d.parquet"]),
    "names of any kind": (["news/none.txt", "news/readme.md"], ["none.txt", "readme.md"]),
}


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(("names", "found"), INPUTS.values(), ids=INPUTS)
def test_names_stand_for_files(names: list[str], found: list[str]) -> None:
    assert [path.replace("\\", "/") for path in find_inputs(names)] == [f"news/{name}" for name in found]


def test_output_and_standard_input(archive: Path) -> None:
    assert find_inputs(["-"]) == ["-"]
    assert find_inputs(["news"], without=archive / "news" / "2022") == [
        "news/a.csv.GZ",
        "news/b.jsonl",
        "news/g[1].txt",
    ]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("name", ["news/*.docx", "none/**", "news/.cache"])
def test_nothing_to_read_is_an_error_that_names_it(name: str) -> None:
    Path("news/.cache/e.txt").unlink()
    with pytest.raises(InputError) as raised:
        find_inputs(["news", name])
    assert str(raised.value).startswith(f"{name}: the ") and "holds no file to read; known suffixes are .txt" in str(
        raised.value
    )


def test_directory_is_read_file_after_file(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("Two.")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'"One."\n{bad\n'))
    errors: list[str] = []
    records = list(read_records(tmp_path, on_error=lambda error: errors.append(str(error))))
    assert [(Path(str(record.id)).name, record.text) for record in records] == [
        ("a.jsonl.gz:1", "One."),
        ("b.txt", "Two."),
    ]
    assert [error.partition(": malformed")[0] for error in errors] == [f"{tmp_path}/a.jsonl.gz:2"]


CONTENTS = {
    "txt": ("One.\nTwo.", [("One.\nTwo.", None)]),
    "jsonl": ('{"id": 1, "text": "Ünal met Xi."}\n{"id": 2, "text": "Two."}\n', [("Ünal met Xi.", "1"), ("Two.", "2")]),
    "csv": ('id,text\n1,"One\nline"\n2,Two.\n', [("One\nline", "1"), ("Two.", "2")]),
    "tsv": ("id\ttext\n1\tOne.\n", [("One.", "1")]),
}


@compressions
@pytest.mark.parametrize(("format", "content"), CONTENTS.items(), ids=CONTENTS)
def test_compressed_file_is_read_as_the_plain_one(
    tmp_path: Path, suffix: str, compress: Compress, format: str, content: tuple[str, list[tuple[str, str | None]]]
) -> None:
    text, expected = content
    path = tmp_path / f"news.{format}{suffix}"
    data = text.encode()
    for packed in (compress(data), compress(data[:9]) + compress(data[9:])):  # one member, and two
        path.write_bytes(packed)
        assert list(read_records(path)) == [Record(text, id or str(path)) for text, id in expected]


@compressions
@pytest.mark.parametrize("format", ["jsonl", "csv"])
@pytest.mark.parametrize("damage", ["truncated", "rubbish behind"])
def test_what_comes_before_damage_is_read(
    tmp_path: Path, suffix: str, compress: Compress, format: str, damage: str
) -> None:
    texts = [f"Text {number} {number**9}" for number in range(50_000)]
    lines = ["text", *texts] if format == "csv" else [json.dumps({"text": text}) for text in texts]
    packed = compress("\n".join(lines).encode())
    path = tmp_path / f"news.{format}{suffix}"
    path.write_bytes(packed[: len(packed) // 2] if damage == "truncated" else packed + b"rubbish")
    errors: list[str] = []
    records = list(read_records(path, on_error=lambda error: errors.append(str(error))))
    assert [record.text for record in records] == texts[: len(records)]
    assert len(records) > (15_000 if damage == "truncated" else 48_000)
    [error] = errors
    assert error.startswith(str(path)) and "the compressed file is damaged or truncated (" in error


@compressions
def test_file_that_is_not_compressed_at_all(tmp_path: Path, suffix: str, compress: Compress) -> None:
    path = tmp_path / f"news.txt{suffix}"
    path.write_bytes(b"plain text")
    with pytest.raises(InputError, match=r"damaged or truncated \("):
        list(read_records(path))
    path.write_bytes(compress(b"")[:-1])
    with pytest.raises(InputError, match=r"damaged or truncated \("):
        list(read_records(path))


def test_compressed_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "news.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1"))
    with pytest.raises(InputError, match="Parquet is compressed in itself; decompress the file"):
        list(read_records(path))
