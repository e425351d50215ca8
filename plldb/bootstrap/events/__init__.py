"""What bootstrap tells the world: a closed union of frozen values. Pure.

The last event of an operation carries its result; failures are raised, not yielded.
"""

from __future__ import annotations

from plldb.bootstrap.events.destroy import DestroyEvent, DestroyFinished, RemovalPlanned
from plldb.bootstrap.events.looks import DoctorEvent, DoctorFinished, WatchEvent, WatchFinished
from plldb.bootstrap.events.setup import SetupEvent, SetupFinished, SetupPlanned

Event = SetupEvent | DestroyEvent | WatchEvent | DoctorEvent
"""Everything that bootstrap can say."""
Result = SetupFinished | SetupPlanned | DestroyFinished | RemovalPlanned | WatchFinished | DoctorFinished
"""The last event of each operation."""
