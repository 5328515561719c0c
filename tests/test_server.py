from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import server
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_tagger import RuleTagger
from server import Server, serving
from test_cli import ENVIRONMENT, RULES

import geoevents
from geoevents import Document, Extractor
from geoevents.resolution import load_resolver

TEXT = "Putin met Xi in Moscow. Iran never attacked Iraq. Iran may bombed Iraq. Iran and Russia signed it."
EVIL = "<img src=x onerror=\"document.title='pwned'\"> <script>document.title='pwned'</script> Iran attacked Iraq."


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    """Servers find the package and the rule tagger wherever they are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
        yield


@pytest.fixture(scope="module")
def rules(environment: None) -> Iterator[Server]:
    """A server whose answers can be foreseen, with small limits."""
    limits = ("--max-bytes", "20000", "--max-documents", "60", "--max-batch", "32")
    with serving(*limits, program=RULES) as running:
        yield running


@pytest.fixture(scope="module")
def real(environment: None) -> Iterator[Server]:
    """The server that users get."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def resolved() -> Extractor:
    """What the server with rules should answer."""
    return Extractor(RuleTagger(keep=False), resolver=load_resolver())


def extract(running: Server, **data: Any) -> httpx.Response:
    return httpx.post(f"{running.url}/extract", json=data, timeout=60)


def test_one_document_has_the_form_of_to_dict(rules: Server, resolved: Extractor) -> None:
    answer = extract(rules, text=TEXT, id="a", date="2022/01/21")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    expected = resolved(TEXT, id="a", date="2022-01-21")
    assert answer.json() == expected.to_dict()
    assert Document.from_dict(answer.json()) == expected
    assert len(expected.events) == 4


@pytest.mark.parametrize(
    "options",
    [{"statuses": ["negated", "hypothetical"]}, {"min_score": 0.95}, {"reciprocal": "expand"}],
    ids=["statuses", "min_score", "reciprocal"],
)
def test_options_are_those_of_the_extractor(rules: Server, resolved: Extractor, options: dict[str, Any]) -> None:
    expected = Extractor(resolved.tagger, resolved.resolver, **options)(TEXT)
    assert expected.events != resolved(TEXT).events
    assert extract(rules, text=TEXT, **options).json() == expected.to_dict()
    [document] = extract(rules, documents=[{"text": TEXT}], **options).json()["documents"]
    assert document == expected.to_dict()


def test_bad_documents_do_not_harm_the_others(rules: Server, resolved: Extractor) -> None:
    documents = [
        {"text": TEXT, "id": "a"},
        {"text": TEXT, "date": "tomorrow"},
        {"id": "c"},
        {"text": TEXT, "txt": 1},
        {"text": 5},
        "Putin met Xi.",
        {"text": "", "id": 7},
    ]
    answer = extract(rules, documents=documents)
    assert answer.status_code == 200
    found, errors = answer.json()["documents"], answer.json()["errors"]
    assert found[0] == resolved(TEXT, id="a").to_dict()
    assert found[6] == resolved("", id="7").to_dict()
    assert found[1:6] == [None] * 5
    assert [error["index"] for error in errors] == [1, 2, 3, 4, 5]
    says = ["the date 'tomorrow' cannot be read", "text is missing", "unknown key 'txt'", "found 5", "give an object"]
    assert all(text in error["detail"] for text, error in zip(says, errors, strict=True))


