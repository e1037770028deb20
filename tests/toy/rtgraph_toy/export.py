"""An exporter: the number of messages on each topic, as text."""

from __future__ import annotations

from collections import Counter

from rtgraph.msgs.bag.export import ExportReport, Target


def export_counts(bag, out, *, topics=(), start_ns=None, end_ns=None, progress=None):
    counts = Counter(
        recorded.channel.topic for recorded in bag.messages(topics=topics, start_ns=start_ns, end_ns=end_ns)
    )
    out.write_text("".join(f"{topic} {count}\n" for topic, count in sorted(counts.items())))
    return ExportReport("counts", (out,), counts.total())


TARGET = Target("counts", "number of messages by topic, as text", ".txt", function=export_counts)
