from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kill_loop import ENVIRONMENT, RULES, kill_loop, write_archive

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and limits")

MESSAGE = "geoevents: {} events in {} documents, {} records skipped, {} shards in {}\n"


def extract(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RULES, "extract", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, **options
    )  # type: ignore[call-overload, no-any-return]


MORTAL = [sys.executable, str(Path(__file__).parent / "cli_with_mortal_tagger.py")]


def write_texts(path: Path, number: int, text: str = "Putin met Xi.") -> None:
    path.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n in range(number)))


def documents(output: Path) -> list[str]:
    return pq.read_table(output / "documents")["document"].to_pylist()


def parts(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("part-*"))}


def everyone_leaves(group: int) -> bool:
    """Whether all processes of a group end within 20 seconds."""
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
        return False
    return True


def test_directory_is_one_that_exists_or_ends_with_a_slash(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.jsonl", 5)
    done = extract(tmp_path, "a.jsonl", "-o", "out/", "--shard-size", "2")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == MESSAGE.format(5, 5, 0, 3, "out")
    again = extract(tmp_path, "a.jsonl", "-o", "out", "--shard-size", "2")
    assert (again.returncode, "go on with --resume" in again.stderr) == (1, True)
    assert extract(tmp_path, "a.jsonl", "-o", "out", "--shard-size", "2", "--resume").returncode == 0
    assert documents(tmp_path / "out") == list("01234")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.jsonl", "--resume", "--workers", "2"], "--workers, --resume need a directory as --output"),
        (["a.jsonl", "-o", "a.csv", "--time-limit", "3"], "--time-limit need a directory"),
        (["a.jsonl", "-o", "out/", "--html", "page.html"], "--html need an output file"),
        (["a.jsonl", "-o", "out/", "--to", "csv"], "--to need an output file"),
        (["a.jsonl", "-o", "out/", "--workers", "0"], "--workers"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, arguments: list[str], says: str) -> None:
    write_texts(tmp_path / "a.jsonl", 1)
    done = extract(tmp_path, *arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.jsonl", "-o", "a.jsonl"],
        ["./a.jsonl", "-o", "sub/../a.jsonl"],
        ["link.jsonl", "-o", "a.jsonl"],
        ["a.jsonl", "-o", "link.jsonl"],
        ["*.jsonl", "-o", "a.jsonl"],
        ["sub", "-o", "a.jsonl"],
        ["-", "-o", "a.jsonl"],
        ["a.jsonl", "--html", "a.jsonl"],
        ["a.jsonl", "-o", "other.jsonl"],  # written to other.jsonl.partial first, which is a link
        ["a.jsonl", "--to", "jsonl"],  # standard output is appended to it
        ["shards/events/part-000007.parquet", "-o", "shards/"],  # would be removed as half a shard
        ["shards/events/part-000007.parquet", "-o", "shards/", "--resume"],
        ["a.jsonl", "--skipped", "link.jsonl"],
        ["again.parquet", "-o", "shards/"],
        ["shards/skipped.jsonl", "-o", "shards/"],
    ],
    ids=" ".join,
)
def test_inputs_are_not_overwritten(tmp_path: Path, arguments: list[str]) -> None:
    write_texts(tmp_path / "a.jsonl", 3)
    for link in ("link.jsonl", "other.jsonl.partial", "sub/b.jsonl"):
        (tmp_path / link).parent.mkdir(exist_ok=True)
        (tmp_path / link).symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "shards" / "events").mkdir(parents=True)
    write_texts(tmp_path / "shards" / "skipped.jsonl", 3)
    pq.write_table(pa.table({"text": ["Putin met Xi."]}), tmp_path / "shards" / "events" / "part-000007.parquet")
    (tmp_path / "again.parquet").symlink_to(tmp_path / "shards" / "events" / "part-000007.parquet")

    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}

    before = files()
    with (tmp_path / "a.jsonl").open("rb") as stdin, (tmp_path / "a.jsonl").open("ab") as stdout:
        done = subprocess.run(
            [*RULES, "extract", *arguments],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdin=stdin if "-" in arguments else None,
            stdout=stdout if "--to" in arguments else None,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "would be overwritten with the output; choose another output" in done.stderr
    assert files() == before


@pytest.mark.parametrize("outputs", [("-o", "--skipped"), ("-o", "--html"), ("--html", "--skipped")], ids=" ".join)
def test_two_outputs_are_not_one_file(tmp_path: Path, outputs: tuple[str, str]) -> None:
    write_texts(tmp_path / "a.jsonl", 3)
    (tmp_path / "sub").mkdir()
    done = extract(tmp_path, "a.jsonl", outputs[0], "out.jsonl", outputs[1], "sub/../out.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "sub/../out.jsonl: two outputs would be written to this file" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_output_beside_the_inputs(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.jsonl", 3)
    assert extract(tmp_path, "a.jsonl", "-o", "./").returncode == 0
    assert extract(tmp_path, "a.jsonl", "-o", "./", "--resume").returncode == 0
    assert documents(tmp_path) == list("012")
    assert extract(tmp_path, "a.jsonl", "-o", "b.jsonl").returncode == 0
    assert extract(tmp_path, "a.jsonl", "-o", "b.jsonl").returncode == 0  # an earlier output is replaced


def test_skipped_records_make_the_status(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Putin met Xi."}\n{bad\n')
    done = extract(tmp_path, "a.jsonl", "-o", "out/")
    assert done.returncode == 3
    assert done.stderr.startswith("geoevents: skipped: a.jsonl:2: malformed JSON")
    assert done.stderr.endswith("geoevents: the records skipped are listed in out/skipped.jsonl\n")
    (tmp_path / "a.jsonl").write_text("{bad\n")
    nothing = extract(tmp_path, "a.jsonl", "-o", "out2/")
    assert nothing.returncode == 1
    assert nothing.stderr.endswith("geoevents: no record could be read\n")


def test_texts_that_kill_or_fault_are_skipped_without_workers_too(tmp_path: Path) -> None:
    texts = ["Putin met Xi.", "A Poison text.", "An Unlucky one met Xi.", "A Faulty one.", "Iran attacked Iraq."]
    lines = [json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    command = [*MORTAL, "extract", "a.jsonl", "-o", "out/", "--resume"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "geoevents: skipped: a.jsonl: record 2 (1): the worker process died twice on this text (signal SIGKILL)",
        "geoevents: skipped: a.jsonl: record 4 (3): the text cannot be coded: RuntimeError: a fault",
        MESSAGE.format(3, 3, 2, 1, "out").strip(),
        "geoevents: the records skipped are listed in out/skipped.jsonl",
    ]
    assert documents(tmp_path / "out") == list("01234")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one", "two"])
def test_interrupted_run_says_how_to_go_on(tmp_path: Path, sent: signal.Signals, workers: list[str]) -> None:
    write_texts(tmp_path / "a.jsonl", 6000)
    assert extract(tmp_path, "a.jsonl", "-o", "whole/", "--shard-size", "200").returncode == 0
    command = [*RULES, "extract", "a.jsonl", "-o", "out/", "--shard-size", "200", *workers]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/documents/part-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, sent)  # as a terminal and schedulers do: to the workers, too
    _, messages = process.communicate(timeout=60)
    finished = len(list(tmp_path.glob("out/documents/part-*")))
    assert process.returncode == 130
    assert messages == (
        f"geoevents: interrupted; {finished} shards in out are finished; the same command with --resume goes on\n"
    )
    assert everyone_leaves(process.pid)
    assert 1 <= finished < 30
    assert (tmp_path / "out" / "skipped.jsonl").read_text() == ""
    done = extract(tmp_path, "a.jsonl", "-o", "out/", "--shard-size", "200", "--resume")
    assert (done.returncode, done.stderr) == (0, MESSAGE.format(6000, 6000, 0, 30, "out"))
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03, 0.1, 0.3])
def test_second_interruption_ends_at_once_without_a_traceback(tmp_path: Path, pause: float) -> None:
    write_texts(tmp_path / "a.jsonl", 6000)
    command = [*RULES, "extract", "a.jsonl", "-o", "out/", "--shard-size", "200", "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/documents/part-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(4):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(pause)
    began = time.monotonic()
    _, messages = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert messages.splitlines()
    assert all(line.startswith("geoevents: interrupted") for line in messages.splitlines())
    assert everyone_leaves(process.pid)
    done = extract(tmp_path, "a.jsonl", "-o", "out/", "--shard-size", "200", "--resume")
    assert (done.returncode, done.stderr) == (0, MESSAGE.format(6000, 6000, 0, 30, "out"))
    assert documents(tmp_path / "out") == [str(number) for number in range(6000)]
    assert not list((tmp_path / "out").glob("*/.*"))


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.jsonl", 20_000)
    command = [*RULES, "extract", "a.jsonl", "-o", "out/", "--shard-size", "200", "--workers", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, start_new_session=True)
    while not list(tmp_path.glob("out/documents/part-*")):
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert everyone_leaves(process.pid)


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one", "two"])
def test_limit_of_a_file_is_one_line_that_names_it(tmp_path: Path, workers: list[str]) -> None:
    """The system's limit on the size of files fails a write just as a full disk does."""
    write_archive(tmp_path / "in", 2000, random.Random(3))
    arguments = ["in", "-o", "out/", "--shard-size", "500", *workers]
    limited = extract(
        tmp_path, *arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))
    )
    assert limited.returncode == 1
    assert [line for line in limited.stderr.splitlines() if "skipped" not in line] == [
        "geoevents: out/events/part-000000.parquet: File too large; the finished shards stay, and --resume goes on "
        "behind them"
    ]
    assert not list((tmp_path / "out").rglob("*part*"))
    single = extract(
        tmp_path, "in", "-o", "a.parquet", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
    )
    assert (single.returncode, single.stderr.splitlines()[-1]) == (1, "geoevents: a.parquet.partial: File too large")
    assert extract(tmp_path, *arguments, "--resume").returncode == 3


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small disk")
def test_full_disk(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.jsonl", 3000, "Putin met Xi in Moscow. Iran attacked Iraq.")
    (tmp_path / "disk").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "disk"], cwd=tmp_path)
    if mounted.returncode:
        pytest.skip("cannot mount")
    try:
        arguments = ["a.jsonl", "-o", "disk/out/", "--shard-size", "500", "--workers", "2"]
        full = extract(tmp_path, *arguments)
        finished = parts(tmp_path / "disk" / "out")
        assert full.returncode == 1
        assert full.stderr.startswith("geoevents: disk/out/") and full.stderr.count("\n") == 1
        assert "part-" in full.stderr and ": No space left on device; the finished shards stay" in full.stderr
        assert 0 < len(finished) < 12 and len(finished) % 2 == 0
        subprocess.run(["mount", "-o", "remount,size=2m", "disk"], cwd=tmp_path, check=True)
        done = extract(tmp_path, *arguments, "--resume")
        assert (done.returncode, done.stderr) == (0, MESSAGE.format(6000, 3000, 0, 6, "disk/out"))
        assert parts(tmp_path / "disk" / "out").items() >= finished.items()
        assert documents(tmp_path / "disk" / "out") == [str(number) for number in range(3000)]
    finally:
        subprocess.run(["umount", "disk"], cwd=tmp_path, check=True)


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    outcome = kill_loop(tmp_path, kills=4, seed=5, documents=2000)
    assert outcome.kills == 4
    assert (outcome.lost, outcome.doubled, outcome.differing) == ((), (), ())


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak memory from the kernel")
def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    text = "The weather in the valley was mild for most of the week, with light winds and little rain. " * 30
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )

    def peak_kilobytes(number: int) -> int:
        write_texts(tmp_path / "a.jsonl", number, text + "Putin met Xi in Moscow.")
        options = ["--shard-size", "300", "-o", f"out{number}/"]
        command = [sys.executable, "-c", code, *RULES, "extract", "a.jsonl", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT, check=True)
        return int(done.stdout)

    small = peak_kilobytes(900)
    assert peak_kilobytes(4500) < small + 8000