JSON = {"content-type": "application/json"}
BAD = {
    "no JSON": (b'{"text":', JSON, 400, "malformed JSON: Expecting value at line 1, column 9"),
    "endless brackets": (b"[" * 15_000, JSON, 400, "malformed JSON"),
    "no UTF-8": ('{"text": "café"}'.encode("latin-1"), JSON, 400, "byte 0xe9 at offset 13 is not UTF-8"),
    "no object": (b"[1]", JSON, 422, "give an object"),
    "no text": (b"{}", JSON, 422, "text is missing"),
    "bad date": (b'{"text": "a", "date": "01/02/2022"}', JSON, 422, "write it as YYYY-MM-DD"),
    "unknown key": (b'{"text": "a", "min-score": 1}', JSON, 422, "unknown key 'min-score'; allowed are 'text'"),
    "both forms": (b'{"text": "a", "documents": []}', JSON, 422, "unknown key 'text'"),
    "bad status": (b'{"text": "a", "statuses": ["denied"]}', JSON, 422, "statuses.0: Input should be 'asserted'"),
    "bad score": (b'{"text": "a", "min_score": 90}', JSON, 422, "min_score: Input should be less than or equal to 1"),
    "score of no number": (b'{"text": "a", "min_score": NaN}', JSON, 422, "min_score"),
    "documents of no list": (b'{"documents": {}}', JSON, 422, "documents: give a list of documents, found {}"),
    "too many documents": (b'{"documents": [' + b'"a",' * 60 + b'"a"]}', JSON, 413, "61 documents"),
    "too large": (b" " * 20_001, JSON, 413, "larger than 20000 bytes"),
    "much too large": (b" " * 3_000_000, JSON, 413, "larger than 20000 bytes"),
    "date without end": (b'{"text": "a", "date": "' + b"1" * 15_000 + b'"}', JSON, 422, "1… cannot be read"),
    "zone of many digits": (b'{"text": "a", "date": "Mon, 1 Jan 2022 10:00:00 +99999999999999"}', JSON, 422, "be read"),
    "keys without end": (b'{"text": "a", "' + b"k" * 15_000 + b'": 1, "x": 1}', JSON, 422, "kkk…; allowed are"),
    "many keys": (json.dumps(dict.fromkeys(map(str, range(1500)))).encode(), JSON, 422, "…; allowed are"),
    "many bad statuses": (
        b'{"text": "a", "statuses": [' + b'"no",' * 2000 + b'"no"]}',
        JSON,
        422,
        "statuses.0: Input should be",
    ),
    "lists in lists": (
        b'{"text": ' + b"[" * 700 + b"]" * 700 + b"}",
        JSON,
        422,
        "text: Input should be a valid string",
    ),
    "number of many digits": (b'{"text": "a", "id": ' + b"1" * 15_000 + b"}", JSON, 400, "malformed JSON"),
    "number beyond all": (b'{"text": "a", "min_score": 1' + b"0" * 400 + b"}", JSON, 422, "min_score"),
    "half a pair as key": (rb'{"text": "a", "\ud800": 1}', JSON, 422, r"unknown key '\ud800'"),
    "null byte": (b'{"text": "a\0"}', JSON, 400, "malformed JSON: Invalid control character"),
    "a form": (b"text=Putin", {"content-type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    "no type": (b'{"text": "a"}', {}, 415, "Content-Type: application/json"),
}


@pytest.mark.parametrize(("body", "headers", "status", "says"), BAD.values(), ids=BAD.keys())
def test_bad_request_has_a_status_and_a_cause(
    rules: Server, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    answer = httpx.post(f"{rules.url}/extract", content=body, headers=headers)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert len(answer.text) < 600


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["text", "id", "date", "documents", "statuses", "min_score", "reciprocal", "x"])
BODIES = (
    st.binary(max_size=200)
    | JSON_VALUES.map(lambda data: json.dumps(data).encode())
    | st.dictionaries(KEYS, JSON_VALUES, max_size=4).map(lambda data: json.dumps(data).encode())
    | st.dictionaries(KEYS, JSON_VALUES, max_size=3).map(
        lambda data: json.dumps({"text": "Putin met Xi.", **data}).encode()
    )
    | st.lists(JSON_VALUES, max_size=3).map(lambda data: json.dumps({"documents": data}).encode())
)


@given(st.sampled_from(["extract", "render"]), BODIES)
@settings(max_examples=300, deadline=None)
def test_any_body_has_an_answer_that_is_no_fault_of_the_service(rules: Server, address: str, body: bytes) -> None:
    answer = httpx.post(f"{rules.url}/{address}", content=body, headers=JSON, timeout=10)
    assert answer.status_code in (200, 400, 413, 422)
    if answer.status_code != 200:
        assert 0 < len(answer.json()["detail"]) < 600


@pytest.mark.parametrize("parameter", ["under", "search"])
def test_search_without_end_is_not_repeated(rules: Server, parameter: str) -> None:
    answer = httpx.get(f"{rules.url}/codes", params={parameter: "z" * 20_000})
    assert (answer.status_code, len(answer.text) < 500) == (404, True)


def test_size_is_counted_where_no_header_tells_it(rules: Server) -> None:
    sent: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(50):
            sent.append(number)
            yield b" " * 1000

    answer = httpx.post(f"{rules.url}/extract", content=pieces(), headers=JSON)
    assert (answer.status_code, len(sent)) == (413, 50)
    assert "transfer-encoding" in answer.request.headers


def test_half_a_surrogate_pair_comes_back_as_it_was_sent(rules: Server) -> None:
    answer = httpx.post(f"{rules.url}/extract", content=rb'{"text": "Putin met \ud800 Xi."}', headers=JSON)
    assert json.loads(answer.content.decode())["text"] == "Putin met \ud800 Xi."


def test_half_a_surrogate_pair_can_be_rendered(rules: Server) -> None:
    answer = httpx.post(f"{rules.url}/render", content=rb'{"text": "Putin met \ud800 Xi."}', headers=JSON)
    assert (answer.status_code, "Putin" in answer.text) == (200, True)


def test_markup_in_texts_is_rendered_as_text(rules: Server, resolved: Extractor) -> None:
    answer = httpx.post(f"{rules.url}/render", json={"text": EVIL})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == str(geoevents.render(resolved(EVIL)))
    assert "<img" not in answer.text and "<script" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    several = httpx.post(f"{rules.url}/render", json={"documents": [{"text": "a"}, {"text": "b"}]})
    assert (several.status_code, several.json()["detail"]) == (422, "give one document to render, not several")


def test_codes_and_health(rules: Server) -> None:
    assert len(httpx.get(f"{rules.url}/codes").json()) == 318
    under = httpx.get(f"{rules.url}/codes", params={"under": "05"}).json()
    assert {code["root"] for code in under} == {"05"} and len(under) == 9
    found = httpx.get(f"{rules.url}/codes", params={"search": "military aid"}).json()
    assert "072" in [code["code"] for code in found]
    unknown = httpx.get(f"{rules.url}/codes", params={"under": "99"})
    assert unknown.status_code == 404 and "'99' is not a CAMEO 1.1b3 code" in unknown.json()["detail"]
    health = httpx.get(f"{rules.url}/health").json()
    assert health == {"status": "ok", "version": geoevents.__version__, "model": "default"}


def test_description_has_every_field_of_the_answers_with_its_meaning(rules: Server) -> None:
    description = httpx.get(f"{rules.url}/openapi.json").json()
    schemas = description["components"]["schemas"]
    document = extract(rules, text=TEXT).json()
    event = document["events"][0]
    answers = {
        "Document": document,
        "Event": event,
        "Actor": event["sources"][0],
        "Place": event["places"][0],
        "Code": httpx.get(f"{rules.url}/codes").json()[0],
    }
    for name, answer in answers.items():
        assert schemas[name]["required"] == list(answer)
        assert all(field.get("description") for field in schemas[name]["properties"].values()), name
    [example] = schemas["OneDocument"]["examples"]
    assert extract(rules, **example).status_code == 200
    [examples] = schemas["ManyDocuments"]["examples"]
    assert extract(rules, **examples).json()["errors"] == []
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)))
    assert used <= schemas.keys()
    assert {"413", "422", "503", "504"} <= description["paths"]["/extract"]["post"]["responses"].keys()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(rules: Server, path: str) -> None:
    page = httpx.get(rules.url + path)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "script-src 'self';" in policy and "unsafe" not in policy
    loaded = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.text)
    assert len(loaded) >= 2
    for name in loaded:
        part = httpx.get(f"{rules.url}/{name}")
        assert part.status_code == 200 and part.headers["x-content-type-options"] == "nosniff"


