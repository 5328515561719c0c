from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import plv
import pytest
import speed
import stages
from plv import Answer, MarkedPair
from report import markdown

import geoevents
import seeds
from geoevents import Extractor, Span
from geoevents.cli.evaluate import predict
from geoevents.corpora import read_corpus
from geoevents.errors import CorpusError
from geoevents.evaluation import argument_scores, evaluate
from geoevents.runtime import load_tagger

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

HEADER = "\tsentence_id\tmarked_sentence\tgold_penta\tgold_root\n"


def marked(sentence: str, *, root: str = "SUPPORT", quad: int = 1) -> MarkedPair:
    text, sources, targets = plv._unmark(sentence)
    return MarkedPair(text, sources, targets, root, quad)


def written_report(path: Path) -> dict[str, Any]:
    """A benchmark's report, of which the parts that make it repeatable are checked."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert {"cpu", "cores", "memory_gib", "os"} == report["machine"].keys()
    assert report["versions"]["geoevents"] == geoevents.__version__
    assert report["command"] == f"python benchmarks/{report['benchmark']}.py " + report["command"].split(" ", 2)[2]
    assert report["seed"] == 0
    assert len(report["model"]["sha256"]) == 64
    results: dict[str, Any] = report["results"]
    return results


def test_every_root_but_statements_has_one_of_plv_s_types() -> None:
    roots = {f"{number:02}": plv.plover_type(f"{number:02}") for number in range(1, 21)}
    assert roots.pop("01") is None
    assert set(roots.values()) == set(plv.QUAD_CLASSES)
    merged = {root: roots[root] for root in ("02", "10", "08", "09", "11", "18", "19", "20")}
    assert merged == {
        "02": "REQUEST",
        "10": "REQUEST",
        "08": "YIELD",
        "09": "ACCUSE",
        "11": "ACCUSE",
        "18": "ASSAULT",
        "19": "ASSAULT",
        "20": "ASSAULT",
    }


def test_marks_become_spans_of_the_bare_sentence(tmp_path: Path) -> None:
    path = tmp_path / "plv.tsv"
    rows = "0\t7\t<s>Peru</s> and <s>Chile </s>thanked <t>Cuba</t>.\t1\tSUPPORT\n1\t8\t<t>Oman</t> fell.\t4\tASSAULT\n"
    path.write_text(HEADER + rows, encoding="utf-8")
    thanked, fell = plv.read_pairs(path)
    assert thanked.text == "Peru and Chile thanked Cuba."
    assert [thanked.text[span.start : span.end] for span in (*thanked.sources, *thanked.targets)] == [
        "Peru",
        "Chile ",
        "Cuba",
    ]
    assert fell == MarkedPair("Oman fell.", (), (Span("Oman", 0, 4),), "ASSAULT", 4)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("0\t7\t<s>Peru thanked <t>Cuba</t>.\t1\tSUPPORT\n", id="open mark"),
        pytest.param("0\t7\tPeru</s> thanked <t>Cuba</t>.\t1\tSUPPORT\n", id="unopened mark"),
        pytest.param("0\t7\t<s>Peru</s> thanked <t>Cuba</t>.\t1\tPRAISE\n", id="unknown type"),
        pytest.param("0\t7\t<s>Peru</s> thanked <t>Cuba</t>.\t1\n", id="missing column"),
    ],
)
def test_malformed_rows_are_located(row: str, tmp_path: Path) -> None:
    path = tmp_path / "plv.tsv"
    path.write_text(HEADER + row, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"plv\.tsv:2: not a row of PLV"):
        list(plv.read_pairs(path))


# The rule tagger finds SUPPORT (Putin → Xi, Iran, Iraq; score 0.5) and ASSAULT (Putin, Xi, Iran → Iraq; score 0.9).
@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("<s>Putin</s> praised <t>Xi</t> before Iran attacked Iraq.", Answer("SUPPORT", "pair")),
        ("Putin praised Xi before <s>Iran</s> attacked <t>Iraq</t>.", Answer("ASSAULT", "pair")),
        ("<s>Putin</s> praised Xi before Iran attacked <t>Iraq</t>.", Answer("ASSAULT", "pair")),
        ("Putin praised <t>Xi</t> before Iran attacked <s>Iraq</s>.", Answer("SUPPORT", "one side")),
        ("Putin praised Xi <s>before</s> Iran attacked Iraq <t>.</t>", Answer("ASSAULT", "another event")),
        ("Putin praised <t>Xi</t> before Iran attacked Iraq.", Answer("SUPPORT", "pair")),
        ("Putin praised Xi before Iran attacked Iraq<t>.</t>", Answer("ASSAULT", "another event")),
        ("<s>Putin</s> and <t>Xi</t> slept.", Answer("none", "none")),
    ],
)
def test_the_event_that_meets_the_pair_best_answers(sentence: str, answer: Answer, extractor: Extractor) -> None:
    assert plv.answer(extractor, [marked(sentence)]) == [answer]


def test_macro_f1_by_hand() -> None:
    gold, given = ["a", "a", "b"] * 40, ["a", "b", "none"] * 40
    score = plv.macro_f1(gold, given, bootstrap=500, seed=1)
    assert score.value == pytest.approx((2 / 3 + 0) / 2)
    assert score.low is not None
    assert score.high is not None
    assert 0.2 < score.low < 1 / 3 < score.high < 0.45
    assert plv.macro_f1(gold, given, bootstrap=500, seed=1) == score
    assert plv.macro_f1(gold, gold, bootstrap=0, seed=1) == plv.Measure(1.0)


def test_coarser_levels_forgive_confusion_within_them() -> None:
    pairs = [marked("<s>A</s> saw <t>B</t>.", root=root, quad=plv.QUAD_CLASSES[root]) for root in ("AGREE", "COERCE")]
    answers = [Answer("CONSULT", "pair"), Answer("THREATEN", "pair")]
    levels = plv.score_levels(pairs, answers, bootstrap=0, seed=0)
    assert {level: accuracy for level, (_, accuracy) in levels.items()} == {"root": 0, "quad": 0.5, "binary": 1}


def test_tables_line_up() -> None:
    table = markdown(("name", "text", "n"), [("a", "long text", 1), ("longer", "b", 1000)], text_columns=2)
    assert table.splitlines() == [
        "| name   | text      |    n |",
        "| ------ | --------- | ---: |",
        "| a      | long text |    1 |",
        "| longer | b         | 1000 |",
    ]


def test_plv_reports_every_level_with_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plv.tsv"
    rows = [
        "<s>Kenya</s> condemned <t>Uganda</t> on Monday.\t3\tACCUSE",
        "<s>Norwegian troops</s> attacked <t>the rebels</t> near Oslo.\t4\tASSAULT",
        "<s>Peru</s> sent food aid to <t>Bolivia</t>.\t2\tAID",
        "Nothing else is known about <s>Malta</s> and <t>Fiji</t>.\t1\tAGREE",
    ]
    path.write_text(HEADER + "".join(f"{i}\t{i}\t{row}\n" for i, row in enumerate(rows)), encoding="utf-8")
    plv.main(["--data", str(path), "--bootstrap", "50", "--json", str(tmp_path / "plv.json")])
    results = written_report(tmp_path / "plv.json")
    assert results["levels"].keys() == {"root", "quad", "binary"}
    for level in results["levels"].values():
        assert 0 <= level["low"] <= level["macro_f1"] <= level["high"] <= 1
    assert sum(tier["pairs"] for tier in results["tiers"].values()) == 4
    assert results["levels"]["root"]["accuracy"] == 0.75
    assert "| AGREE " in capsys.readouterr().out


def test_gold_triggers_are_all_taken_over() -> None:
    gold = read_corpus(ROOT / "seeds" / "seed_article.evt")
    tagger = load_tagger()
    told = [seeds.with_gold_triggers(tagger, document) for document in gold]
    scores = evaluate(gold, told, bootstrap=0)
    assert scores.trigger_roots.strict.f1.value == 1.0
    given, found = (
        argument_scores(gold, made, bootstrap=0).overall.strict.f1.value or 0 for made in (told, predict(gold))
    )
    assert given > found


def test_seeds_reports_all_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = ROOT / "seeds" / "seed_article.evt"
    seeds.main([str(corpus), "--bootstrap", "50", "--json", str(tmp_path / "seeds.json")])
    scores = written_report(tmp_path / "seeds.json")["seed_article"]
    f1 = scores["trigger_roots"]["strict"]["f1"]
    assert 0 < f1["low"] <= f1["value"] <= f1["high"] <= 1
    assert scores["arguments_given_gold_triggers"]["source"]["strict"]["f1"] > 0
    assert scores["roots"]["04"]["name"] == "Consult"
    assert "whole events, relaxed, f1" in capsys.readouterr().out


@pytest.mark.slow
def test_speed_measures_what_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "speed.json"
    measured = "--backends onnx --threads 1 --batch-sizes 1 8 --megabytes 0.01 --sentences 16 --repeats 1"
    speed.main([*measured.split(), "--json", str(path)])
    results = written_report(path)
    (start,) = results["starts"]
    assert 0 < start["import_s"] < start["first_s"]
    assert 20 < start["first_mib"] <= start["peak_mib"]
    assert [(rate["batch_size"], rate["resolution"]) for rate in results["throughputs"]] == [
        (1, False),
        (1, True),
        (8, False),
        (8, True),
    ]
    assert all(0 < rate["slowest"] <= rate["median"] <= rate["fastest"] for rate in results["throughputs"])
    (growth,) = results["growth"]
    assert growth["sentences"] == growth["documents"] * speed.SENTENCES_A_DOCUMENT
    assert growth["events"] > 0
    assert "| onnx " in capsys.readouterr().out


def test_documents_for_the_growth_are_repeatable_and_as_large_as_asked(tmp_path: Path) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    assert speed.write_documents(one, 50_000, seed=3) == speed.write_documents(other, 50_000, seed=3)
    assert one.read_bytes() == other.read_bytes()
    assert 50_000 <= one.stat().st_size < 56_000


def test_a_stage_inside_another_is_not_counted_twice() -> None:
    def wait(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def timed_stages() -> float:
        """How far the clock is from another one."""
        clock = stages.StageClock()
        began = time.perf_counter()
        with clock.stage("outer"):
            clock.timed(wait, "inner")(0.03)
            assert sum(clock.timed(lambda: (wait(0.01) for _ in range(3)), "generator")()) == pytest.approx(0.03)
            wait(0.02)
        total = time.perf_counter() - began
        assert clock.seconds["inner"] >= 0.03 <= clock.seconds["generator"]
        assert 0.02 <= clock.seconds["outer"] < total - 0.06 + 0.001
        return abs(clock.total() - total)

    assert min(timed_stages() for _ in range(3)) <= 0.005  # a busy machine may come between the two clocks


@pytest.mark.slow
def test_stages_measures_every_stage_and_both_backends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stages.json"
    measured = "--threads 1 --sample 4 --documents 2 5 --sentences 10 --repeats 1"
    stages.main([*measured.split(), "--json", str(path)])
    results = written_report(path)
    profile = results["profile"]
    assert len(profile["stages"]) == 12
    assert all(milliseconds > 0 for milliseconds in profile["stages"].values())
    assert 0 < profile["beside_model"] < 1
    onnx, torch = results["rates"]
    assert (onnx["backend"], onnx["ratio"], torch["backend"]) == ("onnx", 1.0, "torch")
    assert torch["ratio"] > 0
    assert [growth["sentences"] for growth in results["growth"]] == [20, 50]
    assert "| words.onnx " in capsys.readouterr().out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_with_small_outputs_and_without_errors(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"execute_result", "display_data"}
    assert path.stat().st_size < 400_000


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_from_start_to_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    for package in ("ipykernel", "matplotlib", "networkx", "pandas"):
        pytest.importorskip(package)
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(Path(geoevents.__file__).parents[1]))
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in shown)
