from __future__ import annotations

import json
import subprocess
import sys

import pytest

import geoevents

HEAVY = [
    "numpy",
    "onnxruntime",
    "tokenizers",
    "torch",
    "transformers",
    "datasets",
    "pyarrow",
    "rich",
    "typer",
    "punkt",
    "fastapi",
    "uvicorn",
    "ray",
]


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return result.stdout


def test_import_loads_nothing_heavy() -> None:
    loaded = json.loads(run("import geoevents, json, sys; print(json.dumps(list(sys.modules)))"))
    assert not set(HEAVY) & set(loaded)


def test_inference_needs_neither_torch_nor_pyarrow_nor_the_command_line() -> None:
    loaded = json.loads(run("import geoevents, json, sys; geoevents.load; print(json.dumps(list(sys.modules)))"))
    assert not {"torch", "transformers", "datasets", "pyarrow", "rich", "typer"} & set(loaded)


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    code = "import time; start = time.process_time(); import geoevents; print(time.process_time() - start)"
    assert min(float(run(code)) for _ in range(3)) < 0.2


def test_exported_names_exist_and_nothing_else_leaks_out() -> None:
    for name in geoevents.__all__:
        assert getattr(geoevents, name) is not None
    hidden = {"annotations", "import_module", "TYPE_CHECKING", "Any"}
    submodules = {
        name for name in dir(geoevents) if f"geoevents.{name}" in sys.modules and name not in geoevents.__all__
    }
    visible = {name for name in dir(geoevents) if not name.startswith("_")}
    assert visible - hidden - submodules == set(geoevents.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'extrakt'"):
        geoevents.extrakt  # noqa: B018


def test_star_import_gives_the_public_names() -> None:
    code = "from geoevents import *; print(extract.__module__, Event.__module__, InputError.__module__)"
    assert run(code).split() == ["geoevents.pipeline", "geoevents.events", "geoevents.errors"]


def test_only_a_process_of_its_own_hides_what_it_loads_from_the_garbage_collector() -> None:
    """A library must not: what of its user's objects becomes garbage later would stay for good."""
    begin = "import gc, geoevents; from geoevents.bulk import ExtractorOptions, load_for_good; "
    end = "; print(len(extractor('Iran met Russia.').events), gc.get_freeze_count() > 100_000)"
    assert run(begin + "extractor = geoevents.load()" + end) == "1 False\n"
    assert run(begin + "extractor = load_for_good(ExtractorOptions())" + end) == "1 True\n"