def test_no_file_beyond_the_pages_is_served(rules: Server) -> None:
    for path in ("/static/../service.py", "/static/%2e%2e/service.py", "/static//etc/passwd", "/static/"):
        assert httpx.get(rules.url + path).status_code == 404


async def ask_all(url: str, requests: Sequence[dict[str, Any]], *, clients: int) -> list[Any]:
    """The answers to requests that so many clients send at the same time, in the requests' order."""
    answers: list[Any] = [None] * len(requests)

    async def ask(numbers: range) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            for number in numbers:
                answer = await client.post("/extract", json=requests[number])
                assert answer.status_code == 200, answer.text
                answers[number] = answer.json()

    await asyncio.gather(*(ask(range(first, len(requests), clients)) for first in range(clients)))
    return answers


def test_fifty_clients_get_what_extract_gives(rules: Server, resolved: Extractor) -> None:
    rng = random.Random(0)
    sentences = TEXT.split(". ")
    requests: list[dict[str, Any]] = []
    for number in range(500):
        document = {"text": ". ".join(rng.choices(sentences, k=rng.randint(1, 8))), "id": str(number)}
        statuses = rng.choice([["asserted"], ["asserted", "negated"]])
        many = number % 10 == 0
        requests.append({**({"documents": [document] * 5} if many else document), "statuses": statuses})
    answers = asyncio.run(ask_all(rules.url, requests, clients=50))
    for request, answer in zip(requests, answers, strict=True):
        extractor = Extractor(resolved.tagger, resolved.resolver, statuses=tuple(request["statuses"]))
        for document in request.get("documents", [request]):
            expected = extractor(document["text"], id=document["id"]).to_dict()
            assert expected == (answer["documents"].pop() if "documents" in answer else answer)


