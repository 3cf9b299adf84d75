"""The public API is what docs/api.txt says, so that no change of it goes unnoticed."""

from __future__ import annotations

from api_snapshot import PAGE, snapshot


def test_the_api_is_that_of_the_snapshot() -> None:
    now, then = snapshot().splitlines(), PAGE.read_text(encoding="utf-8").splitlines()
    renew = "renew it by: .venv/bin/python tests/api_snapshot.py"
    assert sorted(set(now) - set(then)) == [], f"not in {PAGE.name}; {renew}, and add the change to CHANGELOG.md"
    assert sorted(set(then) - set(now)) == [], f"only in {PAGE.name}; {renew}, and add the change to CHANGELOG.md"
    assert now == then, renew
