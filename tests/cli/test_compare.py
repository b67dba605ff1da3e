"""`fakepersonalize compare`: files in, a table and a picture out, and what it refuses."""

from __future__ import annotations

import gzip
import json
import shlex
import zipfile
from pathlib import Path

import pytest
import shops

from fakepersonalize.cli.main import main
from fakepersonalize.cli.ratings import read

ROWS = shops.series()
ITEMS = "ITEM_ID,GENRE,PRICE,TITLE,CREATION_TIMESTAMP\n" + "".join(
    f"i{n},{'odd' if n % 2 else 'even'}|all,{n}.5,The tale of item {n},{1_500_000_000 + n}\n" for n in range(150)
)
NAMES = "hrnn,sims"


@pytest.fixture
def interactions(tmp_path: Path) -> Path:
    path = tmp_path / "interactions.csv"
    path.write_text(shops.csv(ROWS))
    return path


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["compare", "--data", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["compare", "--data", *map(str, arguments)]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1
    return said.err


def test_recipes_stand_beside_popularity_and_chance(interactions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ran(capsys, interactions, "--recipes", NAMES)
    assert "interactions.csv: 1,500 interactions, 60 users, 150 items" in said
    rows = [
        line.split()[0] for line in said.splitlines() if line.startswith(("hrnn ", "sims ", "popularity", "random"))
    ]
    assert {*rows[:2]} == {"hrnn", "sims"}
    assert {*rows[2:4]} == {"popularity-count", "random"}
    assert "hrnn is ahead of popularity" in said
    assert max(map(len, said.splitlines())) <= 80


def test_the_same_twice_and_other_users_with_another_seed(
    interactions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def figures(seed: int) -> list[str]:
        said = ran(capsys, interactions, "--recipes", "sims", "--seed", seed).splitlines()
        return [line.rpartition("%")[0] for line in said if line.startswith(("sims", "random"))]

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)


def test_what_the_page_says_can_be_typed(
    interactions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    monkeypatch.chdir(interactions.parent)
    Path("items.csv").write_text(ITEMS)
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text("utf-8")
    commands = [line.strip() for line in page.splitlines() if line.startswith("    fakepersonalize compare")]
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
    assert "similar-items *" in capsys.readouterr().out
    assert Path("recipes.png").stat().st_size > 1000


def test_a_picture_is_drawn(interactions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    picture = tmp_path / "recipes.png"
    assert f"Drawn to {picture}" in ran(capsys, interactions, "--recipes", "sims", "--plot", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_items_tell_what_they_are_like(interactions: Path, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(ITEMS)
    data = read(interactions, path).data
    assert data.item_features is not None
    assert data.item_features.shape[0] == 150
    assert data.item_times is not None
    assert sorted(data.item_times) == [1_500_000_000 + n for n in range(150)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ratings.csv", "userId,movieId,rating,timestamp\n1,7,4.5,100\n1,8,3,200\n2,7,5,300\n"),
        ("ratings.dat", "1::7::5::100\n1::8::3::200\n2::7::5::300\n"),
        ("u.data", "1\t7\t5\t100\n1\t8\t3\t200\n2\t7\t5\t300\n"),
        ("rows.csv", "TIMESTAMP,USER_ID,EVENT_TYPE,ITEM_ID\n100,1,x,7\n200.0,1,,8\n300,2,x,7\n"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_layouts_mean_the_same(tmp_path: Path, name: str, text: str, packed: bool) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read(path, None)
    assert (found.users, found.items) == (["1", "2"], ["7", "8"])
    assert found.data.items.tolist() == [0, 1, 0]
    assert found.data.times.tolist() == [100, 200, 300]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ml-latest-small/ratings.csv", "userId,movieId,rating,timestamp\n1,7,4.5,100\n1,8,3,200\n2,7,5,300\n"),
        ("ml-1m/ratings.dat", "1::7::5::100\n1::8::3::200\n2::7::5::300\n"),
        ("ml-100k/u.data", "1\t7\t5\t100\n1\t8\t3\t200\n2\t7\t5\t300\n"),
    ],
)
def test_archives_of_movielens_are_read_as_they_are(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "ml.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml/README", "Not this one.")
        archive.writestr(name, text)
        archive.writestr(
            "ml/movies.csv", "movieId,title,genres\n7,Seven,Drama\n8,Eight,Drama\n9,Nine,War\n10,Ten,War\n"
        )
    found = read(path, path)
    assert (found.users, found.items) == (["1", "2"], ["7", "8"])
    assert found.data.times.tolist() == [100, 200, 300]
    assert found.data.item_features is not None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (shops.csv(ROWS).encode("utf-16"), "is UTF-16; save it as CSV in UTF-8"),
        (b"PAR1" + bytes(100), "is Parquet; save it as CSV in UTF-8"),
        ("USER_ID,ITEM_ID,TIMESTAMP\nJos\xe9,i,1\n".encode("latin-1"), "it is not UTF-8; save it as CSV in UTF-8"),
        (b"PK\x03\x04" + bytes(100), "cannot be read: File is not a zip file"),
        (gzip.compress(shops.csv(ROWS).encode())[:500], "cannot be read: Compressed file ended"),
    ],
)
def test_other_formats_and_encodings_are_called_by_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, sentence: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert sentence in refused(capsys, path)


def test_a_zip_file_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("films.txt", "Films.")
    assert "is a zip file with none of ratings.csv, ratings.dat, u.data in it" in refused(capsys, path)


def test_a_recipe_that_is_named_twice_is_compared_once(interactions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ran(capsys, interactions, "--recipes", "sims,aws-sims, sims,popularity-count")
    assert [line.split()[0] for line in said.splitlines() if line.startswith("sims ")].count("sims") == 2  # and verdict
    assert sum(line.startswith("popularity-count") for line in said.splitlines()) == 1


def test_popularity_alone_is_compared_with_nothing(interactions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--data", str(interactions), "--recipes", "aws-popularity-count"]) == 0
    assert "user by user" not in capsys.readouterr().out


def test_programs_read_json(interactions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(ran(capsys, interactions, "--recipes", "hrnn", "--json"))
    assert {name: found[name] for name in ("data", "interactions", "users", "items", "testUsers", "seed")} == {
        "data": "interactions.csv",
        "interactions": 1500,
        "users": 60,
        "items": 150,
        "testUsers": 6,
        "seed": 0,
    }
    best, *others = found["recipes"]
    assert (best["name"], {each["name"] for each in others}) == ("aws-hrnn", {"aws-popularity-count", "random"})
    reached = best["metrics"]["normalized_discounted_cumulative_gain_at_25"]
    assert 0 < reached["low"] <= reached["mean"] <= reached["high"] <= 1
    assert best["aheadOfPopularity"]["low"] > 0


BAD = {
    "a name too few": ("USER_ID,ITEM_ID\nu,i\n", "has no column TIMESTAMP"),
    "a name twice": ("USER_ID,ITEM_ID,user_id,TIMESTAMP\nu,i,u,1\n", "has no column USER_ID"),
    "no row": ("USER_ID,ITEM_ID,TIMESTAMP\n", "has no rows"),
    "words for times": ("USER_ID,ITEM_ID,TIMESTAMP\nu,i,today\n", "whole seconds"),
    "a cell too many": ("USER_ID,ITEM_ID,TIMESTAMP\nu,i,1,2\n", "cannot be read"),
    "nothing": ("", "cannot be read"),
    "letters of no alphabet": ("USER_ID,ITEM_ID,TIMESTAMP\n\udcff,i,1\n", "cannot be read"),
    "nobody twice": ("USER_ID,ITEM_ID,TIMESTAMP\nu,i,1\nv,i,2\n", "nothing to foretell"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD.keys())
def test_files_that_will_not_do(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert sentence in refused(capsys, path)


def test_items_that_nobody_met_are_the_wrong_ones(
    interactions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = tmp_path / "items.csv"
    items.write_text("ITEM_ID,GENRE\nanother,drama\n")
    assert "none of the items" in refused(capsys, interactions, "--items", items)


@pytest.mark.parametrize("users", [1, 50])
def test_few_users_tell_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], users: int) -> None:
    """A tenth of them is tested: one, or five."""
    path = tmp_path / "few.csv"
    path.write_text(shops.csv([row for row in ROWS if int(row[0][1:]) < users]))
    assert "sims cannot be told from popularity by so few users" in ran(capsys, path, "--recipes", "sims")


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in refused(capsys, tmp_path / "none.csv")
    assert "cannot be read" in refused(capsys, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--recipes", "nonsense"), "no recipe nonsense"),
        (("--recipes", "item-affinity"), "does not list items"),
        (("--recipes", ","), "no recipe without a name"),
        (("--recipes", "semantic-similarity"), "textual"),
        (("--seed", "-1"), "must not be negative"),
        (("--plot", "picture.gif"), "must end in"),
        (("--plot", "/no/such/folder/picture.png", "--recipes", "popularity-count"), "cannot be written"),
    ],
)
def test_what_is_refused(
    interactions: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert main(["compare", "--data", str(interactions), *arguments]) == 1
    assert sentence in capsys.readouterr().err
