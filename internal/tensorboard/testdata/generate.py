"""Writes expected.tfevents with TensorBoard's own writer: the events of
TestEqualsTensorBoard. Needs the package: pip install tensorboard, then run it here.
"""
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

EVENTS = [
    event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    event_pb2.Event(wall_time=1700000000.25, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
]
SCALARS = [
    (0, 1700000001.0, {"evaluation/heldout_accuracy": 0.0}),
    (1, 1700000002.5, {"rl/loss": -0.125, "rl/reward": 1.5, "rl/größe": 3e38}),
    (300, 1700000003.75, {"rl/lr": 1e-7, "rl/tokens_per_second": 123456.789}),
    (2**31, 1700000004.0, {"x" * 200: float("inf")}),
]
for step, time, values in SCALARS:
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=t, simple_value=v) for t, v in sorted(values.items())])
    EVENTS.append(event_pb2.Event(wall_time=time, step=step, summary=summary))

with open(pathlib.Path(__file__).with_name("expected.tfevents"), "wb") as f:
    writer = RecordWriter(f)
    for event in EVENTS:
        writer.write(event.SerializeToString())
    writer.flush()
