"""The ways in which a link to a device goes wrong, by name: what a proxy is told to do. Knows no socket."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coolantd.sim import chaos_lies as lies
from coolantd.sim import chaos_streams as streams
from coolantd.sim.chaos_deeds import Accepts, Toxic

SOME: Final = 0.3
"""Share of replies that a toxic touches which does not touch all."""


class Kind(StrEnum):
    """Ways of going wrong."""

    DELAY = "delay"
    JITTER = "jitter"
    LATE = "late"
    LATE_SOME = "late_some"
    BURST = "burst"
    SLICE = "slice"
    TRICKLE = "trickle"
    DROP_SOME = "drop_some"
    MUTE = "mute"
    DEAF = "deaf"
    BLACKHOLE = "blackhole"
    HALF_OPEN = "half_open"
    REFUSE = "refuse"
    ACCEPT_MUTE = "accept_mute"
    ACCEPT_RESET = "accept_reset"
    RESET = "reset"
    RESET_SOME = "reset_some"
    RESET_MID_FRAME = "reset_mid_frame"
    CLOSE = "close"
    SLOW_CLOSE = "slow_close"
    FLAP = "flap"
    LIMIT = "limit"
    TRUNCATE = "truncate"
    REORDER = "reorder"
    DUPLICATE = "duplicate"
    ECHO = "echo"
    CORRUPT = "corrupt"
    CORRUPT_HEADER = "corrupt_header"
    GARBAGE = "garbage"
    BABBLE = "babble"
    OVERSIZE = "oversize"
    WRONG_TRANSACTION = "wrong_transaction"
    ZERO_TRANSACTION = "zero_transaction"
    OLD_TRANSACTION = "old_transaction"
    WRONG_PROTOCOL = "wrong_protocol"
    LONG_LENGTH = "long_length"
    SHORT_LENGTH = "short_length"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    FEW_WORDS = "few_words"
    MANY_WORDS = "many_words"
    WRONG_BYTE_COUNT = "wrong_byte_count"
    ODD_BYTES = "odd_bytes"
    EMPTY = "empty"
    ILLEGAL_ADDRESS = "illegal_address"
    DEVICE_FAILURE = "device_failure"
    BUSY = "busy"
    TARGET_SILENT = "target_silent"
    EXCEPTION_STORM = "exception_storm"
    WRONG_ECHO = "wrong_echo"
    WRITE_MUTE = "write_mute"
    WRITE_REFUSED = "write_refused"
    WRITE_SWALLOWED = "write_swallowed"
    STALE_CACHE = "stale_cache"
    NOT_A_NUMBER = "not_a_number"
    IMPOSTOR = "impostor"


TOXICS: Final[Mapping[Kind, Toxic]] = {
    Kind.DELAY: Toxic(streams.delay),
    Kind.JITTER: Toxic(streams.jitter),
    Kind.LATE: Toxic(streams.late),
    Kind.LATE_SOME: Toxic(streams.in_part(streams.late, SOME)),
    Kind.BURST: Toxic(streams.burst),
    Kind.SLICE: Toxic(streams.one_by_one),
    Kind.TRICKLE: Toxic(streams.trickle),
    Kind.DROP_SOME: Toxic(streams.in_part(streams.nothing, SOME)),
    Kind.MUTE: Toxic(streams.nothing),
    Kind.DEAF: Toxic(hears=False),
    Kind.BLACKHOLE: Toxic(streams.nothing, hears=False),
    Kind.HALF_OPEN: Toxic(reads=False, accepts=Accepts.MUTE),
    Kind.REFUSE: Toxic(accepts=Accepts.NOT_AT_ALL, cuts_at_once=True),
    Kind.ACCEPT_MUTE: Toxic(accepts=Accepts.MUTE, cuts_at_once=True),
    Kind.ACCEPT_RESET: Toxic(accepts=Accepts.RESET, cuts_at_once=True),
    Kind.RESET: Toxic(streams.reset),
    Kind.RESET_SOME: Toxic(streams.in_part(streams.reset, SOME)),
    Kind.RESET_MID_FRAME: Toxic(streams.reset_mid_frame),
    Kind.CLOSE: Toxic(streams.close),
    Kind.SLOW_CLOSE: Toxic(streams.slow_close),
    Kind.FLAP: Toxic(streams.flap),
    Kind.LIMIT: Toxic(streams.limit),
    Kind.TRUNCATE: Toxic(streams.truncate),
    Kind.REORDER: Toxic(streams.reorder),
    Kind.DUPLICATE: Toxic(streams.duplicate),
    Kind.ECHO: Toxic(streams.echo),
    Kind.CORRUPT: Toxic(streams.in_part(lies.corrupt, SOME)),
    Kind.CORRUPT_HEADER: Toxic(lies.corrupt_header),
    Kind.GARBAGE: Toxic(lies.garbage),
    Kind.BABBLE: Toxic(lies.babble),
    Kind.OVERSIZE: Toxic(lies.oversize),
    Kind.WRONG_TRANSACTION: Toxic(lies.transaction),
    Kind.ZERO_TRANSACTION: Toxic(lies.zero_transaction),
    Kind.OLD_TRANSACTION: Toxic(lies.old_transaction),
    Kind.WRONG_PROTOCOL: Toxic(lies.protocol),
    Kind.LONG_LENGTH: Toxic(lies.long_length),
    Kind.SHORT_LENGTH: Toxic(lies.short_length),
    Kind.WRONG_UNIT: Toxic(lies.unit),
    Kind.WRONG_FUNCTION: Toxic(lies.function),
    Kind.FEW_WORDS: Toxic(lies.few_words),
    Kind.MANY_WORDS: Toxic(lies.many_words),
    Kind.WRONG_BYTE_COUNT: Toxic(lies.byte_count),
    Kind.ODD_BYTES: Toxic(lies.odd_bytes),
    Kind.EMPTY: Toxic(lies.empty),
    Kind.ILLEGAL_ADDRESS: Toxic(lies.refuses(2)),
    Kind.DEVICE_FAILURE: Toxic(lies.refuses(4)),
    Kind.BUSY: Toxic(lies.refuses(6)),
    Kind.TARGET_SILENT: Toxic(lies.refuses(11)),
    Kind.EXCEPTION_STORM: Toxic(lies.refuses(1, 2, 3, 4, 5, 6, 8, 10, 11, 0, 255)),
    Kind.WRONG_ECHO: Toxic(lies.wrong_echo),
    Kind.WRITE_MUTE: Toxic(lies.write_mute),
    Kind.WRITE_REFUSED: Toxic(lies.write_refused),
    Kind.WRITE_SWALLOWED: Toxic(takes_writes=False),
    Kind.STALE_CACHE: Toxic(lies.stale_cache),
    Kind.NOT_A_NUMBER: Toxic(lies.not_a_number),
    Kind.IMPOSTOR: Toxic(lies.impostor, cuts_at_once=True),
}
