import re
import threading
import uuid
from collections.abc import Callable

from fakepersonalize.resources.identifiers import Identifiers

PLACE = ("123456789012", "eu-west-1", "version", "films")


def made(identifiers: Identifiers, amount: int, *place: str) -> list[str]:
    return [identifiers.uuid(*place) for _ in range(amount)]


def in_threads(amount: int, work: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(amount)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_ids_are_uuids_of_version_four() -> None:
    for identifiers in (Identifiers(None), Identifiers(7)):
        found = uuid.UUID(identifiers.uuid(*PLACE))
        assert (found.version, found.variant) == (4, uuid.RFC_4122)


def test_short_ids_are_eight_hexadecimal_digits() -> None:
    assert all(re.fullmatch("[0-9a-f]{8}", Identifiers(seed).hex8(*PLACE)) for seed in (None, 0, 1, 2))


def test_without_a_seed_no_two_are_alike() -> None:
    assert len({*made(Identifiers(None), 100, *PLACE), *made(Identifiers(None), 100, *PLACE)}) == 200


def test_with_a_seed_all_is_repeated() -> None:
    assert made(Identifiers(7), 5, *PLACE) == made(Identifiers(7), 5, *PLACE)


def test_seeds_places_and_turns_make_a_difference() -> None:
    found = [*made(Identifiers(7), 3, *PLACE), *made(Identifiers(8), 3, *PLACE), *made(Identifiers(7), 3, "a", "b")]
    found += made(Identifiers(7), 3, "ab")
    assert len(set(found)) == 12


def test_a_place_gets_the_same_ids_whatever_other_places_and_threads_do() -> None:
    alone = {str(place): made(Identifiers(7), 50, str(place)) for place in range(8)}
    shared, together = Identifiers(7), dict[str, list[str]]()

    def work(place: int) -> None:
        together[str(place)] = made(shared, 50, str(place))

    in_threads(8, work)
    assert together == alone


def test_threads_that_share_a_place_share_its_ids() -> None:
    shared, found = Identifiers(7), list[str]()
    in_threads(8, lambda _: found.extend(made(shared, 50, *PLACE)))
    assert sorted(found) == sorted(made(Identifiers(7), 400, *PLACE))


def test_another_run_of_a_folder_repeats_no_id_of_an_earlier_one() -> None:
    first = set(made(Identifiers(7), 50, *PLACE))
    assert not first & set(made(Identifiers(7, past=12), 50, *PLACE))
    assert made(Identifiers(7, past=12), 5, *PLACE) == made(Identifiers(7, past=12), 5, *PLACE)


def test_after_a_reset_all_begins_again_as_in_a_new_folder() -> None:
    identifiers = Identifiers(7, past=12)
    made(identifiers, 5, *PLACE)
    identifiers.clear()
    assert made(identifiers, 5, *PLACE) == made(Identifiers(7), 5, *PLACE)
