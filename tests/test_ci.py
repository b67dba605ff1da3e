"""What docs/ci.md shows: the job's own steps run, the image is what it should be, examples are well formed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import fakepersonalize
from fakepersonalize.cli.main import _parser
from fakepersonalize.server import running
from fakepersonalize.settings import Settings

ROOT = Path(__file__).parents[1]
FILE = re.compile(r"^<!-- file: ([\w.]+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(FILE.findall((ROOT / "docs" / "ci.md").read_text("utf-8")))
PARSE = """
import com.sun.source.util.JavacTask;
import java.util.List;
import javax.tools.*;
public class Parse {
    public static void main(String[] files) throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
        StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null);
        ((JavacTask) compiler.getTask(null, manager, problems, null, null, manager.getJavaFileObjects(files))).parse();
        if (!problems.getDiagnostics().isEmpty()) throw new Error(problems.getDiagnostics().toString());
    }
}
"""


def write(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")


# The job


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_the_steps_of_the_job_run(tmp_path: Path) -> None:
    write(tmp_path)
    job = yaml.safe_load(FILES["tests.yml"])["jobs"]["tests"]
    steps = {step["name"]: step["run"] for step in job["steps"] if "run" in step}
    programs, shared = tmp_path / "programs", tmp_path / "environment"
    programs.mkdir()
    (programs / "fakepersonalize").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fakepersonalize "$@"\n'
    )
    (programs / "fakepersonalize").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAKEP"))} | {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(fakepersonalize.__file__).parents[1]),
        "GITHUB_ENV": str(shared),
    }

    def run(step: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        # As GitHub runs steps: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", f"{steps[step]}\necho $! >pid"]
        return subprocess.run(shell, cwd=tmp_path, env=environment | more, capture_output=True, timeout=60)

    started = run("Start")
    server = int((tmp_path / "pid").read_text())
    try:
        assert started.returncode == 0, started.stderr
        found = dict(line.split("=", 1) for line in shared.read_text().splitlines())
        tested = run("Test", **found)
        assert tested.returncode == 0, tested.stderr
    finally:
        os.kill(server, signal.SIGTERM)


# The image


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last(name: str) -> str:
    return [value for instruction, value in instructions() if instruction == name][-1]


def test_the_image_runs_as_a_user_without_rights() -> None:
    names = [name for name, _ in instructions()]
    assert last("USER") == "personalize"
    assert max(place for place, name in enumerate(names) if name == "RUN") < names.index("USER")
    assert re.search(r"useradd .*\bpersonalize\b", last("RUN"))


def test_the_image_starts_a_server_with_settings_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict(word.split("=", 1) for word in shlex.split(last("ENV")))
    own = {name: value for name, value in given.items() if name.startswith("FAKEPERSONALIZE_")}
    settings = Settings.from_environment(own)
    assert (settings.host, settings.data_dir) == ("0.0.0.0", "/data")
    assert {f"FAKEPERSONALIZE_{name.upper()}" for name in ("host", "data_dir")} == set(own)
    program, *arguments = [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD"))]
    assert program == "fakepersonalize"
    assert _parser().parse_args(arguments).command.__name__ == "serve"
    assert last("EXPOSE") == str(settings.port)
    assert last("VOLUME") == settings.data_dir


def test_the_image_is_healthy_while_the_server_is_ready() -> None:
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]

    def check(port: int) -> int:
        code = command[2].replace(f":{Settings().port}/", f":{port}/")
        return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode

    with running(Settings(port=0)) as server:
        assert check(server.port) == 0
        server.emulator.ready = False
        assert check(server.port) != 0
    assert check(9) != 0


def test_what_the_build_copies_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    needed = ["setup.cfg", "pyproject.toml", "README.md", "LICENSE", "fakepersonalize", "fixtures"]
    assert not set(needed) & set(ignored)
    assert all((ROOT / name).exists() for name in needed)


# The examples


@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
def test_the_javascript_example_runs_where_the_sdk_is_there(tmp_path: Path) -> None:
    write(tmp_path)
    subprocess.run(["node", "--check", "groups.mjs"], cwd=tmp_path, check=True, timeout=60)
    script = "import('@aws-sdk/client-personalize').then(() => 0, () => process.exit(3))"
    modules = {"NODE_PATH": os.environ.get("NODE_PATH", "")}
    if subprocess.run(["node", "-e", script], cwd=tmp_path, env=os.environ | modules).returncode:
        pytest.skip("the AWS SDK for JavaScript is not here; the syntax is right")
    with running(Settings(port=0, setup=str(tmp_path / "setup.yaml"))) as server:
        environment = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "123456789012", "AWS_REGION": "us-east-1"}
        environment |= {"AWS_SECRET_ACCESS_KEY": "anything"}
        ran: Any = subprocess.run(
            ["node", "--test", "groups.mjs"], cwd=tmp_path, env=os.environ | environment, timeout=60
        )
        assert ran.returncode == 0


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK here")
def test_the_java_example_is_java(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Parse.java").write_text(PARSE)
    command = ["java", "Parse.java", "GroupsTest.java"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    assert ran.returncode == 0, ran.stderr
