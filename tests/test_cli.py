from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import geoevents
from geoevents import Event
from geoevents.formats.rows import FLAT

ROOT = Path(geoevents.__file__).parent.parent
RULES = [sys.executable, str(Path(__file__).with_name("cli_with_rules.py"))]
REAL = [sys.executable, "-m", "geoevents"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]), "COLUMNS": "120"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command line in an empty folder."""

    def run(*arguments: str, stdin: str | bytes = "", program: list[str] = RULES) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([*program, *arguments], input=data, capture_output=True, cwd=tmp_path, env=ENVIRONMENT)
        output, messages = (stream.decode().replace("\r\n", "\n") for stream in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, output, messages)

    return run


def events(lines: str) -> list[Event]:
    return [Event.from_dict(json.loads(line)) for line in lines.splitlines()]


def test_text_file_gives_json_lines_in_a_pipe(run: Run, tmp_path: Path) -> None:
    (tmp_path / "news.txt").write_text("MOSCOW (AP) — Putin met Xi in Moscow on Monday.\n\nIran attacked Iraq.")
    done = run("extract", "news.txt", "--date", "2022-01-20")
    assert (done.returncode, done.stderr) == (0, "")
    met, attacked = events(done.stdout)
    assert (met.document, met.code, met.trigger.text, met.date) == ("news.txt", "040", "met", "2022-01-17")
    assert [actor.code for actor in attacked.sources] == ["IRN"]


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ([], ["040", "190", "195"]),
        (["--status", "asserted"], ["040"]),
        (["--status", "asserted", "--status", "negated"], ["040", "190"]),
        (["--min-score", "0.95"], []),
    ],
    ids=" ".join,
)
def test_options_filter_events(run: Run, arguments: list[str], codes: list[str]) -> None:
    done = run("extract", "-", *arguments, stdin="Putin met Xi. Iran never attacked Iraq. Iran may bombed Iraq.")
    assert done.returncode == 0
    assert [event.code for event in events(done.stdout)] == codes


@pytest.mark.parametrize(("mode", "count"), [("joint", 1), ("expand", 2), ("annotated", 1)])
def test_reciprocal_option(run: Run, mode: str, count: int) -> None:
    found = events(run("extract", "-", "--reciprocal", mode, stdin="Iran and Russia signed it.").stdout)
    assert len(found) == count
    assert bool(found[0].targets) is (mode != "annotated")


def test_own_dictionary_wins_unless_it_is_malformed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "actors.tsv").write_text("phrase\tcode\nPutin\tUSAGOV\nbad\n")
    failed = run("extract", "-", "--dictionary", "actors.tsv", stdin="Putin met Xi.")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("geoevents: actors.tsv:3: ")
    lenient = run("extract", "-", "--dictionary", "actors.tsv", "--lenient", stdin="Putin met Xi.")
    assert events(lenient.stdout)[0].sources[0].code == "USAGOV"


def test_standard_input_of_json_lines_and_of_lines(run: Run) -> None:
    stdin = '{"id": "a", "text": "Putin met Xi.", "date": "2022-02-04"}\n{"text": "Iran attacked Iraq."}\n'
    assert [(e.document, e.date) for e in events(run("extract", "-", stdin=stdin).stdout)] == [
        ("a", "2022-02-04"),
        ("stdin:2", None),
    ]
    done = run("extract", "-", "--lines", stdin="Putin met Xi.\nIran attacked Iraq.\n")
    assert [event.document for event in events(done.stdout)] == ["stdin:1", "stdin:2"]


def test_output_formats(run: Run, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("url;body;published\nu1;Putin met Xi.;2022-02-04\nu2;Nothing.;\n")
    for name in ("events.jsonl", "events.csv", "events.parquet"):
        done = run("extract", "news.csv", "-o", name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert pq.read_table(tmp_path / "events.parquet")["document"].to_pylist() == ["u1"]
    assert (tmp_path / "events.csv").read_text().startswith(",".join(FLAT.names()) + "\n")
    assert events((tmp_path / "events.jsonl").read_text())[0].date == "2022-02-04"
    csv = run("extract", "news.csv", "--to", "csv")
    assert csv.stdout == (tmp_path / "events.csv").read_text()


@pytest.mark.parametrize(
    ("columns", "code"), [("gdelt", "EventCode"), ("polecat", "Event Type"), ("geoevents", "code")]
)
def test_columns_of_other_projects(run: Run, tmp_path: Path, columns: str, code: str) -> None:
    done = run("extract", "-", "--columns", columns, "-o", "events.csv", stdin="Iran attacked Iraq.")
    assert done.returncode == 0
    header, row = (tmp_path / "events.csv").read_text().splitlines()
    assert code in header.split(",")
    assert "IRQ" in row


def test_table_shows_who_did_what_to_whom(run: Run) -> None:
    done = run(
        "extract", "-", "--to", "table", "--date", "2022-01-20", stdin="Iran never attacked Iraq in Basra on Monday."
    )
    assert done.returncode == 0
    assert "stdin  2022-01-20" in done.stdout
    for cell in ("190", "not attacked", "Iran IRN", "Iraq IRQ", "Monday 2022-01-17", "0.90"):
        assert cell in done.stdout


def test_bad_records_are_reported_and_the_rest_is_written(run: Run, tmp_path: Path) -> None:
    lines = ['{"text": "Putin met Xi."}'] * 1000
    lines[730] = '{"text": "Putin'
    (tmp_path / "news.jsonl").write_text("\n".join(lines))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    done = run("extract", "news.jsonl", "none.txt", "latin.txt", "-o", "events.jsonl")
    assert done.returncode == 3
    reports = done.stderr.splitlines()
    assert reports[0].startswith("geoevents: skipped: news.jsonl:731: malformed JSON: ")
    assert reports[1] == "geoevents: skipped: none.txt: cannot be opened: No such file or directory"
    assert reports[2].startswith("geoevents: skipped: latin.txt: byte 0xe9 at offset 3 of the file is not utf-8")
    assert reports[3:] == ["geoevents: records skipped: 3"]
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 999


def test_many_bad_records_are_counted_rather_than_listed(run: Run) -> None:
    done = run("extract", "-", stdin='{"text": "Putin met Xi."}\n' + "{bad}\n" * 500)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 12
    assert done.stderr.endswith("geoevents: records skipped: 500\n")


FAILURES = {
    "no file": (["extract", "none.txt"], 1, "none.txt: cannot be opened"),
    "no such column": (["extract", "news.csv", "--text-column", "bodi"], 1, "no column 'bodi'; found: 'url', 'body'"),
    "no text column": (["extract", "odd.csv"], 1, "found: 'x', 'y'"),
    "unknown suffix in": (["extract", "news.docx"], 1, "'.docx' tells no format"),
    "unknown suffix out": (["extract", "news.csv", "-o", "events.xls"], 1, "'.xls' tells no output format"),
    "no folder": (["extract", "news.csv", "-o", "none/events.csv"], 1, "cannot be written: No such file or directory"),
    "unknown encoding": (["extract", "news.csv", "--encoding", "utf-9"], 1, "unknown encoding 'utf-9'"),
    "no files": (["extract"], 2, "FILE"),
    "unknown option": (["extract", "news.csv", "--speed"], 2, "--speed"),
    "bad score": (["extract", "news.csv", "--min-score", "90"], 2, "--min-score"),
    "bad status": (["extract", "news.csv", "--status", "denied"], 2, "denied"),
    "bad date": (["extract", "news.csv", "--date", "20 Jan"], 2, "write it as YYYY-MM-DD"),
    "unknown command": (["extrakt"], 2, "extrakt"),
    "unknown code": (["codes", "99"], 1, "'99' is not a CAMEO 1.1b3 code"),
    "unknown words": (["codes", "--search", "football"], 1, "no code is described by 'football'"),
    "no corpus": (["evaluate", "none.evt"], 1, "none.evt: No such file or directory"),
    "malformed corpus": (["evaluate", "bad.evt"], 1, "bad.evt:1: "),
}


@pytest.mark.parametrize(("arguments", "status", "says"), FAILURES.values(), ids=FAILURES.keys())
def test_failure_is_a_status_and_a_clear_line(
    run: Run, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "news.csv").write_text("url,body\nu1,Putin met Xi.\n")
    (tmp_path / "odd.csv").write_text("x,y\n1,2\n")
    (tmp_path / "news.docx").touch()
    (tmp_path / "bad.evt").write_text("[[met|0 s=a9]] [[\n")
    before = sorted(tmp_path.iterdir())
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr and "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_model_directory_that_lacks_a_file_is_a_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    done = run("extract", "-", "--model", "model", stdin="Putin met Xi.", program=REAL)
    assert done.returncode == 1
    assert done.stderr.startswith("geoevents: model: config.json is missing") and done.stderr.count("\n") == 1
    assert "no model 'nonesuch'" in run("extract", "-", "--model", "nonesuch", program=REAL).stderr


def test_codes_are_listed_and_found(run: Run) -> None:
    done = run("codes", "04", program=REAL)
    assert done.returncode == 0
    assert " ".join(done.stdout.splitlines()[2].split()) == "040 1 1.0 CONSULT Consult, not specified below"
    assert [line[:3] for line in run("codes", "04").stdout.splitlines()[1:]] == ["04 "] + [f"04{n}" for n in range(7)]
    found = json.loads(run("codes", "--search", "military aid", "--json").stdout)
    assert "072" in [code["code"] for code in found]
    assert len(json.loads(run("codes", "--json").stdout)) > 300


def test_evaluate_scores_predictions(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gold.evt").write_text(
        "[[Putin|a1]] [[met|040 s=a1 t=a2]] [[Xi|a2]].\n\n[[Iran|a1]] [[left|042 s=a1]].\n"
    )
    perfect = run("evaluate", "gold.evt", "--predictions", "gold.evt")
    assert perfect.returncode == 0
    assert "trigger + root" in perfect.stdout and "1.000" in perfect.stdout
    scores = json.loads(run("evaluate", "gold.evt", "--json").stdout)
    assert scores["documents"] == 2
    assert scores["trigger_roots"]["strict"]["recall"]["value"] == 0.5


def test_help_has_examples_and_statuses(run: Run) -> None:
    assert run("--version").stdout == f"geoevents {geoevents.__version__}\n"
    for command in ("extract", "evaluate", "train", "codes"):
        text = run(command, "--help").stdout
        assert f"geoevents {command} " in text.split("Examples:")[1]
    assert "3 finished but records were skipped" in run("extract", "--help").stdout
    assert "completion" not in run("--help").stdout


def on_terminal(folder: Path, *arguments: str) -> str:
    """What the command line shows where standard output and standard error are a terminal."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*RULES, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=folder, env=ENVIRONMENT
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other side has closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=30) == 0
    return shown.decode()


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal")
def test_terminal_gets_a_table_and_no_bar_beside_it(tmp_path: Path) -> None:
    (tmp_path / "news.txt").write_text("Iran attacked Iraq.")
    shown = on_terminal(tmp_path, "extract", "news.txt")
    assert "to whom" in shown and "\x1b[" in shown
    assert "documents" not in shown


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal")
def test_terminal_gets_a_progress_bar_where_events_go_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text('{"text": "Putin met Xi."}\n' * 3000)
    shown = on_terminal(tmp_path, "extract", "news.jsonl", "-o", "events.jsonl")
    assert "%" in shown and "3000 events in 3000 documents" in shown
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 3000


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_interrupt_keeps_the_old_output_and_the_events_so_far(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("old")
    command = [*RULES, "extract", "-", "-o", "events.jsonl", "--batch-size", "1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=ENVIRONMENT)
    assert process.stdin and process.stderr
    process.stdin.write(b'{"text": "Putin met Xi."}\n' * 20_000)
    process.stdin.flush()
    deadline = time.monotonic() + 30
    partial = tmp_path / "events.jsonl.partial"
    while not (partial.exists() and partial.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == 130
    assert messages.decode() == "geoevents: interrupted; the events so far are in events.jsonl.partial\n"
    assert (tmp_path / "events.jsonl").read_text() == "old"
    assert len(events(partial.read_text())) > 100


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text('{"text": "Putin met Xi."}\n' * 5000)
    shell = f"'{RULES[0]}' '{RULES[1]}' extract news.jsonl | head -n 1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.usefixtures("default_extractor")
def test_default_model_reads_a_sentence(run: Run) -> None:
    text = "Iranian President Ebrahim Raisi met Vladimir Putin in Moscow on Wednesday."
    done = run("extract", "-", "--date", "2022-01-21", stdin=text, program=REAL)
    [event] = events(done.stdout)
    assert (done.returncode, event.root, event.trigger.text, event.date) == (0, "04", "met", "2022-01-19")
    assert [actor.country for actor in (*event.sources, *event.targets)] == ["IRN", "RUS"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak memory from the kernel")
def test_large_file_streams_in_bounded_memory(tmp_path: Path) -> None:
    text = "The weather in the valley was mild for most of the week, with light winds and little rain. " * 30
    line = json.dumps({"text": text + "Putin met Xi in Moscow."}) + "\n"

    def peak_kilobytes(megabytes: int) -> int:
        with (tmp_path / "news.jsonl").open("w") as file:
            file.writelines(line for _ in range(megabytes * 1_000_000 // len(line)))
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [sys.executable, "-c", code, *RULES, "extract", "news.jsonl", "-o", "events.csv"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT, check=True)
        return int(done.stdout)

    small = peak_kilobytes(2)
    assert peak_kilobytes(12) < small + 5000
