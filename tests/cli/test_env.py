"""What `env` prints leads AWS's tools to the server, in each shell's own language."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize.cli.env import SHELLS, detected_shell, lines, variables
from fakepersonalize.cli.main import main
from fakepersonalize.server import running
from fakepersonalize.settings import Settings

AWKWARD = r"it's \ $HOME `date` \'"


def read_sh(line: str) -> tuple[str, str]:
    command, assignment = shlex.split(line)
    assert command == "export"
    name, _, value = assignment.partition("=")
    return name, value


def read_fish(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"set -gx (\w+) '((?:[^'\\]|\\['\\])*)';", line)
    assert found
    return found[1], re.sub(r"\\(['\\])", r"\1", found[2])


def read_powershell(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"\$env:(\w+) = '((?:[^']|'')*)'", line)
    assert found
    return found[1], found[2].replace("''", "'")


def read_dotenv(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


READERS: dict[str, Callable[[str], tuple[str, str]]] = {
    "sh": read_sh,
    "fish": read_fish,
    "powershell": read_powershell,
    "dotenv": read_dotenv,
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("region", ["eu-west-1", AWKWARD])
def test_each_shell_reads_back_the_same_variables(shell: str, region: str) -> None:
    settings = Settings(host="::1", port=1234)
    read = dict(READERS[shell](line) for line in lines(settings, shell, region))
    assert read == variables(settings, region)


def test_the_variables_are_those_that_aws_tools_know() -> None:
    assert variables(Settings(port=1234), "eu-west-1") == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1234",
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
    }


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("box.test", "http://box.test:80")],
)
def test_the_endpoint_is_an_address_that_can_be_called(host: str, url: str) -> None:
    assert variables(Settings(host=host, port=80))["AWS_ENDPOINT_URL"] == url


@pytest.mark.parametrize(
    ("environ", "system", "shell"),
    [
        ({"SHELL": "/usr/bin/fish"}, "posix", "fish"),
        ({"SHELL": "/bin/zsh"}, "posix", "sh"),
        ({}, "posix", "sh"),
        ({}, "nt", "powershell"),
        ({"SHELL": "/usr/bin/bash"}, "nt", "sh"),
    ],
)
def test_the_shell_in_use_is_found(environ: dict[str, str], system: str, shell: str) -> None:
    assert detected_shell(environ, system) == shell


@pytest.mark.skipif(not shutil.which("sh"), reason="no sh here")
def test_a_real_shell_takes_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--shell", "sh", "--host", "::1", "--port", "1"]) == 0
    script = 'eval "$1"; printf %s "$AWS_ENDPOINT_URL $AWS_DEFAULT_REGION"'
    ran = subprocess.run(["sh", "-c", script, "sh", capsys.readouterr().out], capture_output=True, check=True)
    assert ran.stdout == b"http://[::1]:1 us-east-1"


def test_the_printed_variables_lead_boto3_to_a_server_with_a_port_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with running(Settings(port=0)) as server:
        (tmp_path / "port").write_text(f"{server.port}\n")
        assert main(["env", "--shell", "dotenv", "--port-file", str(tmp_path / "port")]) == 0
        for line in capsys.readouterr().out.splitlines():
            monkeypatch.setenv(*read_dotenv(line))
        personalize = boto3.Session().client("personalize")
        group = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    assert group == "arn:aws:personalize:us-east-1:123456789012:dataset-group/films"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "0"], "Port 0"),
        (["--port-file", "nowhere"], "nowhere cannot be used"),
        (["--port-file", __file__], "it holds no port"),
    ],
)
def test_a_port_that_is_not_known_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env", *arguments]) == 1
    error: Any = capsys.readouterr()
    assert error.out == ""
    assert said in error.err
    assert error.err.count("\n") == 1


def test_endpoints_of_single_services_lead_there_too() -> None:
    foreign = {
        "AWS_ENDPOINT_URL_PERSONALIZE": "https://personalize.us-east-1.amazonaws.com",
        "AWS_ENDPOINT_URL_S3": "http://localhost:4566",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in foreign.items():
            environment.setenv(name, value)
        for name, value in variables(Settings(port=1234)).items():
            environment.setenv(name, value)
        urls = {boto3.client(service).meta.endpoint_url for service in ("personalize", "s3", "personalize-events")}
    assert urls == {"http://127.0.0.1:1234"}
