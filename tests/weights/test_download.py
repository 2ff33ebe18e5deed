"""Downloads from a server of our own: cuts, changes, refusals, two at once."""

import hashlib
import http.server
import os
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from kzoo.weights import download
from kzoo.weights.download import fetch, place

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves `content`, and breaks the connection after the bytes in `cuts`.

    Attributes:
      requests: the Range of each request, None without one.
    """

    def __init__(self):
        self.content = CONTENT
        self.tag = '"first"'
        self.cuts = []
        self.requests = []
        self.ranges = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def do_HEAD(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.root}/models/net.npz"
        serve = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        serve.daemon = True
        serve.start()

    def answer(self, request):
        if request.path.startswith("/missing"):
            return request.send_error(404)
        wanted = request.headers["Range"]
        if request.command == "GET":
            self.requests.append(wanted)
        same = request.headers["If-Range"] in (None, self.tag)
        start = 0
        if wanted and same and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-").partition("-")[0])
        if start > len(self.content):
            return request.send_error(416)
        body = self.content[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(body)))
        if start:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if self.tag:
            request.send_header("ETag", self.tag)
        # What huggingface.co says of a file.
        request.send_header("X-Repo-Commit", "0" * 40)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KZOO_OFFLINE", raising=False)
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def files(path):
    """What is beside a download, but its lock."""
    return {f.name for f in path.parent.iterdir() if f.suffix != ".lock"}


@pytest.mark.parametrize(
    "expected",
    [
        "",
        f"sha256:{SHA256}",
        f"sha256:{SHA256[:8]}",
        f"md5:{MD5}",
        f"md5:{MD5.upper()}",
    ],
)
def test_a_file_comes_once(server, expected, tmp_path):
    path = fetch(server.url, expected)
    assert path == tmp_path / "cache/127.0.0.1/models/net.npz"
    assert path.read_bytes() == CONTENT
    assert fetch(server.url, expected) == path
    assert server.requests == [None]
    assert files(path) == {"net.npz", "net.npz.sha256"}


def test_a_cut_download_is_continued(server):
    server.cuts = [100_000, 50_000]
    assert fetch(server.url, "").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_continues(server, monkeypatch):
    server.cuts = [100_000]
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    with pytest.raises(ConnectionError, match="broke.*will be continued.*put the file"):
        fetch(server.url, "")
    assert files(place(server.url)) == {"net.npz.part", "net.npz.part.tag"}
    assert fetch(server.url, "").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-"]
    assert files(place(server.url)) == {"net.npz", "net.npz.sha256"}


def test_halves_of_two_files_are_not_put_together(server, monkeypatch):
    """The file changed at its publisher between the cut and the next call."""
    server.cuts = [100_000]
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    with pytest.raises(ConnectionError):
        fetch(server.url, "")
    server.content, server.tag = CONTENT[::-1], '"second"'
    assert fetch(server.url, "").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("ranges, tag", [(False, '"first"'), (True, None)])
def test_servers_that_cannot_continue(server, ranges, tag):
    server.cuts, server.ranges, server.tag = [100_000], ranges, tag
    assert fetch(server.url, "").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_begins_anew(server):
    path = place(server.url)
    path.parent.mkdir(parents=True)
    path.with_name("net.npz.part").write_bytes(CONTENT * 2)
    path.with_name("net.npz.part.tag").write_text(server.tag)
    assert fetch(server.url, "").read_bytes() == CONTENT


def test_gives_up_when_nothing_comes(server):
    server.cuts = [0] * 10
    with pytest.raises(ConnectionError, match="broke"):
        fetch(server.url, "")
    assert len(server.requests) == download._ATTEMPTS


@pytest.mark.parametrize("expected", ["sha256:00c0ffee", f"md5:{MD5[:-1]}0f"])
def test_another_file_than_published_is_refused(server, expected):
    with pytest.raises(ValueError, match="not the published file.*its publisher's"):
        fetch(server.url, expected)
    assert not place(server.url).exists()
    assert files(place(server.url)) == set()


@pytest.mark.parametrize("expected", ["", f"sha256:{SHA256[:8]}"])
def test_a_file_that_changes_here_is_refused(server, expected):
    path = fetch(server.url, expected)
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(ValueError, match="has changed|not the published file"):
        fetch(server.url, expected)


def test_a_file_that_changes_at_its_publisher_is_refused(server):
    """Where no hash is published, the first download counts."""
    path = fetch(server.url, "")
    path.unlink()
    server.content = CONTENT[::-1]
    with pytest.raises(ValueError, match="has changed.*at first it was.*delete"):
        fetch(server.url, "")
    path.with_name("net.npz.sha256").unlink()
    assert fetch(server.url, "").read_bytes() == CONTENT[::-1]


def test_no_such_file(server):
    url = f"{server.root}/missing/net.npz"
    with pytest.raises(ConnectionError) as error:
        fetch(url, "")
    for word in (url, "404", f"put the file at {place(url)}"):
        assert word in str(error.value)


def test_offline(server, monkeypatch):
    monkeypatch.setenv("KZOO_OFFLINE", "1")
    with pytest.raises(ConnectionError) as error:
        fetch(server.url, "")
    for word in (server.url, "KZOO_OFFLINE", str(place(server.url))):
        assert word in str(error.value)
    place(server.url).write_bytes(CONTENT)  # put there by hand
    assert fetch(server.url, f"md5:{MD5}").read_bytes() == CONTENT
    assert server.requests == []


def test_no_network(server):
    server.server.server_close()
    with pytest.raises(ConnectionError, match="put the file at"):
        fetch("http://127.0.0.1:9/net.npz", "")


def test_two_processes_download_once(server, tmp_path):
    """Without Keras, which would take longer than the download."""
    code = (
        "import runpy, sys; m = runpy.run_path(sys.argv[1]);"
        "print(len(m['fetch'](sys.argv[2], '').read_bytes()))"
    )
    command = [sys.executable, "-c", code, download.__file__, server.url]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [run.communicate()[0] for run in runs] == [b"300000\n"] * 2
    assert server.requests == [None]


def test_addresses_stay_in_the_folder(monkeypatch):
    monkeypatch.setenv("KZOO_CACHE", "cache")
    root = pathlib.Path("cache")
    address = "hf://timm/resnet50.a1_in1k/model.safetensors"
    assert place(address) == root / (
        "huggingface.co/timm/resnet50.a1_in1k/model.safetensors"
    )
    assert place("https://a.b/../../c/./d.h5") == root / "a.b/c/d.h5"
    assert place("https://a.b/d.h5?x=../e") == root / "a.b" / "d.h5%3Fx%3D.." / "e"
    for url in ("file:///etc/passwd", "net.npz", "ftp://a.b/c"):
        with pytest.raises(ValueError, match="no address"):
            place(url)


HUB = "hf://owner/repository/folder/net.npz"


@pytest.fixture
def hub(server, monkeypatch):
    """huggingface.co, as its own client meets it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", server.root)
    template = f"{server.root}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return server


def test_the_hub(hub):
    path = fetch(HUB, f"sha256:{SHA256}")
    assert path.read_bytes() == CONTENT
    assert files(path) == {"net.npz", "net.npz.sha256"}
    hub.requests.clear()
    assert fetch(HUB, "") == path
    assert hub.requests == []


def test_a_file_that_the_hub_does_not_have(hub, monkeypatch):
    with pytest.raises(ConnectionError) as error:
        fetch("hf://missing/repository/net.npz", "")
    for word in (
        "https://huggingface.co/missing/repository/resolve/main/net.npz",
        str(place("hf://missing/repository/net.npz")),
    ):
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_the_folder_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path))
    assert download.cache() == tmp_path
    monkeypatch.delenv("KZOO_CACHE")
    assert download.cache() == pathlib.Path(os.path.expanduser("~/.cache/kzoo"))
