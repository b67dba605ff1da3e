"""What a training refuses."""

import pytest

from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs.training_minima import check_side_rows


def test_two_of_the_old_recipes_take_five_gigabytes_of_items_and_users() -> None:
    check_side_rows("aws-hrnn-metadata", 5 * 10**9)
    check_side_rows("aws-hrnn", 6 * 10**9)
    with pytest.raises(JobFailed, match="cannot be larger than 5 GB"):
        check_side_rows("aws-hrnn-coldstart", 5 * 10**9 + 1)
