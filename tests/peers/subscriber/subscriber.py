"""A viewer of a LiveKit room: tells, a JSON object a line, what it is sent.

Events (`event`, and `wall`: milliseconds since 1970 at which it came, and `mono`: seconds of CLOCK_MONOTONIC):
connected, joined, left, track, track_gone, muted, unmuted, video (a frame), audio (100 ms), reconnecting, reconnected,
disconnected, failed.
tests/src/subscriber.rs has their fields.

Commands, on standard input, a JSON object a line: {"track": sid, "quality": "low"|"medium"|"high"} asks for a layer,
{"track": sid, "subscribed": bool} subscribes or leaves a track. It ends with its standard input.
"""

import argparse
import asyncio
import json
import os
import sys
import time

import numpy
from livekit import rtc

import clock

GRID = 4
# Frames that may wait to be looked at; older ones make room.
WAITING = 90
RATE, CHANNELS, WINDOW_MS = 48_000, 2, 100
# A level that stands for silence, in dBFS.
SILENCE_DB = -120.0
QUALITY = {
    "low": rtc.VideoQuality.VIDEO_QUALITY_LOW,
    "medium": rtc.VideoQuality.VIDEO_QUALITY_MEDIUM,
    "high": rtc.VideoQuality.VIDEO_QUALITY_HIGH,
}
KIND = {rtc.TrackKind.KIND_VIDEO: "video", rtc.TrackKind.KIND_AUDIO: "audio"}


def tell(event, at=None, **fields):
    wall, mono = at or now()
    print(json.dumps({"event": event, "wall": wall, "mono": mono, **fields}), flush=True)


def now():
    return time.time() * 1000, time.monotonic()


def colours(planes):
    """The mean colours of a grid of the picture, row by row, as BT.709 with a video's range (16 to 235)."""
    means = []
    for plane in planes:
        # Every fourth sample of flat parts tells as much as all of them.
        thin = plane[::4, ::4].astype(numpy.float32)
        rows = numpy.array_split(thin, GRID, axis=0)
        means.append([cell.mean() for row in rows for cell in numpy.array_split(row, GRID, axis=1)])
    y, u, v = ((numpy.array(mean) - offset) * scale for mean, offset, scale in
               zip(means, (16, 128, 128), (255 / 219, 255 / 224, 255 / 224)))
    rgb = numpy.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], axis=1)
    return numpy.clip(rgb.round(), 0, 255).astype(int).tolist()


def i420(frame):
    """The three planes of a frame, without copying them."""
    width, height = frame.width, frame.height
    chroma = ((height + 1) // 2, (width + 1) // 2)
    planes = [numpy.frombuffer(frame.get_plane(index), dtype=numpy.uint8) for index in range(3)]
    return [planes[0].reshape(height, width), planes[1].reshape(chroma), planes[2].reshape(chroma)]


def decibel(value):
    return round(20 * float(numpy.log10(value)), 2) if value > 0 else SILENCE_DB


def dominant_hz(samples):
    """The strongest frequency, to about a hertz: the peak of the spectrum, between its bins by a parabola."""
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    peak = int(spectrum[1:-1].argmax()) + 1
    left, top, right = numpy.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    curve = left - 2 * top + right
    return round((peak + (0.5 * (left - right) / curve if curve else 0)) * RATE / len(samples), 1)


class Viewer:
    def __init__(self, region):
        self.region = region
        self.room = rtc.Room()
        self.publications = {}
        self.tasks = {}
        room = self.room
        room.on("participant_connected", lambda who: tell("joined", identity=who.identity))
        room.on("participant_disconnected", lambda who: tell("left", identity=who.identity))
        room.on("track_published", lambda publication, who: self.publications.update({publication.sid: publication}))
        room.on("track_subscribed", self.subscribed)
        room.on("track_unsubscribed", self.unsubscribed)
        room.on("track_muted", lambda _who, publication: tell("muted", sid=publication.sid))
        room.on("track_unmuted", lambda _who, publication: tell("unmuted", sid=publication.sid))
        room.on("reconnecting", lambda: tell("reconnecting"))
        room.on("reconnected", lambda: tell("reconnected"))
        room.on("disconnected", lambda reason: tell("disconnected", reason=rtc.DisconnectReason.Name(reason)))

    def subscribed(self, track, publication, participant):
        kind = KIND.get(publication.kind, "other")
        self.publications[publication.sid] = publication
        tell(
            "track", sid=publication.sid, name=publication.name, kind=kind, identity=participant.identity,
            source=rtc.TrackSource.Name(publication.source), mime=publication.mime_type,
            width=publication.width, height=publication.height, simulcast=publication.simulcasted,
        )
        listen = {"video": self.watch, "audio": self.hear}.get(kind)
        if listen:
            self.tasks[publication.sid] = asyncio.create_task(listen(publication.sid, track))

    def unsubscribed(self, _track, publication, _participant):
        task = self.tasks.pop(publication.sid, None)
        if task:
            task.cancel()
        tell("track_gone", sid=publication.sid)

    async def watch(self, sid, track):
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420, capacity=WAITING)
        async for event in stream:
            at, frame = now(), event.frame
            planes = i420(frame)
            drawn = clock.read(planes[0], self.region)
            tell("video", at, sid=sid, pts_us=event.timestamp_us, width=frame.width, height=frame.height,
                 cells=colours(planes), clock=drawn)

    async def hear(self, sid, track):
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=CHANNELS, frame_size_ms=WINDOW_MS)
        async for event in stream:
            at, frame = now(), event.frame
            samples = numpy.frombuffer(frame.data, dtype=numpy.int16).reshape(-1, frame.num_channels) / 32768
            levels = [decibel(float(numpy.sqrt((channel**2).mean()))) for channel in samples.T]
            tell("audio", at, sid=sid, rate=frame.sample_rate, channels=frame.num_channels,
                 samples=frame.samples_per_channel, levels_db=levels, hz=dominant_hz(samples.mean(axis=1)))

    def obey(self, command):
        publication = self.publications[command["track"]]
        if "quality" in command:
            publication.set_video_quality(QUALITY[command["quality"]])
        if "subscribed" in command:
            publication.set_subscribed(command["subscribed"])


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="as ws://127.0.0.1:7880")
    parser.add_argument("--clock-in", default="0,0,1,1", help="the part of the picture the clock is drawn in: x,y,w,h of 1")
    arguments = parser.parse_args()
    viewer = Viewer([float(part) for part in arguments.clock_in.split(",")])
    try:
        await viewer.room.connect(arguments.url, os.environ["LIVEKIT_TOKEN"], rtc.RoomOptions())
    except rtc.ConnectError as cause:
        tell("failed", reason=str(cause))
        return
    tell("connected", room=viewer.room.name, identity=viewer.room.local_participant.identity)
    for who in viewer.room.remote_participants.values():
        tell("joined", identity=who.identity)
        viewer.publications.update(who.track_publications)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        viewer.obey(json.loads(line))
    await asyncio.wait_for(viewer.room.disconnect(), 2)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        sys.stdout.flush()
        # The SDK's own threads may abort in an ordinary exit.
        os._exit(0 if sys.exc_info()[0] is None else 1)