def test_default_server_gives_the_default_models_answers_under_load(real: Server, default_extractor: Extractor) -> None:
    texts = server.paragraphs()
    answers = asyncio.run(ask_all(real.url, [{"text": text, "date": "2022-01-21"} for text in texts * 3], clients=48))
    expected = [default_extractor(text, date="2022-01-21").to_dict() for text in texts]
    for answer, wanted in zip(answers, expected * 3, strict=True):
        # Batches of another size round sums otherwise.
        for found, event in zip(answer["events"], wanted["events"], strict=True):
            assert found["score"] == pytest.approx(event["score"], abs=1e-4)
        assert answer == wanted | {"events": answer["events"]}
        assert [event["id"] for event in answer["events"]] == [event["id"] for event in wanted["events"]]


def test_documented_answers_are_true(real: Server) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "server.md").read_text(encoding="utf-8")
    examples = re.findall(r"```sh\ncurl (\S+) .*?-d '(.*?)'\n```\n.*?```json\n(.*?)```", guide, re.DOTALL)
    assert len(examples) == 2
    for address, body, shown in examples:
        answer = httpx.post(real.url + httpx.URL(address).path, content=body, headers=JSON).json()
        expected = json.loads(shown)
        # Scores may differ in the last digits from processor to processor.
        for found, event in zip(answer.get("events", ()), expected.get("events", ()), strict=True):
            assert abs(found.pop("score") - event.pop("score")) < 0.05
        assert answer == expected


def open_request(url: str, body: bytes, sent: int) -> socket.socket:
    """A connection on which a request has begun, with so many bytes of its body."""
    address = httpx.URL(url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=10)
    head = (
        "POST /extract HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "",
        "",
    )
    connection.sendall("\r\n".join(head).encode() + body[:sent])
    return connection


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the answer on a connection that the server closes or keeps."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    headers, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", headers).group(1))  # type: ignore[union-attr]
    while len(body) < length:
        body += connection.recv(65536)
    return int(headers.split()[1]), body


