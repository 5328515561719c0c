from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest

from geoevents import InputError, Record
from geoevents.formats import InputFile, find_inputs, read_records


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


def paths(files: Sequence[InputFile]) -> list[str]:
    return [file.path.replace("\\", "/") for file in files]


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
    assert paths(find_inputs(names)) == [f"news/{name}" for name in found]


def test_output_and_standard_input(archive: Path) -> None:
    assert paths(find_inputs(["-"])) == ["-"]
    assert paths(find_inputs(["news"], without=archive / "news" / "2022")) == [
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


def outcomes(path: str | Path) -> tuple[list[str | None], list[str]]:
    """The texts that are read, and the errors."""
    errors: list[str] = []
    records = list(read_records(path, on_error=lambda error: errors.append(str(error))))
    return [record.text for record in records], errors


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of two texts, with links in all directions."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.txt", "in/sub/b.txt", "else/old/c.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    for link, target in {
        "in/loop": ".",
        "in/sub/up": "..",
        "in/sub/loop": ".",
        "in/link.txt": "a.txt",
        "in/sub2": "sub",
        "in/z": "../else",
    }.items():
        Path(link).symlink_to(target)
    return tmp_path


EVERYTHING = ["in/a.txt", "in/sub/b.txt", "in/z/old/c.txt"]
LINKED = {
    "directory": (["in"], EVERYTHING),
    "any depth": (["in/**/*.txt"], EVERYTHING),
    "any depth, twice": (["**/sub*/**/b.txt"], ["in/sub/b.txt"]),
    "all below": (["in/**"], EVERYTHING),
    "absolute": (["{}/in/**/*.txt"], [f"{{}}/{name}" for name in EVERYTHING]),
    "three names": (["in/link.txt", "./in/a.txt", "in/a.txt"], ["in/link.txt"]),
    "in the order given": (["in/sub/b.txt", "in", "in/a.txt"], ["in/sub/b.txt", "in/a.txt", "in/z/old/c.txt"]),
    "missing ones are kept apart": (["none/a.txt", "none/b.txt"], ["none/a.txt", "none/b.txt"]),
}


@pytest.mark.parametrize(("names", "found"), LINKED.values(), ids=LINKED)
def test_each_file_is_found_once_whatever_links_lead_to_it(linked: Path, names: list[str], found: list[str]) -> None:
    names, found = [name.format(linked) for name in names], [name.format(linked) for name in found]
    assert paths(find_inputs(names)) == found
    assert not any(file.problem for file in find_inputs(names))


def test_links_of_links_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    for number in range(8):
        (tmp_path / f"loop{number}").symlink_to(".")
    assert paths(find_inputs([f"{tmp_path}/**/*.txt"])) == [f"{tmp_path}/a.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize("name", ["in", "in/*", "in/**/*.*"])
def test_pipes_and_broken_links_are_reported_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/a.txt").write_text("One.")
    Path("in/z.txt").write_text("Two.")
    Path("in/b.jsonl").symlink_to("nowhere")
    Path("in/unmounted.2").symlink_to("/nowhere/else")
    Path("in/.hidden.txt").symlink_to("nowhere")
    Path("in/readme.md").touch()
    os.mkfifo("in/c.jsonl")
    os.mkfifo("in/control")
    assert outcomes(name) == (
        ["One.", "Two."],
        [
            "in/b.jsonl: cannot be opened: No such file or directory",
            "in/c.jsonl: no regular file but a pipe or device; give it by its own name to have it read",
            "in/unmounted.2: cannot be opened: No such file or directory",
        ],
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipe_is_read_by_its_own_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    writer = Thread(target=lambda: (tmp_path / "a.txt").write_text("One."))
    writer.start()
    assert [file.problem for file in find_inputs([tmp_path, tmp_path / "a.txt"])] == [None]
    assert outcomes(tmp_path / "a.txt") == (["One."], [])
    writer.join()


@pytest.fixture
def plain_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whom permissions hold, in an empty working directory."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX permissions")
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.chdir(folder)
        user = os.geteuid()
        if user == 0:
            os.chown(folder, 65534, -1)
            try:
                os.seteuid(65534)
            except OSError:
                pytest.skip("cannot become another user")
        try:
            yield
        finally:
            for path in Path(folder).iterdir():
                path.chmod(0o700)
            os.seteuid(user)


DENIED = "cannot be opened: Permission denied"


@pytest.mark.usefixtures("plain_user")
@pytest.mark.parametrize("name", [".", "**/*.txt", "*/*.txt", "*/a.txt*"])
def test_what_may_not_be_read_is_reported_and_the_rest_is_read(name: str) -> None:
    for folder in ("1st", "closed", "listed", "z"):
        Path(folder).mkdir()
        Path(folder, "a.txt").write_text(f"{folder}.")
    Path("z", "a.txt").chmod(0)
    Path("closed").chmod(0)
    Path("listed").chmod(0o444)  # names can be seen, files cannot
    texts, errors = outcomes(name)
    assert texts == ["1st."]
    assert [error.removeprefix("./") for error in errors] == [
        f"{path}: {DENIED}" for path in ("closed", "listed/a.txt", "z/a.txt")
    ]


@pytest.mark.usefixtures("plain_user")
@pytest.mark.parametrize("name", ["*/a.txt", "in", "in/a.txt"])
def test_permission_of_all_that_there_is(name: str) -> None:
    Path("in").mkdir()
    Path("in", "a.txt").write_text("One.")
    Path("in").chmod(0)
    assert outcomes(name) == ([], [f"{'in' if name == 'in' else 'in/a.txt'}: {DENIED}"])


def test_directory_that_holds_the_output_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match="all that the directory holds is in the output directory; choose another one"):
        find_inputs([tmp_path], without=tmp_path)
