"""Places for what lasts: of each kind, and of all together."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from epntap.answer.admission import ALL_THAT_LASTS, WHAT_COMPUTES, Admission, Place, threads_for


@pytest.mark.parametrize("lasting", [*range(1, 40), 64, 100, 1000])
def test_a_quarter_of_the_threads_and_at_least_four_are_for_what_is_short(lasting: int) -> None:
    threads = threads_for(lasting)
    assert threads - lasting >= max(4, threads / 4)
    assert threads - 1 - lasting < max(4, (threads - 1) / 4), "and no more than that"
    assert Admission.of(lasting, cores=1).most == lasting


def test_impossible_numbers_are_refused_when_they_are_named() -> None:
    with pytest.raises(ValueError, match=r"^Of 40 threads at least 10 must be kept for what is short, but 8 is\.$"):
        Admission(40, 8, cores=2)
    with pytest.raises(ValueError, match="Of 4 threads at least 4 must be kept"):
        Admission(4, 4, cores=2)
    admission = Admission.of(8, cores=2)
    with pytest.raises(ValueError, match=r"^9 places for waits were asked for, but all that lasts has 8\.$"):
        admission.kind("waits", 9)
    with pytest.raises(ValueError, match="0 places"):
        admission.kind("waits", 0)
    admission.kind("waits", 8)
    with pytest.raises(ValueError, match=r"^There are places for waits already\.$"):
        admission.share("waits", 1 / 4)


def test_a_share_has_one_place_at_least() -> None:
    assert Admission.of(1, cores=1).share("bulk", 1 / 8).most == 1
    assert Admission.of(32, cores=1).share("bulk", 1 / 8).most == 4
    assert Admission.of(33, cores=1).share("waits", 1 / 4).most == 8


def test_kinds_overlap_and_the_sum_decides() -> None:
    admission = Admission.of(4, cores=2)
    waits, cuts = admission.kind("waits", 3), admission.kind("cuts", 3)
    assert [waits.acquire() for _ in range(4)] == [True, True, True, False]
    assert [cuts.acquire(), cuts.acquire()] == [True, False], "one of four is left, though three may cut"
    total = admission.kinds[ALL_THAT_LASTS]
    assert (waits.in_use, cuts.in_use, total.in_use, total.most) == (3, 1, 4, 4)
    assert (waits.refused, cuts.refused, total.refused) == (1, 1, 1), "of the first only its own kind was full"
    waits.release()
    assert cuts.acquire()
    assert (waits.in_use, cuts.in_use, total.in_use) == (2, 2, 4)


def test_what_computes_has_a_cap_by_cores_over_all_its_kinds() -> None:
    admission = Admission.of(32, cores=1)
    cuts, pictures, waits = (admission.kind(name, 8, computes=name != "waits") for name in ("cuts", "pics", "waits"))
    assert [cuts.acquire() for _ in range(3)] == [True] * 3
    assert [pictures.acquire() for _ in range(2)] == [True, False]
    assert waits.acquire()
    computing = admission.kinds[WHAT_COMPUTES]
    assert (computing.in_use, computing.most, computing.refused) == (4, 4, 1)
    cuts.release()
    assert pictures.acquire()


def test_what_is_only_counted_takes_no_thread() -> None:
    admission = Admission.of(1, cores=1)
    queries, slow = admission.counted("queries", 24), admission.kind("slow", 1)
    assert slow.acquire()
    assert all(queries.acquire() for _ in range(24))
    assert not queries.acquire()
    assert admission.kinds[ALL_THAT_LASTS].in_use == 1


def test_who_is_patient_gets_what_another_kind_gives_back() -> None:
    admission = Admission.of(1, cores=1)
    waits, uploads = admission.kind("waits", 1), admission.kind("uploads", 1)
    assert waits.acquire()
    began = time.monotonic()
    assert not uploads.acquire(0.05)
    assert time.monotonic() - began >= 0.05
    threading.Timer(0.05, waits.release).start()
    assert uploads.acquire(30)
    assert (waits.in_use, uploads.in_use) == (0, 1)


def test_a_place_is_taken_once_and_given_back_once() -> None:
    slots = Admission.of(1, cores=1).kind("slow", 1)
    place, other = Place(slots), Place(slots)
    assert place.take()
    assert place.take()
    assert slots.in_use == 1
    assert not other.take()
    place.close()
    place.close()
    assert slots.in_use == 0
    assert place.take(), "what is over needs no place"
    assert slots.in_use == 0


def test_many_threads_never_hold_more_than_there_is() -> None:
    admission = Admission.of(6, cores=1)
    kinds = [admission.kind(name, most, computes=name < "c") for name, most in (("a", 4), ("b", 5), ("c", 3), ("d", 6))]
    total, computing = admission.kinds[ALL_THAT_LASTS], admission.kinds[WHAT_COMPUTES]
    held = 0
    lock = threading.Lock()

    def work(seed: int) -> int:
        nonlocal held
        chance, taken = random.Random(seed), 0
        for _ in range(300):
            slots = chance.choice(kinds)
            if not slots.acquire(chance.choice([0, 0.001])):
                continue
            with lock:
                held += 1
                assert held <= 6
            taken += 1
            assert all(one.in_use <= one.most for one in (*kinds, total, computing))
            time.sleep(0)
            with lock:
                held -= 1
            slots.release()
        return taken

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(work, range(16))) > 1000
    assert {one.in_use for one in (*kinds, total, computing)} == {0}
