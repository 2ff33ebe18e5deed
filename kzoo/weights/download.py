"""Brings published files into a folder of this machine, once.

A file lies there under its address: ~/.cache/kzoo/download.pytorch.org/models/... It is
compared with its publisher's hash, and with its own of the first time, whenever it is
used.
"""

import hashlib
import http.client
import os
import pathlib
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request

import filelock
from tqdm import tqdm

_CHUNK = 2**20
_ATTEMPTS = 4
_PAUSE = 1.0  # seconds before the next attempt
_TIMEOUT = 60.0


def cache():
    """The folder: KZOO_CACHE, or ~/.cache/kzoo."""
    folder = os.environ.get("KZOO_CACHE") or "~/.cache/kzoo"
    return pathlib.Path(folder).expanduser()


def place(url):
    """Where the file of an address lies, or will."""
    if url.startswith("hf://"):
        url = f"https://huggingface.co/{url.removeprefix('hf://')}"
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"no address to download from: {url!r}")
    name = parts.path + (f"?{parts.query}" if parts.query else "")
    # No step of it may lead out of the folder.
    steps = [urllib.parse.quote(s, safe="") for s in name.split("/")]
    return cache().joinpath(parts.hostname, *(s for s in steps if s.strip(".")))


def fetch(url, expected=""):
    """The path of the file at `url`, downloaded if it is not there yet.

    Args:
      url: https://..., or hf://OWNER/REPOSITORY/FILE on huggingface.co.
      expected: "sha256:...", "sha1:..." or "md5:...", first digits or all; "" if its
        publisher states none: then the first download counts.

    Raises:
      ConnectionError: if it cannot be downloaded; says where to put it by hand.
      ValueError: if the file has another hash.
    """
    path = place(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{path}.lock"):
        if path.is_file():
            check(path, expected)
        else:
            _download(url, path, expected)
    return path


def _download(url, path, expected):
    if os.environ.get("KZOO_OFFLINE", "0") not in ("", "0"):
        raise ConnectionError(_by_hand(url, path, "KZOO_OFFLINE is set"))
    part = path.with_name(f"{path.name}.part")
    try:
        if url.startswith("hf://"):
            _from_hub(url, part)
        else:
            _from_web(url, part)
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(_by_hand(url, path, error)) from error
    try:
        check(part, expected, _remembered(path))
    except ValueError:
        part.unlink()
        raise
    os.replace(part, path)


def _by_hand(url, path, reason):
    if url.startswith("hf://"):
        owner, repository, file = _on_hub(url)
        url = f"https://huggingface.co/{owner}/{repository}/resolve/main/{file}"
    reason = " ".join(str(reason).split())
    return f"{url} cannot be downloaded ({reason}); put the file at {path}"


def _remembered(path):
    """Where the hash of the first time is kept."""
    return path.with_name(f"{path.name}.sha256")


def check(path, expected, remembered=None):
    """Refuses a file of another hash than its publisher's or the first time's."""
    remembered = remembered or _remembered(path)
    kind, _, digits = expected.rpartition(":")
    found = {name: _digest(path, name) for name in {kind or "sha256", "sha256"}}
    if digits and not found[kind].startswith(digits.lower()):
        raise ValueError(
            f"{path} is not the published file: its {kind} is {found[kind]}, "
            f"its publisher's {digits}; it was not used"
        )
    if not remembered.is_file():
        remembered.write_text(f"{found['sha256']}\n")
    first = remembered.read_text().strip()
    if first != found["sha256"]:
        raise ValueError(
            f"{path} has changed: its sha256 is {found['sha256']}, at first it was "
            f"{first}; delete {remembered} if that is right"
        )


def _digest(path, kind):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _on_hub(url):
    """(owner, repository, file) of hf://..."""
    return url.removeprefix("hf://").split("/", 2)


def _from_hub(url, part):
    """The hub's own client resumes, shows progress and knows about passwords."""
    import huggingface_hub

    owner, repository, file = _on_hub(url)
    folder = part.with_name(f"{part.name}.hub")
    try:
        huggingface_hub.hf_hub_download(f"{owner}/{repository}", file, local_dir=folder)
    except Exception as error:
        # httpx's, requests' or its own, from version to version.
        raise OSError(f"{type(error).__name__}: {error}") from error
    os.replace(folder / file, part)
    shutil.rmtree(folder)


def _from_web(url, part):
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE)
        try:
            if _continue(url, part):
                return
            reason = f"the connection broke; {part} will be continued"
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            # The part is as long as the file, or longer: not of this file.
            part.unlink()
            reason = error
        except (OSError, http.client.HTTPException) as error:
            reason = error
    raise OSError(reason)


def _continue(url, part):
    """Adds to a part what is missing; whether all came."""
    tag = part.with_name(f"{part.name}.tag")
    headers = {"User-Agent": "kzoo"}
    start = part.stat().st_size if part.exists() and tag.exists() else 0
    if start:
        # Only of the file that the part is of; of another one it begins anew.
        headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text()}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
            _write_tag(tag, response.headers)
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        with open(part, "ab" if start else "wb") as file, _bar(part, start, total) as b:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                b.update(len(chunk))
    done = part.stat().st_size
    if total in (None, done):
        tag.unlink(missing_ok=True)
        return True
    return False


def _write_tag(tag, headers):
    """What says that the file is still the same: an ETag or a date."""
    tag.unlink(missing_ok=True)
    etag = headers["ETag"] or "W/"
    same = headers["Last-Modified"] if etag.startswith("W/") else etag
    if same:
        tag.write_text(same)


def _bar(part, start, total):
    name = part.name.removesuffix(".part")
    scale = {"unit": "B", "unit_scale": True, "disable": None}
    return tqdm(desc=name, initial=start, total=total, **scale)
