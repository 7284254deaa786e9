"""Keep to one request a second per API key, over all processes, with slots in Redis.

The vendor allows one request per second and key. A slot is *reserved* shortly before its time, so that
the most urgent request is chosen late. It is *confirmed* in the instant before the first byte leaves,
then *sent*, then *answered*, which frees it. The next slot lies `spacing` after the bytes of the last
request left, and a full second after its answer came, whichever process sends. Both count: how long a
request travels is unknown here, but its answer proves that it had arrived. So does the acknowledgement
of its last byte: a call that hangs after that gives its slot up, and the next goes out beside it. A key
has one reservation at most: a killed holder costs two empty seconds, never a deadlock.

Only Redis' own clock is used, so wrong clocks on our hosts change nothing. Redis may not know a key:
at first use, after a restart or from a restored backup (its run id tells). Another process may just have
sent then, so one interval is waited. While Redis is away, `LimiterAway` is raised and nothing is sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tenovi.client.errors import LimiterAway, SlotLost

SPACING = 1.05  # seconds; the 50 ms above the vendor's second are room for its answer
QUIET = 1.0  # seconds after an answer: the vendor's second, counted from a moment after its start
HOLD = 2.0  # seconds past its time after which the slot of a silent holder is taken
PATIENCE = 3.0  # seconds that a caller waits for a slot
LEAD = 0.25  # seconds before the slot in which a request is chosen and the connection opened
POLL = 0.05  # seconds between looks at a slot that another process holds
TRUSTED_ROUND_TRIP = 0.5  # seconds; a confirmation that took longer is too old to act on


_STATE = """
local key, me = KEYS[1], ARGV[1]
local spacing, quiet, hold = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local line = redis.call('HMGET', key, 'run', 'last', 'blocked', 'holder', 'slot', 'heard')
local last, blocked = tonumber(line[2]) or now, tonumber(line[3]) or 0
local holder, slot, heard = line[4] or '', tonumber(line[5]) or 0, tonumber(line[6]) or 0
if line[1] ~= run then last, heard, holder, slot = now, now, '', 0 end
last, heard = math.min(last, now), math.min(heard, now) -- the clock may have been set back
blocked = math.min(blocked, now + 3600000000)
local function earliest() return math.max(now, last + spacing, heard + quiet, blocked) end
local function keep()
  local digits = function(number) return string.format('%.0f', number) end
  redis.call('HSET', key, 'run', run, 'last', digits(last), 'blocked', digits(blocked),
             'holder', holder, 'slot', digits(slot), 'heard', digits(heard))
  redis.call('PEXPIRE', key, 7200000)
end
"""

_RESERVE = (
    _STATE
    + """
local answer
if holder ~= '' and holder ~= me and now < slot + hold then
  answer = {0, math.ceil(math.max(slot - now, 20000))}
else
  holder, slot = me, earliest()
  answer = {1, math.ceil(slot - now)}
end
keep()
return answer
"""
)

_CONFIRM = (
    _STATE
    + """
local wait = -1
if holder == me then
  slot = earliest()
  wait = math.ceil(slot - now)
  if wait == 0 then last = now end
end
keep()
return wait
"""
)

_SENT = _STATE + "last = now if holder == me then slot = now end keep()"

_ARRIVED = _STATE + "if holder == me then heard = now end keep()"

_ANSWERED = _STATE + "heard = now if holder == me then holder, slot = '', 0 end keep()"

_RELEASE = _STATE + "if holder == me then holder, slot = '', 0 end keep()"

_PENALISE = _STATE + "blocked = math.max(blocked, now + tonumber(ARGV[5])) keep()"


class Limiter:
    """Hand out slots of API keys. `spacing` in seconds."""

    def __init__(self, redis: Redis, *, spacing: float = SPACING) -> None:
        self._redis = redis
        self._spacing = spacing
        self._scripts = {
            name: redis.register_script(text)
            for name, text in {
                "reserve": _RESERVE,
                "confirm": _CONFIRM,
                "sent": _SENT,
                "arrived": _ARRIVED,
                "answered": _ANSWERED,
                "release": _RELEASE,
                "penalise": _PENALISE,
            }.items()
        }

    @classmethod
    def at(cls, redis_url: str, *, spacing: float = SPACING) -> Limiter:
        """Use the Redis at this address, without retries: a late answer is no answer."""
        redis = Redis.from_url(
            redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        return cls(redis, spacing=spacing)

    def close(self) -> None:
        self._redis.close()

    def slot(self, api_key: str) -> Slot:
        return Slot(self, key_digest(api_key))

    def run(self, script: str, key: str, holder: str, *, seconds: float = 0) -> Any:
        """Run one script on the state of one key. Raises `LimiterAway`."""
        quiet = min(QUIET, self._spacing)
        numbers = [round(value * 1_000_000) for value in (self._spacing, quiet, HOLD, seconds)]
        try:
            return self._scripts[script](keys=[f"vitaldays:line:{key}"], args=[holder, *numbers])
        except RedisError:
            raise LimiterAway("Redis is away, so nothing is sent to Tenovi until it is back.") from None


class Slot:
    """The next second of one key, for one caller. The gate of a client."""

    def __init__(self, limiter: Limiter, key: str) -> None:
        self._limiter = limiter
        self._key = key
        self._me = uuid.uuid4().hex

    def reserve(self) -> bool:
        """Reserve the next free slot and sleep until shortly before it.

        Returns False when that is more than a few seconds away: the key is blocked, or many wait for it.
        """
        give_up = time.monotonic() + PATIENCE
        while True:
            is_ours, microseconds = self._run("reserve")
            wait = microseconds / 1_000_000
            if time.monotonic() + wait > give_up:
                self.release()
                return False
            if is_ours:
                time.sleep(max(0.0, wait - LEAD))
                return True
            time.sleep(min(wait, POLL))

    def confirm(self) -> None:
        """Wait for our slot, a few seconds at most, and take it. Raises `SlotLost`."""
        give_up = time.monotonic() + PATIENCE
        while True:
            asked = time.monotonic()
            microseconds = self._run("confirm")
            answered = time.monotonic()
            if microseconds == 0 and answered - asked < TRUSTED_ROUND_TRIP:
                return
            if microseconds < 0 or answered + microseconds / 1_000_000 > give_up:
                raise SlotLost("The second was given to another request.")
            time.sleep(microseconds / 1_000_000)

    def sent(self) -> None:
        with contextlib.suppress(LimiterAway):  # when it is back, every process waits an interval
            self._run("sent")

    def arrived(self) -> bool:
        """Note that the vendor has the request, answered or not. False when Redis is away."""
        try:
            self._run("arrived")
        except LimiterAway:
            return False
        return True

    def answered(self) -> None:
        with contextlib.suppress(LimiterAway):
            self._run("answered")

    def release(self) -> None:
        """Give a reservation back unused."""
        with contextlib.suppress(LimiterAway):
            self._run("release")

    def penalise(self, seconds: float) -> None:
        """Block the key for all processes for so long."""
        self._limiter.run("penalise", self._key, self._me, seconds=seconds)

    def _run(self, script: str) -> Any:
        return self._limiter.run(script, self._key, self._me)


def key_digest(api_key: str) -> str:
    """Name a key where the key itself must not appear."""
    return hashlib.sha256(api_key.encode()).hexdigest()
