#!/usr/bin/env python3
"""Loads a running server and checks what it says: nothing lost, nothing twice.

    load.py tails URL PID       200 streams of events and 50 uploads at once, all of them read by OCR
    load.py fan-out URL PID     1,000 readers of one document
    load.py probe URL DOCUMENT  small requests one after the other until its standard input ends; how long each took

`tails` starts `probe` as a process of its own. All of it speaks HTTP/1.1 by itself: a client with comforts would take the processor
from what is measured.
"""

import argparse
import asyncio
import io
import json
import pathlib
import random
import re
import select
import socket
import sys
import time
import urllib.parse

PAGES = 3  # of each document that is uploaded
DOCUMENTS = 50
TAILS_OF_ONE = 3  # of each document; the rest of the 200 follow everything
TAILS_OF_ALL = 50
READERS = 1000
PAGES_OF_FAN_OUT = 40

# What a record begins with; the rest is of no interest here, and to parse it would cost more than to serve it.
RECORD = re.compile(rb'"document":\{"id":"([0-9a-f-]+)".{0,2000}?"page":(\d+)')


def document(name: str, pages: int) -> bytes:
    """A book's page with its own number on it, so that no cache knows it, as often as is asked for: PGM images in one file."""
    from PIL import Image, ImageDraw

    page = Image.open(pathlib.Path(__file__).parents[2] / "examples/data/pages/book.png").convert("L")
    whole = io.BytesIO()
    for number in range(1, pages + 1):
        one = page.copy()
        ImageDraw.Draw(one).text((40, 20), f"{name} {number}", fill=0)
        one.save(whole, "PPM")
    return whole.getvalue()