def test_page_of_highlighted_texts(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.jsonl", 3, "Putin met <b>Xi</b>.")
    done = extract(tmp_path, "a.jsonl", "--html", "page.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.count("&lt;b&gt;") >= 3
    both = extract(tmp_path, "a.jsonl", "--html", "page.html", "-o", "events.jsonl")
    assert (both.returncode, len((tmp_path / "events.jsonl").read_text().splitlines())) == (0, 3)
    write_texts(tmp_path / "a.jsonl", 250)
    many = extract(tmp_path, "a.jsonl", "--html", "page.html", "--to", "jsonl")
    assert many.stdout.count("\n") == 250
    assert many.stderr == "geoevents: page.html shows the first 200 documents, not the other 50\n"
    failed = extract(tmp_path, "a.jsonl", "--html", "none/page.html")
    assert (failed.returncode, failed.stderr) == (1, "geoevents: none/page.html: No such file or directory\n")


FILE_OUTPUTS = (["-o", "events.jsonl"], ["--to", "jsonl"])


@pytest.mark.parametrize("output", FILE_OUTPUTS, ids=["file", "standard output"])
def test_texts_that_fault_are_skipped_in_single_outputs_too(tmp_path: Path, output: list[str]) -> None:
    texts = ["Putin met Xi.", "A Faulty one.", "Iran attacked Iraq."]
    lines = [json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("".join([*lines[:2], "{bad\n", lines[2]]))
    command = [*MORTAL, "extract", "a.jsonl"]
    given = {"cwd": tmp_path, "env": ENVIRONMENT, "capture_output": True, "text": True}
    done = subprocess.run([*command, *output, "--skipped", "skipped.jsonl"], **given)  # type: ignore[call-overload]
    fault, bad, number = done.stderr.splitlines()
    assert done.returncode == 3
    assert fault == ("geoevents: skipped: a.jsonl: record 2 (1): the text cannot be coded: RuntimeError: a fault")
    assert bad.startswith("geoevents: skipped: a.jsonl:3: malformed JSON")
    assert number == "geoevents: records skipped: 2"
    written = done.stdout or (tmp_path / "events.jsonl").read_text()
    assert [json.loads(line)["document"] for line in written.splitlines()] == ["0", "2"]
    subprocess.run([*command, "-o", "out/"], **given)  # type: ignore[call-overload]
    assert (tmp_path / "skipped.jsonl").read_bytes() == (tmp_path / "out" / "skipped.jsonl").read_bytes()


def test_skipped_records_are_listed_even_if_there_are_no_others(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{bad\n")
    done = extract(tmp_path, "a.jsonl", "-o", "events.jsonl", "--skipped", "skipped.jsonl")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "geoevents: no record could be read")
    assert not (tmp_path / "events.jsonl").exists()
    assert json.loads((tmp_path / "skipped.jsonl").read_text())["line"] == 1
