"""What the debugger tells the world: a closed union of frozen values. Pure.

The last event of a stream carries its result; failures are raised, not yielded.
"""

from __future__ import annotations

from plldb.debugger.events.attach import AttachEvent
from plldb.debugger.events.replay import ReplayEvent
from plldb.debugger.events.restore import RestoreEvent

Event = RestoreEvent | AttachEvent | ReplayEvent
"""Everything that an operation of the debugger can say."""