def test_further_requests_are_told_to_come_back() -> None:
    with serving("--max-requests", "2", program=RULES) as running:
        body = json.dumps({"text": TEXT}).encode()
        with open_request(running.url, body, 5) as first, open_request(running.url, body, 5) as second:
            full = extract(running, text=TEXT)
            for _ in range(100):  # until the server has seen both
                if full.status_code == 503:
                    break
                full = extract(running, text=TEXT)
            assert (full.status_code, full.headers["retry-after"]) == (503, "1")
            assert "too many requests" in full.json()["detail"]
            assert httpx.get(f"{running.url}/health").status_code == 200
            for connection in (first, second):
                connection.sendall(body[5:])
                assert read_answer(connection)[0] == 200
        assert extract(running, text=TEXT).status_code == 200


def test_time_limit_ends_slow_senders_and_long_texts() -> None:
    with serving("--timeout", "0.5") as running:
        with open_request(running.url, b"{}", 1) as slow:
            status, body = read_answer(slow)
            assert (status, json.loads(body)["detail"].split(";")[0]) == (504, "not done within 0.5 seconds")
        began = time.monotonic()
        answer = extract(running, text="The president met the minister in Moscow on Monday, and he left. " * 12_000)
        assert answer.status_code == 504 and time.monotonic() - began < 5
        # The work that nobody waits for has ended, or this would wait for it.
        for _ in range(10):
            if (again := extract(running, text="Putin met Xi.")).status_code == 200:
                break
        assert again.status_code == 200 and time.monotonic() - began < 10


IMPATIENT = (
    "import cli_with_rules, geoevents.server.connections as connections; connections.KEEP_ALIVE = 2; "
    "cli_with_rules.main()"
)
HEAD = b"POST /extract HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "says nothing": (b"", b"", None),
    "headers byte by byte": (HEAD, b"X-Slow: a\r\n", None),
    "body byte by byte": (HEAD + b"Content-Length: 10000\r\n\r\n", b" ", 504),
    "chunks byte by byte": (CHUNKED, b"1\r\n \r\n", 504),
    "chunks beyond the limit": (CHUNKED, b"3e8\r\n" + b" " * 1000 + b"\r\n", 504),
    "chunks far beyond the limit": (CHUNKED, b"f4240\r\n" + b" " * 1_000_000 + b"\r\n", 413),
    "body that is refused": (HEAD.replace(b"json", b"xml") + b"Content-Length: 10000\r\n\r\n", b" ", 415),
    "length beyond all": (HEAD + b"Content-Length: 99999999999\r\n\r\n", b" ", 413),
}


@pytest.fixture(scope="module")
def impatient(environment: None) -> Iterator[Server]:
    """A server that waits for nobody."""
    with serving("--timeout", "1", "--max-bytes", "500", program=[sys.executable, "-c", IMPATIENT]) as running:
        yield running


@pytest.mark.parametrize(("head", "piece", "status"), SLOW.values(), ids=SLOW)
def test_slow_clients_are_answered_and_let_go(impatient: Server, head: bytes, piece: bytes, status: int | None) -> None:
    address = httpx.URL(impatient.url)
    received, ended = b"", False
    deadline = time.monotonic() + 8
    with socket.create_connection((address.host, address.port or 80), timeout=0.05) as connection:
        connection.sendall(head)
        while not ended and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                try:
                    connection.sendall(piece)
                    part = connection.recv(65536)
                    received, ended = received + part, not part
                except ConnectionError:
                    ended = True
    assert ended, received
    assert received.startswith(b"HTTP/1.1 %d " % status if status else b"")
    assert bool(received) == bool(status)
    assert extract(impatient, text=TEXT).status_code == 200


