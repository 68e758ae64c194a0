"""What is served at ``/``: small, closed, the same for everybody, and under a policy that allows nothing else."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from tacit_service.console import ASSETS, asset, page

ROOM = Path(__file__).resolve().parents[2] / "service/tacit_service/console"


def get(url: str, **headers: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_the_bundle_is_small():
    assert sum(len(asset(name).gzipped) for name in ASSETS) < 250_000


def test_the_page_has_a_strict_policy_and_a_nonce_of_its_own(demo):
    policies = []
    for _ in range(2):
        status, headers, body = get(demo.url + "/")
        assert (status, headers.get_content_type()) == (200, "text/html")
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        nonce = re.search(r"'nonce-([\w-]{20,})'", policy["style-src"])
        assert nonce is not None
        assert f'nonce="{nonce[1]}"'.encode() in body
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == policy["font-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        policies.append(nonce[1])
    assert policies[0] != policies[1]


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_a_file_is_served_compressed_and_once(demo, name):
    url = f"{demo.url}/console/{name}"
    status, headers, body = get(url)
    assert (status, headers["content-type"], body) == (200, ASSETS[name], asset(name).body)
    _, zipped, small = get(url, Accept_Encoding="gzip")
    assert zipped["content-encoding"] == "gzip"
    assert gzip.decompress(small) == body
    assert get(url, If_None_Match=headers["etag"])[0] == 304


@pytest.mark.parametrize(
    "path", ["/console/", "/console/index.html", "/console/../bundle.py", "/console/%2e%2e/bundle.py"]
)
def test_nothing_else_of_the_room_is_served(demo, path):
    assert get(demo.url + path)[0] == 404


def test_the_page_has_no_inline_script_and_no_outside_address():
    body = page("n")[0].decode()
    assert re.findall(r"<script(?![^>]*\ssrc=\"/)", body) == []
    assert " style=" not in body
    assert " on" not in re.sub(r">[^<]*<", "><", body)
    for name in ASSETS:
        outside = set(re.findall(rb"https?://[\w.-]+", asset(name).body)) - {b"http://www.w3.org"}
        assert outside == set(), name


def test_the_committed_bundle_is_what_the_source_builds(node_modules: Path, tmp_path: Path):
    for name in ("src", "static", "build.mjs", "package.json", "tsconfig.json"):
        copy = shutil.copytree if (ROOM / name).is_dir() else shutil.copy
        copy(ROOM / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(node_modules, target_is_directory=True)
    subprocess.run(["node", "build.mjs", "--check"], cwd=tmp_path, check=True, timeout=300)
    with (tmp_path / "src/api.ts").open("a") as source:
        source.write("console.log(1);\n")
    stale = subprocess.run(["node", "build.mjs", "--check"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (stale.returncode, "npm run build" in stale.stderr) == (1, True)


def test_the_source_never_writes_markup():
    written = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(\"style"
    )
    found = {path.name: written.findall(path.read_text(encoding="utf-8")) for path in (ROOM / "src").rglob("*.ts")}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_the_lock_file_pins_everything_and_names_no_registry():
    lock = json.loads((ROOM / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/codemirror"]["version"] == "6.0.2"
    assert [name for name, entry in packages.items() if "integrity" not in entry or "resolved" in entry] == []
    wanted = json.loads((ROOM / "package.json").read_text(encoding="utf-8"))
    exact = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert [name for name, version in exact.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
