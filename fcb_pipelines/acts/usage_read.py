"""What the reading of a month's usage is told as, while a snapshot is taken.

Owns: the line and nothing else.
"""

from fcb_pipelines.store.pulled import UsageHeader


def usage_line(header: UsageHeader) -> str:
    """How many events there were, and what was odd among them."""
    counted = {
        "duplicate": header.duplicates,
        "in conflict": header.conflicts,
        "rejected": header.rejected,
        "gone": header.absent,
    }
    odd = [f"{count} {what}" for what, count in counted.items() if count]
    return ", ".join([f"usage {header.period}: {header.events} events ({header.new_events} new)", *odd])
