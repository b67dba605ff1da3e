"""Made-up films, viewers and ratings in the layout of the MovieLens archives, whose own data may not be handed on.

The layouts are those of the archives' README files, https://grouplens.org/datasets/movielens/. Nothing is copied:
tastes, titles and times are drawn at random, from a seed of its own for each archive: every run writes the same.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

NOTE = """\
MADE-UP DATA, not MovieLens. fakepersonalize drew these users, films and ratings at random, in the layout and about the
size of the archive {name} of https://grouplens.org/datasets/movielens/, and nobody has a claim on them. Do not publish
results on them as results on MovieLens.
"""
DAY = 86_400


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GENRES = _words("""
    Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery
    Romance Sci-Fi Thriller War Western
""")
BEFORE = ("", "The ", "Last ", "Return of the ", "My ")
ADJECTIVES = _words("""
    Amber Blind Broken Burning Cold Crooked Distant Electric Empty Endless Faded Foreign Forgotten Frozen Gentle
    Golden Hidden Hollow Iron Jealous Little Lonely Lost Lucky Midnight Narrow Nervous Painted Paper Patient Quiet
    Restless Salt Scarlet Second Silent Silver Sleeping Slow Stolen Strange Tender Thirsty Velvet Wandering Wicked
    Winter Wooden
""")
NOUNS = _words("""
    Anchor Balcony Bargain Bridge Cannery Chapel Clockmaker Compass Corridor Customer Ferry Fiddler Garden Ghost
    Harbour Harvest Horizon Island Jury Keeper Ladder Lantern Letter Lighthouse Machine Mechanic Meadow Memory
    Mirror Orchard Passenger Pilgrim Pilot Planet Promise Railway Refuge Rival River Secretary Shadow Station
    Stranger Summer Tailor Telegram Tenant Tide Train Umbrella Valley Violin Waltz Witness
""")
OCCUPATIONS = _words("""
    administrator artist doctor educator engineer executive lawyer librarian other programmer student writer
""")
SEXES = ("M", "F")
AGES = (1, 18, 25, 35, 45, 50, 56)  # of ml-1m, which has ranges
TAGS = ("slow", "funny", "moving", "atmospheric", "great music", "predictable", "quotable", "again")


class Shape(NamedTuple):
    """How large an archive is, and when its ratings begin (seconds since 1970)."""

    users: int
    films: int
    ratings: int
    start: int
    days: int


SHAPES = {
    "ml-100k": Shape(943, 1_682, 100_000, 874_724_710, 214),
    "ml-1m": Shape(6_040, 3_883, 1_000_209, 956_703_932, 1_030),
    "ml-latest-small": Shape(610, 9_742, 100_836, 828_124_615, 8_200),
}


@dataclass(frozen=True)
class Drawn:
    """Ratings, ordered by user and time, and films; users are numbered from 1, films by `film_ids`."""

    users: np.ndarray  # int64[n]
    films: np.ndarray  # int64[n], places in the lists below
    stars: np.ndarray  # float64[n], 0.5 to 5
    times: np.ndarray  # int64[n], seconds since 1970
    film_ids: list[int]
    titles: list[str]
    years: list[int]
    genres: list[list[str]]
    rng: np.random.Generator
    shape: Shape


def write(name: str, folder: Path) -> list[Path]:
    """Write the files of one of `SHAPES` into a folder, which is made; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file, content in files(name).items():
        (folder / file).write_bytes(content)
        written.append(folder / file)
    return written


