import pytest

from fakepersonalize.errors import ThrottlingException
from fakepersonalize.resources.quotas import RATES
from fakepersonalize.resources.rates import Rates


class Watch:
    now = 100.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def call(rates: Rates, operation: str, campaign: str = "a", times: int = 1) -> None:
    for _ in range(times):
        rates.count(operation, {"region": "home", "campaign": campaign, "dataset group": campaign})


@pytest.mark.parametrize("operation", RATES)
def test_one_call_more_than_a_second_may_have_is_refused_until_the_next(operation: str, watch: Watch) -> None:
    rates, most = Rates(watch, on=True), RATES[operation][0].most
    call(rates, operation, times=most)
    with pytest.raises(ThrottlingException, match=r"^Rate exceeded$"):
        call(rates, operation)
    call(rates, operation, campaign="b")
    watch.now += 0.8
    call(rates, operation)


def test_all_operations_that_recommend_share_what_a_region_may_have(watch: Watch) -> None:
    rates = Rates(watch, on=True)
    for number in range(4):
        call(rates, "GetRecommendations", f"campaign{number}", 500)
    call(rates, "GetPersonalizedRanking", "campaign0", 500)
    with pytest.raises(ThrottlingException):
        call(rates, "GetActionRecommendations", "other")


def test_a_call_that_is_refused_does_not_count(watch: Watch) -> None:
    rates = Rates(watch, on=True)
    call(rates, "PutItems", times=10)
    for _ in range(5):
        with pytest.raises(ThrottlingException):
            call(rates, "PutItems")
    assert max(rates._calls.values()) == 10


def test_nothing_is_counted_unless_it_is_asked_for(watch: Watch) -> None:
    call(Rates(watch, on=False), "PutItems", times=50)
