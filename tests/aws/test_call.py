"""Pages and batches."""

from typing import Any

import pytest

from aws.canned import LISTENER, Canned, rule
from teal.aws.call import batches, in_turn, listed
from teal.errors import UnknownAnswerError

PARAMS = {"ListenerArn": LISTENER}


def _pages(tokens: dict[str | None, dict[str, Any]]) -> Canned:
    return Canned({"elbv2:DescribeRules": lambda params: tokens[params.get("Marker")]})


def test_all_pages_are_read() -> None:
    """The pages are asked for one by one, with the parameters of the first."""
    canned = _pages({
        None: {"Rules": [rule(1)], "NextMarker": "m1"},
        "m1": {"Rules": [], "NextMarker": "m2"},
        "m2": {"Rules": [rule(2)]},
    })  # fmt: skip
    found = listed(canned, "elbv2", "DescribeRules", PARAMS, "Rules")
    assert [fields.text("Priority") for fields in found] == ["1", "2"]
    assert [params.get("Marker") for params in canned.sent("elbv2:DescribeRules")] == [None, "m1", "m2"]
    assert all(params["ListenerArn"] == LISTENER for params in canned.sent("elbv2:DescribeRules"))


def test_empty_token_ends() -> None:
    """An empty token is no token."""
    assert listed(_pages({None: {"Rules": [], "NextMarker": ""}}), "elbv2", "DescribeRules", PARAMS, "Rules") == ()


def test_circles_are_unknown() -> None:
    """Pages that lead back to where they were are not followed for ever."""
    canned = _pages({None: {"Rules": [], "NextMarker": "m"}, "m": {"Rules": [], "NextMarker": "m"}})
    with pytest.raises(UnknownAnswerError, match="circles"):
        listed(canned, "elbv2", "DescribeRules", PARAMS, "Rules")


def test_endless_pages_are_unknown() -> None:
    """There is a last page, whatever AWS says."""
    endless = Canned({
        "elbv2:DescribeRules": lambda params: {"Rules": [], "NextMarker": f"{params.get('Marker', '')}x"[-1200:]}
    })  # fmt: skip
    with pytest.raises(UnknownAnswerError, match="1000 pages"):
        listed(endless, "elbv2", "DescribeRules", PARAMS, "Rules")


def test_page_without_its_list_is_unknown() -> None:
    """A garbled second page does not end the list quietly."""
    canned = _pages({None: {"Rules": [rule()], "NextMarker": "m"}, "m": {}})
    with pytest.raises(UnknownAnswerError, match="Rules is missing"):
        listed(canned, "elbv2", "DescribeRules", PARAMS, "Rules")


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_batches(count: int, sizes: list[int]) -> None:
    """Batches hold everything once, in order."""
    cut = batches(range(count), 10)
    assert [len(batch) for batch in cut] == sizes
    assert [item for batch in cut for item in batch] == list(range(count))


def test_in_turn() -> None:
    """Calls made in turn return in order."""
    assert in_turn([lambda: 1, lambda: 2]) == [1, 2]