def archive(name: str) -> bytes:
    """Return one of `SHAPES` as the zip file that GroupLens offers: one folder of the same name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for file, content in files(name).items():
            target.writestr(zipfile.ZipInfo(f"{name}/{file}", (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 1)
    return packed.getvalue()


def files(name: str) -> dict[str, bytes]:
    """Return the files of one of `SHAPES` by their names."""
    layouts: Mapping[str, Callable[[Drawn], dict[str, str]]] = {
        "ml-100k": _ml_100k,
        "ml-1m": _ml_1m,
        "ml-latest-small": _ml_latest_small,
    }
    return {file: text.encode("latin-1") for file, text in layouts[name](_draw(name)).items()}


def _draw(name: str) -> Drawn:
    import numpy as np

    shape, rng = SHAPES[name], np.random.default_rng(zlib.crc32(name.encode()))
    of_genre = _genres(rng, shape.films)
    popularity = -0.9 * np.log(rng.permutation(shape.films) + 8.0)
    counts = _counts(rng, shape)
    users, films, stars, times = [], [], [], []
    for user, count in enumerate(counts, start=1):
        taste = 1.5 * rng.normal(size=len(GENRES))
        liking = of_genre @ taste / of_genre.sum(axis=1)
        wanted = popularity + liking + rng.gumbel(size=shape.films)
        chosen = np.argpartition(-wanted, count)[:count]
        # Evenings of one genre, the favourite ones first: what comes next can be learnt.
        chosen = chosen[np.argsort(-(of_genre * taste).argmax(axis=1)[chosen] + rng.random(count), kind="stable")]
        users.append(np.full(count, user))
        films.append(chosen)
        stars.append(np.clip(np.round(2 * (3.5 + 0.5 * liking[chosen] + 0.6 * rng.normal(size=count))) / 2, 0.5, 5))
        times.append(_times(rng, shape, count))
    years = 1935 + (63 * rng.random(shape.films) ** 0.4).astype(int)
    return Drawn(
        np.concatenate(users),
        np.concatenate(films),
        np.concatenate(stars),
        np.concatenate(times),
        _film_ids(rng, name, shape.films),
        [f"{title} ({year})" for title, year in zip(_titles(rng, shape.films), years.tolist())],
        years.tolist(),
        [[GENRES[code] for code in row.nonzero()[0]] for row in of_genre],
        rng,
        shape,
    )


def _genres(rng: np.random.Generator, films: int) -> np.ndarray:
    """Return float64[films, genres], 1 where a film has a genre: one to three each."""
    import numpy as np

    found = np.zeros((films, len(GENRES)))
    for share in (1.0, 0.5, 0.2):
        chosen = rng.random(films) < share
        found[chosen, rng.choice(len(GENRES), chosen.sum(), p=_shares(len(GENRES)))] = 1
    return found


def _shares(count: int) -> np.ndarray:
    import numpy as np

    weights = 1 / (np.arange(count) * 7 % count + 2.0)
    found: np.ndarray = weights / weights.sum()
    return found


def _counts(rng: np.random.Generator, shape: Shape) -> list[int]:
    """Return how many films each user rates: 20 at least, as many as the archive has together."""
    import numpy as np

    free = shape.ratings - 20 * shape.users
    weights = rng.lognormal(0, 1.1, shape.users)
    counts = 20 + np.minimum(free * weights / weights.sum(), shape.films // 3).astype(int)
    for place in np.resize(np.argsort(counts), shape.ratings - counts.sum()):
        counts[place] += 1
    found: list[int] = counts.tolist()
    return found


def _times(rng: np.random.Generator, shape: Shape, count: int) -> np.ndarray:
    """Return the times of one user: a few evenings, minutes between two ratings."""
    import numpy as np

    evenings = np.sort(rng.integers(0, max(1, shape.days - 30) * DAY) + rng.integers(0, 30 * DAY, 1 + count // 15))
    evening = np.sort(rng.integers(0, len(evenings), count))
    return np.sort(shape.start + evenings[evening] + rng.integers(0, 3 * 3600, count))


def _titles(rng: np.random.Generator, films: int) -> list[str]:
    """Return different titles."""
    places = rng.permutation(len(BEFORE) * len(ADJECTIVES) * len(NOUNS))[:films].tolist()
    nouns, adjectives = len(NOUNS), len(ADJECTIVES)
    return [
        f"{BEFORE[place // nouns // adjectives]}{ADJECTIVES[place // nouns % adjectives]} {NOUNS[place % nouns]}"
        for place in places
    ]


def _film_ids(rng: np.random.Generator, name: str, films: int) -> list[int]:
    """Return ascending numbers: without gaps in ml-100k, with some in ml-1m, with large ones in ml-latest-small."""
    import numpy as np

    if name == "ml-100k":
        return list(range(1, films + 1))
    if name == "ml-1m":
        found: list[int] = np.sort(rng.choice(np.arange(1, 3953), films, replace=False)).tolist()
        return found
    late = np.sort(rng.choice(np.arange(films, 190_000), films // 4, replace=False))
    return [*range(1, films - len(late) + 1), *late.tolist()]


def _ratings(drawn: Drawn, between: str, stars: Sequence[float] | Sequence[int]) -> str:
    ids = [drawn.film_ids[film] for film in drawn.films.tolist()]
    rows = zip(drawn.users.tolist(), ids, stars, drawn.times.tolist())
    return "".join(f"{user}{between}{film}{between}{star}{between}{time}\n" for user, film, star, time in rows)


def _whole(drawn: Drawn) -> list[int]:
    import numpy as np

    found: list[int] = np.maximum(1, np.floor(drawn.stars)).astype(int).tolist()
    return found


def _ml_100k(drawn: Drawn) -> dict[str, str]:
    """u.data is in no order; the last 19 columns of u.item are genres, the first of them "unknown"."""
    rng, shape = drawn.rng, drawn.shape
    genres = ["unknown", *GENRES]
    lines = _ratings(drawn, "\t", _whole(drawn)).splitlines(keepends=True)
    films = zip(drawn.film_ids, drawn.titles, drawn.years, drawn.genres)
    people = [
        f"{user}|{rng.integers(12, 70)}|{rng.choice(SEXES)}|{rng.choice(OCCUPATIONS)}|{rng.integers(10_000, 99_999)}\n"
        for user in range(1, shape.users + 1)
    ]
    return {
        "README": NOTE.format(name="ml-100k"),
        "u.data": "".join(lines[place] for place in rng.permutation(len(lines)).tolist()),
        "u.info": f"{shape.users} users\n{shape.films} items\n{shape.ratings} ratings\n",
        "u.item": "".join(
            f"{film}|{title}|01-Jan-{year}||http://films.invalid/{film}|{'|'.join('01'[g in own] for g in genres)}\n"
            for film, title, year, own in films
        ),
        "u.genre": "".join(f"{genre}|{code}\n" for code, genre in enumerate(genres)),
        "u.user": "".join(people),
        "u.occupation": "".join(f"{occupation}\n" for occupation in OCCUPATIONS),
    }


def _ml_1m(drawn: Drawn) -> dict[str, str]:
    rng, films = drawn.rng, zip(drawn.film_ids, drawn.titles, drawn.genres)
    people = [
        f"{user}::{rng.choice(SEXES)}::{rng.choice(AGES)}::{rng.integers(21)}::{rng.integers(10_000, 99_999)}\n"
        for user in range(1, drawn.shape.users + 1)
    ]
    return {
        "README": NOTE.format(name="ml-1m"),
        "ratings.dat": _ratings(drawn, "::", _whole(drawn)),
        "movies.dat": "".join(f"{film}::{title}::{'|'.join(genres)}\n" for film, title, genres in films),
        "users.dat": "".join(people),
    }


def _ml_latest_small(drawn: Drawn) -> dict[str, str]:
    rng = drawn.rng
    tagged = sorted(rng.choice(len(drawn.users), 3_683, replace=False).tolist())
    tags = [
        f"{drawn.users[row]},{drawn.film_ids[drawn.films[row]]},{rng.choice(TAGS)},{drawn.times[row] + 60}\n"
        for row in tagged
    ]
    films = zip(
        drawn.film_ids, drawn.titles, ("|".join(genres).replace("Children's", "Children") for genres in drawn.genres)
    )
    return {
        "README.txt": NOTE.format(name="ml-latest-small"),
        "ratings.csv": "userId,movieId,rating,timestamp\n" + _ratings(drawn, ",", drawn.stars.tolist()),
        "movies.csv": "movieId,title,genres\n" + "".join(f"{film},{title},{genres}\n" for film, title, genres in films),
        "tags.csv": "userId,movieId,tag,timestamp\n" + "".join(tags),
        "links.csv": "movieId,imdbId,tmdbId\n" + "".join(f"{film},{film:07d},{film}\n" for film in drawn.film_ids),
    }
