from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import geoevents

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_first_example_prints_what_the_readme_shows() -> None:
    code, output = re.search(r"```python\n(import geoevents.*?)```\n.*?```json\n(.*?)```", README, re.DOTALL).groups()
    scope: dict[str, object] = {}
    exec(code, scope)
    event = scope["event"].to_dict()
    shown = json.loads(output)
    # Scores may differ in the last digits from processor to processor.
    assert abs(event.pop("score") - shown.pop("score")) < 0.05
    assert event == shown


def test_every_python_block_is_valid_and_names_what_exists() -> None:
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        ast.parse(block)
        for name in re.findall(r"geoevents\.(\w+)\(", block):
            assert hasattr(geoevents, name)


def test_linked_files_exist() -> None:
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (root / target).exists(), target
