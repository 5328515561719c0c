from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import wait

import pytest
from rule_tagger import RuleTagger

from geoevents import Extractor, Record
from geoevents.prediction import PredictedEvent
from geoevents.server.batching import Batcher, Options


class HeldTagger(RuleTagger):
    """Waits before each batch until it is let go, and fails at the word "poison"."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        self.entered.release()
        assert self.go.acquire(timeout=10)
        if any("poison" in text for text in texts):
            raise RuntimeError("poison")
        return super().predict(texts)


@pytest.fixture
def held() -> Iterator[tuple[HeldTagger, Batcher]]:
    tagger = HeldTagger()
    batcher = Batcher(Extractor(tagger), max_batch=8)
    yield tagger, batcher
    tagger.go.release(1000)
    batcher.close()


def records(*texts: str) -> list[Record]:
    return [Record(text) for text in texts]


def test_documents_that_wait_share_a_batch_and_requests_take_turns(held: tuple[HeldTagger, Batcher]) -> None:
    tagger, batcher = held
    batcher.submit(records("first"), Options())
    assert tagger.entered.acquire(timeout=10)
    large = batcher.submit(records(*(f"large {i}" for i in range(20))), Options())
    small = [batcher.submit(records(f"small {i}"), Options())[0] for i in range(3)]
    tagger.go.release(2)
    wait(small, timeout=10)
    assert tagger.entered.acquire(timeout=10) and tagger.entered.acquire(timeout=10)
    assert sorted(tagger.batches[1]) == [*(f"large {i}" for i in range(5)), *(f"small {i}" for i in range(3))]
    assert not large[5].done()


def test_short_documents_pass_a_long_one(held: tuple[HeldTagger, Batcher]) -> None:
    tagger, batcher = held
    [long] = batcher.submit(records("Putin met Xi in the Kremlin. " * 2000), Options())
    assert tagger.entered.acquire(timeout=10)
    [short] = batcher.submit(records("Iran attacked Iraq."), Options())
    tagger.go.release(2)
    assert [event.code for event in short.result(timeout=10).events] == ["190"]
    assert not long.done()
    tagger.go.release(1000)
    assert len(long.result(timeout=10).events) == 2000


def test_what_nobody_waits_for_is_dropped(held: tuple[HeldTagger, Batcher]) -> None:
    tagger, batcher = held
    [long] = batcher.submit(records("Putin met Xi in the Kremlin. " * 2000), Options())
    assert tagger.entered.acquire(timeout=10)
    [waiting] = batcher.submit(records("Nobody wants this."), Options())
    assert long.cancel() and waiting.cancel()
    [wanted] = batcher.submit(records("Iran attacked Iraq."), Options())
    tagger.go.release(1000)
    assert len(wanted.result(timeout=10).events) == 1
    assert len(tagger.batches) == 2 and tagger.batches[-1] == ["Iran attacked Iraq."]


def test_closing_drops_all_that_waits() -> None:
    tagger = HeldTagger()
    batcher = Batcher(Extractor(tagger), max_batch=8)
    results = batcher.submit(records(*["Putin met Xi in the Kremlin. " * 2000] * 3, *["Putin met Xi."] * 20), Options())
    assert tagger.entered.acquire(timeout=10)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    tagger.go.release(1000)
    closing.join(timeout=10)
    assert not closing.is_alive()
    assert all(result.done() for result in results)
    assert sum(result.cancelled() for result in results) >= 15


def test_error_of_one_document_harms_no_other(
    held: tuple[HeldTagger, Batcher], caplog: pytest.LogCaptureFixture
) -> None:
    tagger, batcher = held
    tagger.go.release(1000)
    results = batcher.submit(records("Putin met Xi.", "This is poison.", "Iran attacked Iraq."), Options())
    assert [len(results[i].result(timeout=10).events) for i in (0, 2)] == [1, 1]
    with pytest.raises(RuntimeError, match="poison"):
        results[1].result(timeout=10)
    assert "a document of 15 characters cannot be read" in caplog.text
