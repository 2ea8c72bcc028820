"""The story is numbered for ever and kept for a while."""

import pytest

from teal.lab.world.story import AT_HAND, PACK, Story
from teal.lab.world.wires import WorldEvent

PIECES = [
    (0, 10, 3, [3, 4, 5, 6]),  # the oldest are gone: the number says so
    (4, 2, 4, [4, 5]),
    (6, 9, 6, [6]),
    (7, 9, 7, []),
    (99, 9, 7, []),  # nobody has got that far
]


def story(events: int, keep: int = 4) -> Story:
    """Return a story of so many events, of which some are kept."""
    made = Story(keep=keep)
    for number in range(events):
        made.append(WorldEvent(at_s=float(number), source="ecs", subject="web", message=""))
    return made


@pytest.mark.parametrize(("since", "most", "first", "numbers"), PIECES)
def test_a_piece_of_the_story(since: int, most: int, first: int, numbers: list[int]) -> None:
    """A reader gets what is kept from a number on, and the number of the first event of it."""
    assert (story(7).first, story(7).next) == (3, 7)
    found, events = story(7).since(since, most)
    assert (found, [int(each.at_s) for each in events]) == (first, numbers)


def test_it_is_a_sequence() -> None:
    """The events that are kept can be counted, looped over and picked; forgetting them frees no number."""
    made = story(7)
    assert (len(made), made[0].at_s, made[-1].at_s) == (4, 3.0, 6.0)
    assert [each.at_s for each in made[1:3]] == [4.0, 5.0]
    assert [each.at_s for each in made] == [3.0, 4.0, 5.0, 6.0]
    made.clear()
    assert (len(made), made.next) == (0, 7)


@pytest.mark.parametrize("since", [0, PACK - 1, PACK, 2 * PACK + 7, 3 * PACK + AT_HAND - 1])
def test_packed_events_are_read_as_if_they_were_at_hand(since: int) -> None:
    """Where the story is packed cannot be told from its pieces; with the oldest pack the numbers move on."""
    told = 5 * PACK + AT_HAND
    made = story(told, keep=3 * PACK + AT_HAND)
    assert len(made) <= 3 * PACK + AT_HAND
    assert made.first + len(made) == made.next == told
    found, events = made.since(since, PACK + 3)
    assert found == max(since, made.first)
    assert [int(each.at_s) for each in events] == list(range(told))[found : found + PACK + 3]
    assert [int(each.at_s) for each in made] == list(range(made.first, told))
    assert [int(each.at_s) for each in made[::-1]] == list(range(told - 1, made.first - 1, -1))
    assert made[since % len(made)].at_s == made.first + since % len(made)