class Server:
    def __init__(self, url: str, pid: int = 0):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.pid = parts.hostname, parts.port, pid

    def memory(self) -> tuple[int, int]:
        """Bytes in RAM: now, and at most so far."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) << 10 for name in ("VmRSS", "VmHWM"))

    async def open(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] = {}):
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        answered = {}
        while line := (await reader.readline()).strip():
            name, value = line.decode("latin-1").split(":", 1)
            answered[name.lower()] = value.strip()
        return status, answered, reader, writer

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict, bytes]:
        status, headers, reader, writer = await self.open(method, path, body)
        whole = await (chunks(reader) if "chunked" in headers.get("transfer-encoding", "") else reader.read())
        writer.close()
        return status, headers, whole

    async def submit(self, name: str, body: bytes) -> tuple[str, int]:
        """Hands a document over, however often the server says that it is full."""
        refused = 0
        while True:
            status, headers, answer = await self.ask("POST", f"/v1/documents?name={name}&ocr=always&duplicates=off", body)
            if status == 202:
                return json.loads(answer)["id"], refused
            assert status == 429, (status, answer)
            refused += 1
            await asyncio.sleep(float(headers["retry-after"]))

    async def figure(self, name: str) -> float:
        _, _, text = await self.ask("GET", "/metrics")
        return float(re.search(rf"^{name} (\S+)$".encode(), text, re.M)[1])

    async def events(self, path: str, last: str = ""):
        """Events as they come: kind, id, data."""
        headers = {"Last-Event-ID": last} if last else {}
        status, _, reader, writer = await self.open("GET", path, headers=headers)
        assert status == 200, status
        rest = b""
        try:
            while size := int(await reader.readline() or b"0", 16):
                rest += (await reader.readexactly(size + 2))[:-2]
                *whole, rest = rest.split(b"\n\n")
                for event in whole:
                    fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line and line[:1] != b":")
                    if b"event" in fields:
                        yield fields[b"event"], fields.get(b"id", b"").decode(), fields[b"data"]
        finally:
            writer.close()


async def chunks(reader) -> bytes:
    whole = b""
    while size := int(await reader.readline() or b"0", 16):
        whole += (await reader.readexactly(size + 2))[:-2]
    return whole


async def follow(server: Server, document: str, pages: int, breaks_after: int = 0) -> None:
    """Follows a document to its end, if need be over a connection that breaks; every page must come once and in its place."""
    seen, last = [], ""
    while True:
        events = server.events(f"/v1/documents/{document}/events", last)
        async for kind, ident, data in events:
            last = ident or last
            if kind == b"page":
                found = RECORD.search(data)
                assert found[1].decode() == document and found[2].decode() == ident, data[:300]
                seen.append(int(ident))
            elif kind == b"end":
                assert json.loads(data)["state"] == "done", data
                assert seen == list(range(1, pages + 1)), f"{document}: {seen}"
                return
            if breaks_after and len(seen) >= breaks_after:
                breaks_after = 0
                break
        else:
            raise AssertionError(f"{document}: the stream ended without a word behind {seen}")
        await events.aclose()


async def follow_all(server: Server, after: int, count: int) -> set[tuple[str, int]]:
    """So many pages of everything; their places must grow."""
    seen, last = set(), after
    async for kind, ident, data in server.events(f"/v1/events?from={after}"):
        assert kind == b"page" and int(ident) > last, (kind, ident, last)
        last = int(ident)
        found = RECORD.search(data)
        page = (found[1].decode(), int(found[2]))
        assert page not in seen, f"{page} came twice"
        seen.add(page)
        if len(seen) == count:
            return seen
    raise AssertionError("the stream of everything ended")


async def watch(server: Server, peak: list[int]) -> None:
    while True:
        peak[0] = max(peak[0], server.memory()[0])
        await asyncio.sleep(0.05)


async def tails(server: Server) -> None:
    first, _ = await server.submit("first.pgm", document("first", 1))
    await follow(server, first, 1)
    after = int(await server.figure("pagestream_pages_total"))
    bodies = [(f"{n}.pgm", document(f"document {n}", PAGES)) for n in range(DOCUMENTS)]
    idle = await probe_for(server, first, asyncio.sleep(3))
    peak, reads = [0], await server.figure("pagestream_event_log_reads_total")
    watching = asyncio.create_task(watch(server, peak))
    started = time.monotonic()

    async def work() -> tuple[list[str], int]:
        everything = [asyncio.create_task(follow_all(server, after, DOCUMENTS * PAGES)) for _ in range(TAILS_OF_ALL)]

        async def one(name: str, body: bytes) -> tuple[str, int]:
            ident, refused = await server.submit(name, body)
            await asyncio.gather(*(follow(server, ident, PAGES, tail % PAGES) for tail in range(TAILS_OF_ONE)))
            return ident, refused

        handed = await asyncio.gather(*(one(*body) for body in bodies))
        expected = {(ident, page) for ident, _ in handed for page in range(1, PAGES + 1)}
        assert len({ident for ident, _ in handed}) == DOCUMENTS
        for seen in await asyncio.gather(*everything):
            assert seen == expected, f"{len(expected - seen)} pages are missing, {len(seen - expected)} too many"
        return [ident for ident, _ in handed], sum(refused for _, refused in handed)

    result: list = []

    async def worked() -> None:
        result.extend(await work())

    busy = await probe_for(server, first, worked())
    seconds = time.monotonic() - started
    watching.cancel()
    reads = await server.figure("pagestream_event_log_reads_total") - reads
    limit = await server.figure("pagestream_memory_limit_bytes")
    print(f"{DOCUMENTS} uploads of {PAGES} pages, {DOCUMENTS * TAILS_OF_ONE + TAILS_OF_ALL} streams, {seconds:.1f} s: no page lost, none twice; "
          f"{result[1]} uploads were told to come again; {reads:.0f} reads of the log")
    print(f"memory of the process: {peak[0] >> 20} MiB at most, the budget is {int(limit) >> 20} MiB")
    print("small requests, ms:")
    for name, figures in (("idle", idle), ("under load", busy)):
        for path, times in figures.items():
            print(f"  {name}, {path}: {times}")
    assert peak[0] <= limit, "more memory than the budget"


async def probe_for(server: Server, document: str, work) -> dict:
    """What `probe` measured while this was done."""
    probe = await asyncio.create_subprocess_exec(sys.executable, __file__, "probe", f"http://{server.host}:{server.port}", document,
                                                 stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        await work
    finally:
        probe.stdin.close()
        answer = await probe.stdout.read()
        await probe.wait()
    return json.loads(answer)


def probe(url: str, document: str) -> None:
    server = Server(url)
    paths = {"GET /v1/capacity": "/v1/capacity", "GET /v1/documents/{id}": f"/v1/documents/{document}"}
    times: dict[str, list[float]] = {name: [] for name in paths}
    times["waking from a pause of 5 ms"] = []
    connection = socket.create_connection((server.host, server.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = connection.makefile("rb")
    while not select.select([sys.stdin], [], [], 0)[0]:
        for name, path in paths.items():
            started = time.perf_counter()
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())
            assert b" 200 " in answers.readline()
            length = 0
            while line := answers.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)
            times[name].append(time.perf_counter() - started)
        started = time.perf_counter()
        time.sleep(0.005)
        # What the machine alone adds: nobody was asked anything.
        times["waking from a pause of 5 ms"].append(time.perf_counter() - started - 0.005)
    print(json.dumps({name: summary(found) for name, found in times.items()}))


def summary(times: list[float]) -> str:
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1e3
    return f"p50 {at(0.5):.2f}, p99 {at(0.99):.2f}, longest {at(1):.2f} of {len(times)}"


async def fan_out(server: Server) -> None:
    body = document("fan-out", PAGES_OF_FAN_OUT)
    before, peak = await server.figure("pagestream_event_log_reads_total"), [0]
    at_rest = server.memory()[0]
    watching = asyncio.create_task(watch(server, peak))
    started = time.monotonic()
    ident, _ = await server.submit("fan-out.pgm", body)
    limit = asyncio.Semaphore(100)  # connections that are made at once: more than that the system's queue refuses

    async def reader() -> None:
        async with limit:
            await asyncio.sleep(random.random() / 100)
        await follow(server, ident, PAGES_OF_FAN_OUT)

    await asyncio.gather(*(reader() for _ in range(READERS)))
    seconds = time.monotonic() - started
    watching.cancel()
    reads = await server.figure("pagestream_event_log_reads_total") - before
    print(f"{READERS} readers of one document of {PAGES_OF_FAN_OUT} pages, {seconds:.1f} s: no page lost, none twice; {reads:.0f} reads of the log, "
          f"{reads / PAGES_OF_FAN_OUT:.2f} a page; {at_rest >> 20} MiB before, {peak[0] >> 20} MiB at most")


def main() -> None:
    random.seed(1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["tails", "fan-out", "probe"])
    parser.add_argument("url")
    parser.add_argument("of", help="the server's process; of probe a document")
    arguments = parser.parse_args()
    if arguments.what == "probe":
        probe(arguments.url, arguments.of)
    else:
        server = Server(arguments.url, int(arguments.of))
        asyncio.run({"tails": tails, "fan-out": fan_out}[arguments.what](server))


if __name__ == "__main__":
    main()
