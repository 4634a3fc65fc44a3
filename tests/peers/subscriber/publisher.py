"""A publisher by the same SDK, with which server and subscriber are tried: raw I420 frames on standard input, and a tone.

Prints `published VIDEO_SID AUDIO_SID`. It ends with its standard input.
"""

import argparse
import asyncio
import os
import sys

import numpy
from livekit import rtc

RATE, CHANNELS, BLOCK_MS = 48_000, 2, 10


async def tone(source, hertz):
    """0.2515 is -15 dBFS RMS."""
    length, start = RATE * BLOCK_MS // 1000, 0
    while True:
        wave = 0.2515 * 32767 * numpy.sin(2 * numpy.pi * hertz * numpy.arange(start, start + length) / RATE)
        block = numpy.repeat(wave.astype(numpy.int16), CHANNELS)
        # Waits when enough is waiting already: it paces this loop.
        await source.capture_frame(rtc.AudioFrame(block.tobytes(), RATE, CHANNELS, length))
        start = (start + length) % RATE


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--size", required=True, help="as 1280x720")
    parser.add_argument("--tone", type=float, default=500, help="hertz")
    parser.add_argument("--simulcast", action="store_true")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))

    room = rtc.Room()
    await room.connect(arguments.url, os.environ["LIVEKIT_TOKEN"])
    picture, sound = rtc.VideoSource(width, height), rtc.AudioSource(RATE, CHANNELS)
    encoding = rtc.VideoEncoding(max_bitrate=4_000_000, max_framerate=30)
    video = await room.local_participant.publish_track(
        rtc.LocalVideoTrack.create_video_track("program", picture),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, video_codec=rtc.VideoCodec.H264,
                                simulcast=arguments.simulcast, video_encoding=encoding),
    )
    audio = await room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("program-audio", sound),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False),
    )
    print("published", video.sid, audio.sid, flush=True)
    playing = asyncio.create_task(tone(sound, arguments.tone))
    size = width * height * 3 // 2
    loop = asyncio.get_running_loop()
    while len(data := await loop.run_in_executor(None, sys.stdin.buffer.read, size)) == size:
        picture.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data))
    playing.cancel()
    await asyncio.wait_for(room.disconnect(), 2)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        # The SDK's own threads may abort in an ordinary exit.
        os._exit(0 if sys.exc_info()[0] is None else 1)
