"""An exporter: the number of messages on each topic, as text."""

from __future__ import annotations

from collections import Counter

from rtgraph.msgs.bag.export import EVERYTHING, ExportReport, Target


def export_counts(bag, out, selection=EVERYTHING):
    messages = bag.messages(topics=selection.topics, start_ns=selection.start_ns, end_ns=selection.end_ns)
    counts = Counter(recorded.channel.topic for recorded in messages)
    out.write_text("".join(f"{topic} {count}\n" for topic, count in sorted(counts.items())))
    return ExportReport("counts", (out,), counts.total())


TARGET = Target("counts", "number of messages by topic, as text", ".txt", function=export_counts)
