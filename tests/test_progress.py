from __future__ import annotations

import pytest

from geoevents.bulk import Advance
from geoevents.cli import progress


def advance(**values: float | None) -> Advance:
    usual = {"done": 500, "total": 2000, "worked": 250, "seconds": 100.0, "documents": 4200, "events": 9}
    return Advance(**{**usual, **values})  # type: ignore[arg-type]


def test_state_tells_documents_speed_and_time_left() -> None:
    assert progress.state(advance()) == "4,200 documents, 42 a second, 0:10:00 left"
    assert progress.state(advance(total=None)) == "4,200 documents, 42 a second"
    assert progress.state(advance(worked=0, seconds=0.0, documents=0)) == "0 documents"
    assert progress.state(advance(done=2500)).endswith("0:00:00 left")


def test_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with progress.open_progress(2000, shown=True, logged=True) as shown:
        shown.update(advance())
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
        shown.update(advance())
        assert capsys.readouterr().err == "geoevents: 25.0%, 4,200 documents, 42 a second, 0:10:00 left\n"
    with progress.open_progress(2000, shown=True) as shown:
        shown.update(advance())
    assert capsys.readouterr().err == ""