def test_answer_that_nobody_reads_is_dropped(impatient: Server) -> None:
    address = httpx.URL(impatient.url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as connection:
        for _ in range(200):  # 40 MB of answers, more than the system keeps for us
            connection.sendall(b"GET /codes HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(4)
        size = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 20):
                size += len(part)
    assert 0 < size < 200 * len(httpx.get(f"{impatient.url}/codes").content)


def test_clients_that_leave_do_no_harm(rules: Server) -> None:
    body = json.dumps({"documents": [{"text": TEXT}] * 40}).encode()
    for sent in (0, 5, len(body)) * 5:
        open_request(rules.url, body, sent).close()
    assert extract(rules, text=TEXT).status_code == 200
    assert "Traceback" not in rules.log.read_text()


def test_stop_answers_what_has_begun() -> None:
    with serving(program=RULES) as running:
        body = json.dumps({"text": TEXT}).encode()
        with open_request(running.url, body, 5) as connection:
            assert extract(running, text=TEXT).status_code == 200  # the server has seen the other by now
            running.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.TransportError):
                for _ in range(100):
                    httpx.get(f"{running.url}/health", timeout=5)
                    time.sleep(0.05)
            connection.sendall(body[5:])
            status, answer = read_answer(connection)
        assert (status, len(json.loads(answer)["events"])) == (200, 4)
        assert running.process.wait(timeout=10) == 0
        assert running.log.read_text().endswith("geoevents: stopped\n")


def run_cli(*arguments: str, program: Sequence[str] = RULES) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


def test_port_that_is_taken_is_a_clear_line(rules: Server) -> None:
    port = str(httpx.URL(rules.url).port)
    done = run_cli("serve", "--port", port)
    assert done.returncode == 1
    assert done.stderr == (
        f"geoevents: cannot listen on 127.0.0.1, port {port}: Address already in use; "
        "choose others with --host and --port\n"
    )


def test_missing_extra_is_a_clear_line() -> None:
    code = "import sys; sys.modules['fastapi'] = None; from geoevents.cli import main; sys.argv[1:] = ['serve']; main()"
    done = run_cli(program=[sys.executable, "-c", code])
    assert done.returncode == 1
    assert done.stderr == (
        "geoevents: this needs the package 'fastapi'; install it with: pip install 'geoevents[server]'\n"
    )


def test_other_commands_do_without_the_servers_packages() -> None:
    code = "import sys, geoevents.cli; print({'fastapi', 'uvicorn', 'starlette', 'pydantic'} & set(sys.modules))"
    assert run_cli(program=[sys.executable, "-c", code]).stdout == "set()\n"


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium or Chrome")
class TestInChromium:
    def shown(self, url: str, folder: Path) -> tuple[str, str]:
        """A page's document as it stands after its scripts, and what the browser's console says."""
        assert CHROMIUM
        # The flags keep the browser from looking for anything outside of this machine.
        quiet = ("networking", "timer-throttling")
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
            + [f"--disable-background-{part}" for part in quiet]
            + ["--disable-component-update", "--disable-sync", f"--user-data-dir={folder}"]
            + ["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom", url],
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)

    def test_page_shows_events_and_markup_as_text(
        self, real: Server, default_extractor: Extractor, tmp_path: Path
    ) -> None:
        text = f"Iran and Russia signed a treaty in Moscow on Monday.\nIsrael condemned the treaty on Tuesday.\n{EVIL}"
        page, console = self.shown(f"{real.url}/#date=2022-01-21&text={quote(text)}", tmp_path)
        assert console == ""
        assert "<title>geoevents: who did what to whom</title>" in page
        assert page.count("<img") == 0 and page.count("<script") == 1
        assert "&lt;img src=x onerror=" in page and "&lt;script&gt;document.title=" in page
        events = default_extractor(text, date="2022-01-21").events
        assert f'<p id="status" role="status">{len(events)} events found.</p>' in page
        rows = re.findall(r'<tr class="ge-key.*?</tr>', page)
        assert len(rows) == len(events) > 1 and all(
            part in rows[0] for part in ("057", "Russia", "Moscow", "2022-01-17")
        )

    def test_page_says_what_is_wrong(self, rules: Server, tmp_path: Path) -> None:
        page, _ = self.shown(f"{rules.url}/#text={'a' * 21_000}", tmp_path)
        assert "the request is larger than 20000 bytes" in page
        assert re.search(r'<section id="result"[^>]* hidden=""', page)

    def test_documentation_works_without_a_network(self, rules: Server, tmp_path: Path) -> None:
        page, console = self.shown(f"{rules.url}/docs", tmp_path)
        assert console == ""
        for summary in ("Code one document or several", "The CAMEO event codes", "Whether the service is ready"):
            assert summary in page
