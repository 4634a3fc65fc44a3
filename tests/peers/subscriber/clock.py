"""The clock in the picture, read from a frame. Its form is told in tests/src/clock.rs, which draws it."""

import binascii

import numpy

COLUMNS, ROWS = 16, 4
# A block, as a part of the width and of the height of the picture that the clock was drawn into.
BLOCK_WIDTH, BLOCK_HEIGHT = 1 / 40, 1 / 30
# Of 255: less between the brightest and the darkest block is no clock.
CONTRAST = 60
TIME_BYTES = 6


def read(luma, region):
    """Milliseconds since 1970 that are drawn into a part (x, y, width, height, of 1) of a plane of brightness, or None."""
    height, width = luma.shape
    left, top, wide, high = region[0] * width, region[1] * height, region[2] * width, region[3] * height
    across, down = wide * BLOCK_WIDTH, high * BLOCK_HEIGHT
    first = top + high - ROWS * down
    if min(across, down) < 2:
        return None
    levels = [
        middle(luma, left + column * across, first + row * down, across, down)
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    low, high_level = min(levels), max(levels)
    if high_level - low < CONTRAST:
        return None
    bits = [level > (low + high_level) / 2 for level in levels]
    message = numpy.packbits(bits).tobytes()
    time, check = message[:TIME_BYTES], message[TIME_BYTES:]
    if binascii.crc_hqx(time, 0xFFFF) != int.from_bytes(check, "big"):
        return None
    return int.from_bytes(time, "big")


def middle(luma, x, y, width, height):
    """The mean of the middle quarter of a block: its edges are blurred."""
    left, top = int(x + width / 4), int(y + height / 4)
    right, bottom = max(left + 1, round(x + width * 3 / 4)), max(top + 1, round(y + height * 3 / 4))
    return float(luma[top:bottom, left:right].mean())
